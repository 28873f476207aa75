# Copyright (c) semipose_mm authors.
"""A long training, whose memory, files and processes must not grow.

``SEMIPOSE_SOAK_MINUTES`` sets its length, 30 by default.
"""
import os
import os.path as osp
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from people_toys import ROOT, own_config

MINUTES = float(os.environ.get('SEMIPOSE_SOAK_MINUTES', 30))


def descendants(pid):
    """A process and all that it has started."""
    found = [pid]
    for path in Path(f'/proc/{pid}/task').glob('*/children'):
        for child in path.read_text().split():
            found += descendants(int(child))
    return found


def sample(pid):
    """Memory in KiB, open files, processes.

    Pages that the processes share count once; those of libraries do not
    count, as they are shared with strangers who come and go.
    """
    memory = files = 0
    processes = descendants(pid)
    for process in processes:
        lines = Path(f'/proc/{process}/smaps_rollup').read_text().split('\n')
        memory += next(
            int(x.split()[1]) for x in lines if x.startswith('Pss_Anon:'))
        files += len(os.listdir(f'/proc/{process}/fd'))
    return memory, files, len(processes)


@pytest.mark.slow
def test_nothing_grows(people_root, tmp_path, no_yapf):
    cfg = own_config(
        people_root, tmp_path / 'run', **{
            'train_dataloader.dataset.unlabeled.indices': 8,
            'train_cfg.max_epochs': 10**6,
            'train_cfg.val_interval': 50,
            'default_hooks.checkpoint': dict(interval=50, max_keep_ckpts=2),
            'default_hooks.logger.interval': 50
        })
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(num_workers=2, persistent_workers=True)
    cfg.dump(tmp_path / 'soak.py')
    with open(tmp_path / 'log', 'w') as log:
        process = subprocess.Popen([
            sys.executable,
            osp.join(ROOT, 'tools', 'train.py'),
            str(tmp_path / 'soak.py')
        ],
                                   stdout=log,
                                   stderr=log)
        try:
            samples = watch(process)
        finally:
            process.send_signal(signal.SIGUSR1)
            assert process.wait(120) == 0, (tmp_path / 'log').read_text()
    # the first fifth warms up
    samples = samples[len(samples) // 5:]
    part = len(samples) // 4
    first, last = (
        statistics.median(m for m, _, _ in some)
        for some in (samples[:part], samples[-part:]))
    print(f'{len(samples)} samples, memory {first / 1024:.0f} to '
          f'{last / 1024:.0f} MiB ({last / first - 1:+.2%}), files and '
          f'processes {sorted({s[1:] for s in samples})}')
    assert last / first - 1 <= 0.02
    files, processes = zip(*(s[1:] for s in samples))
    assert len(set(processes)) == 1
    # batches on their way from the workers are files, too
    first, last = (
        statistics.median(some) for some in (files[:part], files[-part:]))
    assert last <= 1.05 * first


def watch(process):
    """Take samples until the time is over."""
    end = time.monotonic() + 60 * MINUTES
    samples = []
    while time.monotonic() < end:
        assert process.poll() is None
        try:
            samples.append(sample(process.pid))
        except (FileNotFoundError, ProcessLookupError):
            pass  # one has just ended
        time.sleep(min(5, MINUTES))
    return samples
