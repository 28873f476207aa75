# Copyright (c) semipose_mm authors.
"""Signals that ask a training to end well.

Imports nothing heavy.
"""
import atexit
import os
import signal
import threading
from typing import Optional

#: What schedulers send before they end a job.
SIGNALS = (signal.SIGUSR1, signal.SIGTERM)

_received: Optional[str] = None


def listen() -> None:
    """Note the signals from now on, in this process alone."""
    for number in SIGNALS:
        signal.signal(number, _note)
    os.register_at_fork(after_in_child=_obey_parent_alone)
    # Python takes handlers back at its end, and a late signal would kill it
    atexit.register(signal.signal, signal.SIGUSR1, signal.SIG_IGN)


def forget() -> None:
    """Let the signals end this process, as they do by default."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    if _received is not None:
        os.kill(os.getpid(), signal.Signals[_received])


def requested() -> Optional[str]:
    """The name of the signal that came, None if there was none."""
    return _received


def _note(number: int, frame: object) -> None:
    global _received
    _received = signal.Signals(number).name


def _obey_parent_alone() -> None:
    """Let a data worker outlive signals that all processes of a job get."""
    if signal.getsignal(signal.SIGTERM) is not _note:
        return
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    # torch's own handler in workers would end them, and so the training
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
