# Copyright (c) semipose_mm authors.
"""Training steps on CPU run with the number of threads that is fastest."""
import os
import time
from typing import List, Optional

import torch
from mmengine.device import get_device
from mmengine.dist import get_world_size
from mmengine.runner import Runner

from ..hooks import CompileHook
from .thread_search import ThreadSearch


class StepThreads:
    """Times iterations and sets the number of threads for the next.

    It does nothing on an accelerator, with several processes, where
    ``OMP_NUM_THREADS`` is set, where one core can be used, and where a number
    of threads must stay: with ``randomness.deterministic`` and with networks
    that a ``CompileHook`` compiles.

    Args:
        runner (Runner): The runner of the training.
        workers (int): Processes that load data. Defaults to 0
    """

    def __init__(self, runner: Runner, workers: int = 0) -> None:
        self._logger = runner.logger
        self._started: Optional[float] = None
        self._search: Optional[ThreadSearch] = None
        self._before = torch.get_num_threads()
        candidates = thread_candidates()
        if len(candidates) > 1 and get_device() == 'cpu' and \
                get_world_size() == 1 and \
                'OMP_NUM_THREADS' not in os.environ and \
                not runner._randomness_cfg.get('deterministic') and \
                not any(isinstance(hook, CompileHook)
                        for hook in runner.hooks):
            self._search = ThreadSearch(candidates, workers)
            torch.set_num_threads(self._search.settled)

    def start(self) -> None:
        """An iteration begins, with waiting for its data."""
        if self._search is not None:
            torch.set_num_threads(self._search.threads)
            self._started = time.perf_counter()

    def stop(self) -> None:
        """Its step has ended.

        One that was not started does not count.
        """
        if self._search is None or self._started is None:
            return
        finding = self._search.add(time.perf_counter() - self._started)
        self._started = None
        torch.set_num_threads(self._search.settled)
        if finding is not None and finding.changed:
            self._logger.info(f'CPU threads: {finding}; '
                              'OMP_NUM_THREADS fixes them')

    def restore(self) -> None:
        """The training has ended: set what was set before it."""
        if self._search is not None:
            torch.set_num_threads(self._before)


def thread_candidates() -> List[int]:
    """Numbers of threads that are worth trying: 1, 2, 4, ... and all cores.

    Cores are those that torch would use, that the process may run on, and
    that the quota of its control group pays for.
    """
    cores = torch.get_num_threads()
    if hasattr(os, 'sched_getaffinity'):
        cores = min(cores, len(os.sched_getaffinity(0)))
    cores = max(1, min(cores, int(_cpu_quota())))
    return sorted({1 << i for i in range(cores.bit_length())} | {cores})


def _cpu_quota(root: str = '/sys/fs/cgroup') -> float:
    """Cores' worth of time that a container may use, of cgroup v2 or v1."""
    for names in (('cpu.max', ), ('cpu/cpu.cfs_quota_us',
                                  'cpu/cpu.cfs_period_us')):
        try:
            words = []
            for name in names:
                with open(os.path.join(root, name)) as file:
                    words += file.read().split()
            quota, period = map(int, words)
        except (OSError, ValueError):  # 'max': no quota
            continue
        if quota > 0 and period > 0:
            return quota / period
    return 1 << 20
