# Copyright (c) semipose_mm authors.
"""A runner that trains a tiny network on drawn numbers, for tests."""
import copy

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.registry import DATASETS, HOOKS, MODELS
from torch import nn
from torch.utils.data import Dataset

import semipose_mm  # noqa: F401


@DATASETS.register_module()
class ToyDataset(Dataset):
    """Numbers that are a function of the item's seed, as are our data."""

    def __init__(self, length=11, pipeline=None):
        self.num_labeled, self.unlabeled_ratio = 5, 1
        self.num_unlabeled = length
        self.pipeline = pipeline
        self.info = dict(
            dataset_name='toy',
            sigmas=np.array([0.1, 0.7], dtype=np.float32),
            flip_pairs=[(0, 1)])

    @property
    def metainfo(self):
        """A copy, as MMEngine's datasets give."""
        return copy.deepcopy(self.info)

    def __len__(self):
        return self.num_unlabeled

    def __getitem__(self, index):
        seed = getattr(index, 'seed', index)
        item = index.unlabeled[0] if hasattr(index, 'seed') else index
        values = torch.randn(4, generator=torch.Generator().manual_seed(seed))
        if self.pipeline is not None:
            values = self.pipeline(dict(values=values))['values']
        return dict(inputs=values[:3], targets=values[3:], item=item)


@MODELS.register_module()
class ToyModel(BaseModel):
    """What makes resuming hard: batch norm and dropout."""

    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.backbone = nn.Linear(3, 8)
        self.norm = nn.BatchNorm1d(8)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, 1)

    def forward(self, inputs, targets, item, mode='tensor'):
        out = self.head(self.drop(self.norm(self.backbone(inputs)).relu()))
        if mode == 'loss':
            return dict(loss=(out.float() - targets).square().mean())
        return out


@HOOKS.register_module()
class RecordHook(Hook):
    """Keeps what was seen when."""

    def __init__(self):
        self.batches, self.epochs = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.batches.append(
            (runner.iter, batch_idx, data_batch['item'].tolist()))

    def after_train_epoch(self, runner):
        self.epochs.append(runner.epoch)


@HOOKS.register_module()
class StopHook(Hook):
    """Asks for a stop, on one rank."""

    def __init__(self, iteration, rank=0):
        self.iteration, self.rank = iteration, rank

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        if (runner.iter, runner.rank) == (self.iteration, self.rank):
            runner.train_loop.stop_training = True


class Killed(Exception):
    """The power goes off."""


@HOOKS.register_module()
class KillHook(Hook):
    """Ends a run without farewell after some iterations."""

    priority = 'LOWEST'

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        if runner.iter + 1 == self.iteration:
            raise Killed


def toy_config(work_dir, hooks=(), **kwargs):
    """The runner's arguments: 3 epochs of 4 batches, last one smaller."""
    cfg = dict(
        model=dict(type='ToyModel'),
        work_dir=str(work_dir),
        train_dataloader=dict(
            batch_size=3,
            num_workers=0,
            dataset=dict(type='ToyDataset'),
            sampler=dict(type='SemiPoseSampler'),
            collate_fn=dict(type='default_collate')),
        train_cfg=dict(type='SemiPoseTrainLoop', max_epochs=3),
        optim_wrapper=dict(
            optimizer=dict(type='Adam', lr=0.01), clip_grad=dict(max_norm=1)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.1, end=5, by_epoch=False),
            dict(type='MultiStepLR', milestones=[1, 2], by_epoch=True),
            dict(
                type='OneCycleLR',
                eta_max=0.02,
                total_steps=12,
                by_epoch=False)
        ],
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(
                type='SafeCheckpointHook', interval=1, by_epoch=False)),
        custom_hooks=list(hooks),
        randomness=dict(seed=3),
        default_scope='mmpose',
        log_level='ERROR')
    for key, value in kwargs.items():
        cfg[key] = {**cfg[key], **value} if isinstance(value, dict) and \
            isinstance(cfg.get(key), dict) else value
    return cfg


def toy_runner(work_dir, hooks=(), **kwargs):
    """Build the runner; several may follow one another in a process."""
    name = f'toy{np.random.SeedSequence().entropy}'
    return Runner(
        experiment_name=name, **toy_config(work_dir, hooks, **kwargs))


def recorded(runner):
    """The record hook of a runner."""
    return next(h for h in runner.hooks if isinstance(h, RecordHook))
