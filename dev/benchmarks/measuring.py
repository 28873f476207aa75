# Copyright (c) semipose_mm authors.
"""Timings that can be believed, and reports that say where they come from.

What is compared runs in turns, so that a machine that gets slower
meanwhile slows all alike, and ratios are taken within a turn.
"""
import os
import os.path as osp
import platform
import time
from datetime import date
from importlib import metadata
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from scipy.stats import binom

from semipose_mm.launch.fast_mode import cpu_flags, cpu_info

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))

#: Share of the turns' distribution that a confidence interval covers.
CONFIDENCE = 0.95
PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmpose', 'numpy',
            'opencv-python-headless', 'pillow', 'hotcoco', 'semipose_mm')


class Spread(NamedTuple):
    """A median and the confidence interval of it.

    Attributes:
        median (float): In the unit of the values.
        low (float): Lower end of the interval.
        high (float): Upper end.
    """
    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f'{self.median:.3g} ({self.low:.3g} to {self.high:.3g})'


def spread(values: Sequence[float]) -> Spread:
    """Median with its interval, which assumes no distribution.

    The ends are order statistics: the true median lies below the k-th of n
    values as often as a fair coin falls on one side k times of n.

    Args:
        values (Sequence[float]): At least one.

    Returns:
        Spread: With few values, from the least to the greatest.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    n = len(ordered)
    k = max(int(binom.ppf((1 - CONFIDENCE) / 2, n, 0.5)) - 1, 0)
    return Spread(
        float(np.median(ordered)), float(ordered[k]),
        float(ordered[n - 1 - k]))


def in_turns(
    actions: Dict[str, Callable[[], object]],
    turns: int,
    warm_up: int = 2,
    synchronize: Optional[Callable[[],
                                   None]] = None) -> Dict[str, List[float]]:
    """Time actions one after the other, again and again.

    Every other turn is run backwards, so that none always comes after the
    same.

    Args:
        actions (dict): What to call by name.
        turns (int): How often each is timed.
        warm_up (int): Turns before that are not timed. Defaults to 2
        synchronize (Callable, optional): Waits for the device. Defaults to
            None

    Returns:
        dict: Seconds of each turn by name.
    """
    seconds = {name: [] for name in actions}
    for turn in range(-warm_up, turns):
        names = list(actions)
        for name in names if turn % 2 == 0 else reversed(names):
            if synchronize:
                synchronize()
            start = time.perf_counter()
            actions[name]()
            if synchronize:
                synchronize()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds: Sequence[float], base: Sequence[float]) -> Spread:
    """Spread of the ratios within the turns.

    Args:
        seconds (Sequence[float]): Of one action.
        base (Sequence[float]): Of another, the same turns.
    """
    return spread([a / b for a, b in zip(seconds, base)])


def machine() -> dict:
    """What the measurements were taken on.

    Returns:
        dict: Date, processor, cores, memory, threads, device, versions.
    """
    import torch
    found = dict(
        date=date.today().isoformat(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(
            os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30),
        threads=torch.get_num_threads(),
        python=platform.python_version())
    if torch.cuda.is_available():
        found['gpu'] = torch.cuda.get_device_name()
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            pass
    found['torch'] = torch.__version__
    return found


def _processor() -> str:
    """Name of the processor, and what makes it fast in bfloat16."""
    known = cpu_flags() & {'avx2', 'avx512f', 'avx512_bf16', 'amx_bf16'}
    name = cpu_info().get('model name', platform.machine())
    return f'{name} [{" ".join(sorted(known))}]'


def report(title: str, rows: List[List[str]], results: dict,
           out: Optional[str]) -> None:
    """Print a table, and write what it was made of.

    Args:
        title (str): What was measured.
        rows (list[list[str]]): The table; the first row holds the titles.
        results (dict): Numbers for the json file.
        out (str, optional): The json file.
    """
    from semipose_mm.evaluation import markdown_table, write_json
    where = machine()
    print(f'\n{title}\n\n{markdown_table(rows)}\n')
    print(', '.join(f'{key} {value}' for key, value in where.items()))
    if out:
        write_json(out, dict(title=title, machine=where, results=results))
        print(f'written to {out}')
