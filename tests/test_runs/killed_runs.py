# Copyright (c) semipose_mm authors.
"""A training that is killed again and again, for the test beside.

``python killed_runs.py PEOPLE FOLDER KILLS SEED`` trains once undisturbed,
then as often as it takes with ``kill -9`` at random moments, every other time
while a checkpoint is being written. It prints what it saw as json. Each
training is a fork of this process, which spares the imports.
"""
import json
import os
import os.path as osp
import random
import signal
import sys
import time
import zipfile

TOYS = osp.join(osp.dirname(osp.dirname(osp.abspath(__file__))), 'toys')
sys.path.insert(0, TOYS)

import torch  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from people_toys import own_config  # noqa: E402

import semipose_mm  # noqa: E402, F401

INTERVAL = 5


class DiaryHook(Hook):
    """Writes down which iterations are done."""

    priority = 'VERY_LOW'

    def before_train(self, runner):
        self.file = open(osp.join(runner.work_dir, 'diary'), 'a', buffering=1)
        self.file.write(f'start {runner.iter}\n')

    def after_train_iter(self, runner, *args, **kwargs):
        self.file.write(f'{runner.iter + 1}\n')


def train(people, work_dir, epochs):
    """Train or go on; to be run in a fork."""
    sys.stdout = open(os.devnull, 'w')
    os.dup2(sys.stdout.fileno(), 2)
    import mmengine.config.config as config
    config.FormatCode = lambda text, **kwargs: (text, True)
    cfg = own_config(
        people,
        work_dir,
        **{
            'train_dataloader.dataset.unlabeled.indices':
            8,
            'train_cfg.max_epochs':
            epochs,
            'default_hooks.checkpoint':
            dict(
                interval=INTERVAL,
                by_epoch=False,
                save_best=None,
                max_keep_ckpts=1),
            'val_cfg':
            None,
            'val_dataloader':
            None,
            'val_evaluator':
            None,
            'resume':
            True
        },
        custom_hooks=[dict(type='MutualTeachingHook', burn_in=10, ramp_up=20)])
    runner = Runner.from_cfg(cfg)
    runner.register_hook(DiaryHook())
    runner.train()


def start(people, work_dir, epochs):
    """Start a training and return its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        train(people, work_dir, epochs)
        status = 0
    finally:
        os._exit(status)


def is_writing(work_dir):
    """Whether there is an unfinished checkpoint."""
    return any(
        name.startswith('.') and name.endswith('.pth')
        for name in os.listdir(work_dir))


def wait_for_the_moment(pid, work_dir, while_writing, delay):
    """Wait for it; False if the training ends before."""
    end = time.monotonic() + delay
    while time.monotonic() < end or (while_writing
                                     and not is_writing(work_dir)):
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0 if while_writing else 0.01)
    return True


def whole_checkpoints(work_dir):
    """Names of the checkpoints, none of which may be torn."""
    names = [
        name for name in os.listdir(work_dir)
        if name.endswith('.pth') and not name.startswith('.')
    ]
    for name in names:
        with zipfile.ZipFile(osp.join(work_dir, name)) as archive:
            assert archive.testzip() is None, f'{name} is torn'
    return names


def main():
    """Train, kill, compare."""
    people, folder, kills, seed = sys.argv[1:]
    torch.set_num_threads(1)
    rng = random.Random(int(seed))
    epochs = 10 + 2 * int(kills)
    whole = osp.join(folder, 'whole')
    begin = time.monotonic()
    assert os.waitpid(start(people, whole, epochs), 0)[1] == 0
    length = time.monotonic() - begin
    killed = writing = 0
    runs = [new_run(folder, 0)]
    while killed < int(kills):
        while_writing = killed % 2 == 0
        pid = start(people, runs[-1], epochs)
        if not wait_for_the_moment(pid, runs[-1], while_writing,
                                   rng.uniform(0, min(length / 3, 8))):
            # it has ended before: another one
            runs.append(new_run(folder, len(runs)))
            continue
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        killed += 1
        writing += is_writing(runs[-1])
        whole_checkpoints(runs[-1])
    assert os.waitpid(start(people, runs[-1], epochs), 0)[1] == 0
    print(
        json.dumps(
            dict(
                killed=killed,
                while_writing=writing,
                runs=len(runs),
                lost=sum(map(lost_iterations, runs), []),
                equal=all(same_end(whole, run) for run in runs))))


def new_run(folder, number):
    """Make a work folder."""
    path = osp.join(folder, f'killed{number}')
    os.makedirs(path)
    return path


def same_end(whole, run):
    """Whether a run has ended as the one that nobody killed."""
    name, = whole_checkpoints(run)
    states = [
        torch.load(osp.join(f, name), weights_only=True) for f in (whole, run)
    ]
    return all(
        same(*(s[key] for s in states))
        for key in ('state_dict', 'optimizer', 'param_schedulers'))


def lost_iterations(run):
    """How many iterations each start has to do once more."""
    with open(osp.join(run, 'diary')) as file:
        diary = file.read().splitlines()
    done, lost = 0, []
    for line in diary:
        if line.startswith('start'):
            lost.append(done - int(line.split()[1]))
        elif line:
            done = int(line)
    return lost


def same(one, other):
    """Whether nested values are equal to the bit."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(
            same(v, other[k]) for k, v in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return one == other


if __name__ == '__main__':
    main()
