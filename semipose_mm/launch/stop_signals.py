# Copyright (c) semipose_mm authors.
"""Signals that ask a training to end well.

Until :func:`listen` is called SIGTERM and Ctrl-C end the process at once.
SIGUSR1 is noted, as SLURM requeues a job only if its processes end well.
Imports nothing heavy.
"""
import atexit
import os
import signal
import threading
import time
from multiprocessing.util import register_after_fork
from typing import Any, Optional

#: What schedulers send before they end a job, and Ctrl-C.
SIGNALS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGINT)
#: Seconds in which a second SIGINT is the first one once more, which
#: torchrun hands on to processes that have had it from the terminal.
AGAIN = 0.5

_received: Optional[str] = None
_interrupted: Optional[float] = None


def end_at_once() -> None:
    """Let SIGTERM and Ctrl-C end this process at once, without traceback."""
    _handle(signal.SIG_DFL)
    signal.signal(signal.SIGUSR1, _note)


def forget() -> None:
    """Let all of them end this process at once, if one has come now."""
    _handle(signal.SIG_DFL)
    if _received is not None:
        os.kill(os.getpid(), signal.Signals[_received])


def listen() -> None:
    """Note the signals from now on, in this process alone.

    A second SIGINT ends the process at once.
    """
    if signal.getsignal(signal.SIGTERM) is _note:
        return
    _handle(_note)
    # not os.register_at_fork: programs that are started keep what it blocks
    register_after_fork(listen, _obey_parent_alone)
    # Python takes handlers back at its end, and a late signal would kill it
    atexit.register(signal.signal, signal.SIGUSR1, signal.SIG_IGN)


def requested() -> Optional[str]:
    """The name of the first signal that came, None if there was none."""
    return _received


def _handle(handler: Any) -> None:
    for number in SIGNALS:
        # ignored in what a shell runs in the background
        if number != signal.SIGINT or \
                signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _note(number: int, frame: object) -> None:
    global _received, _interrupted
    if number == signal.SIGINT:
        now = time.monotonic()
        if _interrupted is not None and now - _interrupted > AGAIN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _interrupted = _interrupted or now
    _received = _received or signal.Signals(number).name


def _obey_parent_alone(_: object) -> None:
    """Let a data worker outlive signals that all processes of a job get."""
    if signal.getsignal(signal.SIGTERM) is not _note:
        return
    for number in (signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    # torch's own handler in workers would end them, and so the training
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
