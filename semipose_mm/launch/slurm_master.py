# Copyright (c) semipose_mm authors.
"""Where the processes of a SLURM job meet: ``python slurm_master.py``.

Prints address and port for the shell scripts. Imports nothing heavy.
"""
import os
import re
import socket
import subprocess
import sys
from typing import Tuple


class NoMasterError(Exception):
    """The place to meet cannot be found; the message says what to set."""


def find_master() -> Tuple[str, int]:
    """Find it by what SLURM and the user have put into the environment.

    Returns:
        tuple: Address of the first node, and a port that is another for the
        job beside it.

    Raises:
        NoMasterError: If the address is not known, or a preset port is none.
    """
    return _address(), _port()


def _address() -> str:
    preset = os.environ.get('MASTER_ADDR')
    if preset:
        return preset
    kind = 'STEP' if 'SLURM_STEP_NODELIST' in os.environ else 'JOB'
    nodes = os.environ.get(f'SLURM_{kind}_NODELIST')
    if not nodes or os.environ.get(f'SLURM_{kind}_NUM_NODES') == '1':
        return '127.0.0.1'
    first = _scontrol('hostnames', nodes).split()[0]
    try:
        socket.getaddrinfo(first, None)
        return first
    except OSError:
        # a node's name in SLURM may be no name of the network
        found = re.search(r'\bNodeAddr=(\S+)', _scontrol('node', first))
    if found is None:
        raise NoMasterError(f'SLURM knows no address of node {first}: set '
                            'MASTER_ADDR')
    return found[1]


def _scontrol(kind: str, name: str) -> str:
    try:
        return subprocess.run(['scontrol', 'show', kind, name],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE,
                              check=True,
                              text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, 'stderr', None) or str(error)).strip()
        raise NoMasterError(f'scontrol does not tell the address of {name} '
                            f'({reason}): set MASTER_ADDR') from None


def _port() -> int:
    for name in ('PORT', 'MASTER_PORT'):
        preset = os.environ.get(name)
        if preset:
            if not preset.isdigit() or not 0 < int(preset) < 65536:
                raise NoMasterError(f'{name} is {preset}, but must be a '
                                    'number from 1 to 65535')
            return int(preset)
    job = os.environ.get('SLURM_JOB_ID')
    return 15000 + int(job) % 15000 if job else 29500


if __name__ == '__main__':
    try:
        print(*find_master())
    except NoMasterError as error:
        sys.exit(f'error: {error}')
