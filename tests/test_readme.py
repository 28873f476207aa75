# Copyright (c) semipose_mm authors.
"""README's config by hand trains as it is printed."""
import re
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from people_toys import ROOT, own_config
from recipe_toys import random_weights

README = Path(ROOT, 'README.md').read_text()


def test_the_printed_config_trains(people_root, tmp_path, monkeypatch,
                                   no_yapf):
    block = next(
        b for b in re.findall(r'```python\n(.*?)```', README, re.S)
        if 'configs/_base_/posedual.py' in b)
    path = tmp_path / 'my_config.py'
    path.write_text(block.replace('configs/', f'{ROOT}/configs/'))
    monkeypatch.setenv('SEMIPOSE_ITERATIONS', '10')
    cfg = Config.fromfile(path)
    assert [step['type']
            for step in cfg.param_scheduler] == ['LinearLR', 'MultiStepLR']
    assert cfg.param_scheduler[1].milestones == [7, 9]
    assert cfg.default_hooks.checkpoint.type == 'SafeCheckpointHook'
    labeled = cfg.train_dataloader.dataset.labeled
    assert [t.type for t in labeled.pipeline][3] == 'EasyAffine'
    # small pictures of generated people in the place of COCO
    own = own_config(people_root, tmp_path)
    random_weights(cfg.model)
    labeled.update(
        data_root=own.train_dataloader.dataset.labeled.data_root,
        ann_file=own.train_dataloader.dataset.labeled.ann_file,
        data_prefix=own.train_dataloader.dataset.labeled.data_prefix)
    unlabeled = own.train_dataloader.dataset.unlabeled
    folder = Path(unlabeled.data_root, unlabeled.data_prefix.img)
    cfg.train_dataloader.dataset.unlabeled.data_prefix.img = str(folder)
    cfg.model.backbone = dict(
        type='ResNet', depth=18, stem_channels=8, base_channels=8)
    cfg.model.head.update(in_channels=64, deconv_out_channels=(8, 8, 8))
    cfg.train_dataloader.update(
        batch_size=2, num_workers=0, persistent_workers=False)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    cfg.default_hooks.checkpoint.save_best = None
    cfg.auto_scale_lr = None
    cfg.work_dir = str(tmp_path / 'run')
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 10 and (tmp_path / 'run/iter_10.pth').is_file()
    history = runner.message_hub.get_scalar('train/net1/loss_unsup').data
    # a burn-in of two iterations
    assert len(history[0]) == 8
    assert torch.isfinite(torch.tensor(history[0])).all()
