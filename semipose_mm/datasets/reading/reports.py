# Copyright (c) semipose_mm authors.
"""What a reading found, in the log."""
import logging
from typing import Dict

from mmengine.logging import print_log

from ...data_files import NOTE, WARNING, Findings


def log_findings(findings: Findings, prefix: str = '') -> None:
    """Log warnings and notes.

    Args:
        findings (Findings): The findings.
        prefix (str): What to begin each line with. Defaults to ''.
    """
    for severity, level in ((WARNING, logging.WARNING), (NOTE, logging.INFO)):
        for line in findings.lines(severity):
            print_log(prefix + line, logger='current', level=level)


def describe_left_out(left_out: Dict[str, int],
                      before: str = '; left out: ') -> str:
    """Say what is left out.

    Args:
        left_out (dict[str, int]): Numbers by reason.
        before (str): What to put before them. Defaults to
            ``'; left out: '``.

    Returns:
        str: To be put behind what is used, empty if nothing is left out.
    """
    text = ', '.join(f'{n} {why}' for why, n in left_out.items() if n)
    return before + text if text else ''
