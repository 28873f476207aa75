# Copyright (c) semipose_mm authors.
"""Several processes: how many there are, and how they meet."""
import argparse
import atexit
import os
import sys
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Optional

from semipose_mm.launch.slurm_master import NoMasterError, find_master

if TYPE_CHECKING:
    from mmengine.config import Config

#: Within which all processes must have come; nodes may boot for minutes.
MEETING_TIME = timedelta(minutes=10)

# Where the launchers say how many processes there are.
COUNTS = dict(
    pytorch='WORLD_SIZE', slurm='SLURM_NTASKS', mpi='OMPI_COMM_WORLD_SIZE')

# What a launcher must have set, and what would have.
NEEDED = dict(
    pytorch=(('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'), 'torchrun'),
    slurm=(('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'), 'srun'))

_has_left = False

SYNCHRONIZED = ('SyncBN', 'MMSyncBN', 'SyncBatchNorm')


def process_count(launcher: str) -> Optional[str]:
    """How many processes there are, None if the launcher does not say.

    Args:
        launcher (str): The option's value.
    """
    return os.environ.get(COUNTS.get(launcher, '')) or None


def check_launcher(parser: argparse.ArgumentParser, launcher: str) -> None:
    """Refuse ways to start several processes that would fail later.

    Args:
        parser (ArgumentParser): Reports mistakes.
        launcher (str): The option's value.
    """
    if launcher == 'mpi' and _on_cpu():
        parser.error('--launcher mpi needs an accelerator; on CPU start '
                     'torchrun and --launcher pytorch')
    names, starter = NEEDED.get(launcher, ((), ''))
    missing = [name for name in names if name not in os.environ]
    if missing:
        parser.error(f'--launcher {launcher} finds no {", ".join(missing)} '
                     f'in the environment; start it with {starter}')


def prepare_processes(cfg: 'Config') -> None:
    """Let several processes meet, without an accelerator over gloo.

    Args:
        cfg (Config): Changed in place.

    Raises:
        SystemExit: If they cannot, with one line.
    """
    if cfg.launcher == 'slurm':
        _read_slurm()
    if cfg.launcher not in NEEDED or not _on_cpu():
        return
    # MMEngine would select a CUDA device, and DDP one for the module
    _start_gloo()
    cfg.setdefault('env_cfg', dict())
    cfg.env_cfg.dist_cfg = dict(backend='gloo')
    if cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False))
    cfg.model_wrapper_cfg.device_ids = None
    if int(os.environ['WORLD_SIZE']) > 1 and _replace_sync_bn(cfg) and \
            os.environ['RANK'] == '0':
        print(
            'SyncBN does not run on CPU: the model has BN instead, whose '
            'running statistics are averaged over the processes',
            file=sys.stderr)


def leave_processes() -> None:
    """End what the processes have met for, once all work is done."""
    global _has_left
    import torch.distributed as dist
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
        _has_left = True


def end_process() -> None:
    """End this process well, if it has left others.

    It ends as children of ``multiprocessing`` do, without the end of the
    interpreter: a thread of gloo that lets go of a tensor then would abort
    it, and DDP keeps these threads when the group is destroyed.
    """
    if not _has_left:
        return
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _on_cpu() -> bool:
    from mmengine.device import get_device
    return get_device() == 'cpu'


def _read_slurm() -> None:
    """Say what SLURM knows by the names that torch reads."""
    try:
        address, port = find_master()
    except NoMasterError as error:
        sys.exit(f'error: --launcher slurm: {error}')
    os.environ.update(
        RANK=os.environ['SLURM_PROCID'],
        WORLD_SIZE=os.environ['SLURM_NTASKS'],
        LOCAL_RANK=os.environ['SLURM_LOCALID'],
        MASTER_ADDR=address,
        MASTER_PORT=str(port))


def _start_gloo() -> None:
    """Let the processes meet within a bounded time."""
    import torch.distributed as dist
    env = os.environ
    try:
        # only the meeting has this limit, not what they exchange later
        store, rank, count = next(
            dist.rendezvous('env://', timeout=MEETING_TIME))
        dist.init_process_group(
            'gloo', store=store, rank=rank, world_size=count)
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        sys.exit(f'error: process {env["RANK"]} of {env["WORLD_SIZE"]} cannot '
                 f'meet the others at {env["MASTER_ADDR"]}:'
                 f'{env["MASTER_PORT"]} (MASTER_ADDR:MASTER_PORT): '
                 f'{reason[:200]}')


def _replace_sync_bn(cfg: 'Config') -> bool:
    """Turn every synchronized batch norm into a plain one."""
    found = cfg.get('sync_bn') is not None
    cfg.sync_bn = None

    def search(node: object) -> None:
        nonlocal found
        if isinstance(node, dict):
            kind = node.get('type')
            if getattr(kind, '__name__', kind) in SYNCHRONIZED:
                node['type'] = 'BN'
                found = True
            if node.get('use_syncbn'):
                node['use_syncbn'] = False
                found = True
            node = list(node.values())
        if isinstance(node, (list, tuple)):
            for value in node:
                search(value)

    search(cfg.model)
    return found
