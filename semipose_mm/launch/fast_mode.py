# Copyright (c) semipose_mm authors.
"""What ``semipose train --fast`` means, written into the config.

Nothing here changes what is learned but by rounding: convolutions get the
memory layout they prefer, forward passes run in bfloat16 where the
processor has it, the optimizer's step is one kernel, and networks are
compiled where that has been seen to pay.
"""
import argparse
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Dict, List

from semipose_mm.config_files import type_name

if TYPE_CHECKING:
    from mmengine.config import Config

AMP_WRAPPER = 'AnyDeviceAmpOptimWrapper'
FUSED = ('Adam', 'AdamW')


def set_amp(parser: argparse.ArgumentParser, cfg: 'Config',
            option: str) -> None:
    """Choose mixed precision.

    Args:
        parser (ArgumentParser): Reports mistakes.
        cfg (Config): Changed in place.
        option (str): Who asks for it.
    """
    name = type_name(cfg.optim_wrapper, 'OptimWrapper')
    if name not in ('OptimWrapper', 'AmpOptimWrapper', 'FiniteOptimWrapper',
                    AMP_WRAPPER):
        parser.error(f'{option} cannot change optim_wrapper.type {name}, '
                     'which must be OptimWrapper or AmpOptimWrapper')
    cfg.optim_wrapper.type = AMP_WRAPPER


def set_fast(parser: argparse.ArgumentParser, cfg: 'Config') -> None:
    """Write the fast mode into a config.

    Args:
        parser (ArgumentParser): Reports mistakes.
        cfg (Config): Changed in place.
    """
    import torch
    chosen = ['channels-last']
    hooks = list(cfg.get('custom_hooks') or [])
    _add(hooks, dict(type='ChannelsLastHook'))
    if has_bfloat16():
        set_amp(parser, cfg, '--fast')
        cfg.optim_wrapper.dtype = 'bfloat16'
        chosen.append('bfloat16')
    if type_name(cfg.optim_wrapper.optimizer) in FUSED:
        cfg.optim_wrapper.optimizer.fused = True
        chosen.append('fused optimizer')
    if torch.cuda.is_available():
        cfg.setdefault('env_cfg', dict())
        cfg.env_cfg.cudnn_benchmark = True
    recomputes = cfg.model.get('recompute')
    if type_name(cfg.model) == 'SemiPoseEstimator' and not recomputes and \
            compiling_pays():
        _add(hooks, dict(type='CompileHook'))
        chosen.append('compiled networks')
    cfg.custom_hooks = hooks
    print(f'--fast: {", ".join(chosen)}')


def _add(hooks: List[dict], hook: dict) -> None:
    """Add a hook unless it is there."""
    if hook['type'] not in map(type_name, hooks):
        hooks.append(hook)


def has_bfloat16() -> bool:
    """Whether the device computes in bfloat16 faster than in float32."""
    import torch
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)
    return {'avx512_bf16', 'amx_bf16'} & cpu_flags() != set()


def compiling_pays() -> bool:
    """Whether compiled networks are faster, and can be compiled.

    On a GPU and on processors with AMX they are; on one with AVX-512
    alone nothing was gained (docs/benchmarks.md).
    """
    import torch
    if torch.cuda.is_available():
        # Triton builds its launchers with a C compiler
        return torch.cuda.get_device_capability() >= (7, 0) and \
            find_spec('triton') is not None and \
            any(map(shutil.which, ('gcc', 'cc', 'clang')))
    return 'amx_bf16' in cpu_flags() and shutil.which('g++') is not None


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
