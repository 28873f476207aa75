# Copyright (c) semipose_mm authors.
"""Signals that ask a training to end well.

Imports nothing heavy.
"""
import atexit
import os
import signal
from typing import Optional

#: What schedulers send before they end a job.
SIGNALS = (signal.SIGUSR1, signal.SIGTERM)

_received: Optional[str] = None


def listen() -> None:
    """Note the signals from now on, in this process alone."""
    owner = os.getpid()

    def note(number: int, frame: object) -> None:
        global _received
        # data workers are forked with this handler and go on
        if os.getpid() == owner:
            _received = signal.Signals(number).name

    for number in SIGNALS:
        signal.signal(number, note)
    # Python takes handlers back at its end, and a late signal would kill it
    atexit.register(signal.signal, signal.SIGUSR1, signal.SIG_IGN)


def requested() -> Optional[str]:
    """The name of the signal that came, None if there was none."""
    return _received
