# Copyright (c) semipose_mm authors.
"""What the processor is called and can do, where the system tells."""
from typing import Dict


def cpu_info() -> Dict[str, str]:
    """Entries of the first processor in ``/proc/cpuinfo``; none elsewhere."""
    try:
        with open('/proc/cpuinfo') as file:
            lines = file.read().split('\n\n')[0].splitlines()
    except OSError:
        return {}
    entries = (line.partition(':') for line in lines)
    return {name.strip(): value.strip() for name, _, value in entries}


def cpu_flags() -> set:
    """What it can do, such as ``'avx512_bf16'`` and ``'amx_bf16'``."""
    return set(cpu_info().get('flags', '').split())
