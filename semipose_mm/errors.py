# Copyright (c) semipose_mm authors.
"""Errors that a user can mend."""


class RunError(RuntimeError):
    """Ends a run; the message is one line that says what to do.

    In a run of several processes all of them raise it.
    """
