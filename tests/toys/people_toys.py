# Copyright (c) semipose_mm authors.
"""Generated people and short trainings on them, for tests.

``configs/*_res18slim_own.py`` reads them; networks are much narrower.
"""
import os
import os.path as osp
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.runner import Runner

ROOT = str(Path(__file__).resolve().parents[2])
SLIM = {
    'model.backbone.stem_channels': 8,
    'model.backbone.base_channels': 8,
    'model.head.in_channels': 64,
    'model.head.deconv_out_channels': (16, 16, 16),
}


class Trained(NamedTuple):
    """A run that has ended."""
    config: str
    checkpoint: str
    work_dir: str


def make_people(folder, **counts):
    """Generate a folder of small pictures of people."""
    project = osp.join(ROOT, 'projects', 'synthetic_people')
    if project not in sys.path:
        sys.path.insert(0, project)
    from people import write_dataset
    counts = dict(dict(labeled=5, unlabeled=8, val=4), **counts)
    write_dataset(folder, size=(96, 120), verbose=False, **counts)
    return folder


def own_config(root, work_dir, name='posedual', **overrides):
    """The config for own data with tiny networks: 2 iterations an epoch.

    Args:
        root (Path): Folder of generated people.
        work_dir (Path): Work folder.
        name (str): ``'posedual'``, ``'supervised'``, ``'methods'``, or the
            path of a child of theirs.
        **overrides: Entries by dotted keys.
    """
    with mock.patch.dict(os.environ, SEMIPOSE_OWN=str(root)):
        cfg = Config.fromfile(
            name if name.endswith('.py') else osp.
            join(ROOT, 'configs', f'{name}_res18slim_own.py'))
    cfg.merge_from_dict({
        **SLIM, 'work_dir': str(work_dir),
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.unlabeled.indices': 4,
        'train_cfg.max_epochs': 1,
        'default_hooks.logger.interval': 1,
        'randomness': dict(seed=0),
        'log_level': 'WARNING',
        **overrides
    })
    # names that no other run of this process has
    cfg.experiment_name = str(work_dir).replace(os.sep, '_')
    cfg.visualizer.name = cfg.experiment_name
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        if loader is not None:
            loader.update(num_workers=0, persistent_workers=False)
    return cfg


def with_teachers(trained, folder):
    """The same run as if it had had teachers, whose weights are others.

    Args:
        trained (Trained): A run of two networks.
        folder (Path): Where config and checkpoint are written.
    """
    checkpoint = torch.load(trained.checkpoint, weights_only=True)
    state = checkpoint['state_dict']
    generator = torch.Generator().manual_seed(0)
    for name, start in (('ema0', ''), ('snap1', 'peers.1.')):
        own = {
            key[len(start):]: value
            for key, value in state.items()
            if key.startswith((f'{start}backbone.', f'{start}head.'))
        }
        for key, value in own.items():
            if value.dim() > 1:
                noise = torch.randn(value.shape, generator=generator)
                value = value + value.std() * noise
            state[f'teachers.{name}.{key}'] = value
    torch.save(checkpoint, folder / 'taught.pth')
    (folder / 'taught.py').write_text(f"""
_base_ = '{trained.config}'
model = dict(teachers=dict(
    ema0=dict(type='EMATeacher', of=0, windows=20),
    snap1=dict(type='SnapshotTeacher', of=1, every='epoch'),
    big=dict(type='FrozenTeacher', config='no.py', checkpoint='no.pth')))
""")
    return Trained(
        str(folder / 'taught.py'), str(folder / 'taught.pth'), str(folder))


def train_own(root, work_dir, **overrides):
    """Train by that config and keep it beside the checkpoint."""
    cfg = own_config(root, work_dir, **overrides)
    path = osp.join(work_dir, 'own.py')
    os.makedirs(work_dir, exist_ok=True)
    cfg.dump(path)
    Runner.from_cfg(cfg).train()
    with open(osp.join(work_dir, 'last_checkpoint')) as file:
        return Trained(path, file.read().strip(), str(work_dir))
