# Copyright (c) semipose_mm authors.
"""Trainings that one or several processes run, for the tests beside.

``torchrun scenarios.py PEOPLE FOLDER NAME ...`` runs each named scenario in
all ranks and leaves what each rank saw in ``FOLDER/NAME/rank<n>.pth``.
"""
import copy
import os
import os.path as osp
import sys

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
sys.path.insert(0, osp.join(ROOT, 'tests', 'toys'))

import torch  # noqa: E402
from mmengine.hooks import Hook  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from mmpose.registry import HOOKS  # noqa: E402
from people_toys import own_config  # noqa: E402
from toy_runner import Killed  # noqa: E402

from semipose_mm.engine import CheckpointError  # noqa: E402
from semipose_mm.engine.distributed import unwrap  # noqa: E402

#: 4 epochs of 2 iterations of 4 samples; teaching from the third one.
SCHEDULE = {
    'train_dataloader.dataset.unlabeled.indices':
    8,
    'train_cfg.max_epochs':
    4,
    'default_hooks.checkpoint':
    dict(interval=3, by_epoch=False, save_best=None, max_keep_ckpts=-1),
}
NO_VALIDATION = dict(val_cfg=None, val_dataloader=None, val_evaluator=None)
VALIDATION = {
    'train_cfg.val_interval': 2,
    'val_dataloader.batch_size': 1,
    'val_evaluator': dict(_delete_=True, type='BoxPCK'),
    'default_hooks.checkpoint.interval': 4,
    'default_hooks.checkpoint.save_best': 'PCK@0.2',
}
TEACHING = dict(type='MutualTeachingHook', burn_in=2, ramp_up=3)


@HOOKS.register_module()
class WatchHook(Hook):
    """Notes what a rank saw, just before a checkpoint is saved."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.items, self.buffers = [], {}

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        samples = data_batch['data_samples']
        self.items.append((runner.iter, [
            osp.basename(s.img_path)
            for s in [*samples['labeled'], *samples['unlabeled']]
        ]))
        self.buffers[runner.iter + 1] = {
            k: v.clone()
            for k, v in unwrap(runner.model).named_buffers()
        }


@HOOKS.register_module()
class FrozenNormHook(Hook):
    """Batch norm by running statistics, so that a batch can be divided."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        for module in runner.model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eval()


@HOOKS.register_module()
class WoundHook(Hook):
    """Does something bad to a batch, or the weights, of one rank."""

    def __init__(self, what, iteration, rank):
        self.what, self.iteration, self.rank = what, iteration, rank

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if (runner.iter, runner.rank) != (self.iteration, self.rank):
            return
        if self.what == 'no_labels':
            labels = data_batch['data_samples']['labels']
            labels['keypoint_weights'].zero_()
        elif self.what == 'not_finite':
            head = unwrap(runner.model).peers['1'].head.final_layer
            head.register_forward_hook(_not_a_number_once())


def _not_a_number_once():
    """A forward hook that spoils the output of one call."""
    calls = []

    def spoil(module, args, output):
        calls.append(1)
        return output * float('nan') if len(calls) == 1 else output

    return spoil


@HOOKS.register_module()
class SpoilWeightsHook(Hook):
    """Spoils the weights on all ranks after an iteration."""

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        if runner.iter + 1 == self.iteration:
            next(runner.model.parameters()).data.fill_(float('nan'))


#: Teachers of either kind, whose batch norm sees what its rank does.
TAUGHT = {
    'model.teachers':
    dict(
        ema0=dict(type='EMATeacher', of=0, momentum=0.75, norm='train'),
        snap1=dict(type='SnapshotTeacher', of=1, every=3),
        stays0=dict(
            type='EMATeacher', of=0, momentum=0.75, until_teaching=True)),
    'model.routes.0.teachers': ['snap1'],
    'model.routes.1.teachers': ['ema0'],
    **NO_VALIDATION
}
EVERY_4 = {'default_hooks.checkpoint.interval': 4, **NO_VALIDATION}


@HOOKS.register_module()
class NoRoomForTheBestHook(Hook):
    """A folder stands where the best checkpoint shall be."""

    def before_train(self, runner):
        for i in range(9):
            os.makedirs(
                osp.join(runner.work_dir, f'best_PCK@0.2_iter_{i}.pth', 'a'),
                exist_ok=True)


FROZEN = {
    'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.05),
    **NO_VALIDATION
}
SCENARIOS = {
    'whole':
    dict(),
    'killed':
    dict(hooks=[dict(type='KillHook', iteration=5)]),
    'taught':
    dict(overrides=TAUGHT),
    'killed_taught':
    dict(hooks=[dict(type='KillHook', iteration=5)], overrides=TAUGHT),
    'killed_at_end':
    dict(hooks=[dict(type='KillHook', iteration=4)], overrides=EVERY_4),
    'whole_by_4':
    dict(overrides=EVERY_4),
    'frozen':
    dict(hooks=[dict(type='FrozenNormHook')], overrides=FROZEN),
    'no_labels':
    dict(hooks=[
        dict(type='WoundHook', what='no_labels', iteration=i, rank=1)
        for i in (1, 4)
    ]),
    'not_finite':
    dict(
        hooks=[dict(type='WoundHook', what='not_finite', iteration=4, rank=1)
               ]),
    'stopped':
    dict(hooks=[dict(type='StopHook', iteration=2, rank=1)]),
    'validated':
    dict(overrides=VALIDATION),
    'best_not_saved':
    dict(hooks=[dict(type='NoRoomForTheBestHook')], overrides=VALIDATION),
    'not_saved':
    dict(hooks=[dict(type='SpoilWeightsHook', iteration=3)]),
}


def train(people,
          work_dir,
          batch_size,
          launch,
          hooks=(),
          overrides=NO_VALIDATION,
          resume=False):
    """Train and describe the end.

    Args:
        people (str): Folder of generated people.
        work_dir (str): Work folder.
        batch_size (int): Labeled samples of a rank.
        launch (dict): What the launcher adds to a config.
        hooks (Sequence[dict]): Hooks beside the teaching.
        overrides (dict): Entries by dotted keys.
        resume (bool): Whether to go on.
    """
    cfg = own_config(
        people,
        work_dir,
        # merging takes `_delete_` out
        **copy.deepcopy(dict(SCHEDULE, **overrides)),
        custom_hooks=[TEACHING, dict(type='WatchHook'), *hooks])
    cfg.merge_from_dict(
        dict(
            launch,
            resume=resume,
            train_dataloader=dict(batch_size=batch_size)))
    cfg.experiment_name += f'_{resume}'
    cfg.visualizer.name = cfg.experiment_name
    runner = Runner.from_cfg(cfg)
    error = ''
    try:
        runner.train()
    except (Killed, CheckpointError) as caught:
        error = repr(caught)
    watch = next(h for h in runner.hooks if isinstance(h, WatchHook))
    return dict(
        iteration=runner.iter,
        error=error,
        items=watch.items,
        buffers=watch.buffers,
        scores=runner.message_hub.runtime_info.get('semipose_scores'),
        unused=getattr(runner.model, 'find_unused_parameters', None),
        optimizer=runner.optim_wrapper.optimizer.state_dict()['state'],
        state=unwrap(runner.model).state_dict())


def main():
    """Run the named scenarios in this rank."""
    people, folder, *names = sys.argv[1:]
    import mmengine.config.config as config
    from mmengine.config import Config

    from semipose_mm.launch.processes import (end_process, leave_processes,
                                              prepare_processes)

    # configs are written unformatted: that can take longer than training
    config.FormatCode = lambda text, **kwargs: (text, True)
    launch = Config(dict(launcher='pytorch', model=dict()))
    prepare_processes(launch)
    launch = dict(launch)
    launch.pop('model')
    rank = os.environ['RANK']
    for name in names:
        work_dir = osp.join(folder, name)
        seen = [
            train(
                people,
                work_dir,
                2,
                launch,
                resume=resume,
                **(SCENARIOS[name] if not resume else dict(
                    overrides=SCENARIOS[name].get('overrides', NO_VALIDATION))
                   )) for resume in ([False, True] if 'killed' in name
                                     or name == 'stopped' else [False])
        ]
        torch.save(seen, osp.join(work_dir, f'rank{rank}.pth'))
    leave_processes()
    end_process()


if __name__ == '__main__':
    main()
