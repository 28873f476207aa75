# Copyright (c) semipose_mm authors.
"""docs/methods.md: its example trains, and its costs are the configs'."""
import re
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from people_toys import ROOT, own_config
from recipe_toys import CONFIGS

import semipose_mm.models
from semipose_mm.cli.options import METHODS

PAGE = Path(ROOT, 'docs', 'methods.md').read_text()


def test_the_example_trains(people_root, tmp_path, monkeypatch, no_variables):
    """Both blocks as they are printed."""
    module, config = re.findall(r'```python\n(.*?)```', PAGE, re.S)
    (tmp_path / 'my_method.py').write_text(module)
    (tmp_path / 'my_config.py').write_text(config)
    (tmp_path / 'configs').symlink_to(CONFIGS)
    monkeypatch.syspath_prepend(tmp_path)
    cfg = own_config(
        people_root, tmp_path / 'run', str(tmp_path / 'my_config.py'), **{
            'custom_hooks': [dict(type='MutualTeachingHook')],
            'train_dataloader.dataset.unlabeled.indices': 2,
            'val_cfg': None,
            'val_dataloader': None,
            'val_evaluator': None
        })
    assert 'my_method' in sys.modules
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 1
    step = runner.model.last_step
    assert len(step.views) == 4
    for view in step.views:
        assert view.kept.shape == (2, 17)
        assert 0 <= view.kept.min() < view.kept.max() <= 1
        assert view.loss > 0


def passes(model):
    """Of a pair, as docs/scaling.md counts them."""
    looks = model.get('teacher_pass', {}).get('num', 1)
    teachers = {t for route in model.routes for t in route.teachers}
    return 3 * (1 + len(model.peers)) + looks * len(teachers) + sum(
        3 * len(model['views']) for _ in model.routes)


ROWS = re.findall(r'^\| (.+?) \| (\d) \| .* (\d+) \|$', PAGE, re.M)
FILES = {
    'supervised': 'supervised_res18_coco1k.py',
    'PoseCons': 'posecons_res18_coco1k.py',
    'PoseDual': 'posedual_res18_coco1k.py',
    '`labels_then_ema`': 'labels_then_ema_res18_coco1k.py',
    'distillation': 'distillation_res18_coco.py'
}


def test_the_table_has_all_methods():
    rows = [name for name, *_ in ROWS]
    assert set(rows) == {
        *FILES, *(f'`{m}`' for m in METHODS), 'the same, all labels'
    }


@pytest.mark.parametrize('number', range(len(ROWS)))
def test_costs(monkeypatch, no_variables, number):
    name, networks, cost = ROWS[number]
    file = FILES.get(name, 'methods_res18_coco1k.py')
    if name == 'the same, all labels':
        name, file = ROWS[number - 1][0], 'methods_res50_coco.py'
    if name not in FILES:
        monkeypatch.setenv('SEMIPOSE_METHOD', name.strip('`'))
    model = Config.fromfile(CONFIGS / file).model
    assert 1 + len(model.peers) == int(networks)
    assert passes(model) == int(cost)


def test_what_the_page_names_is_there():
    table = PAGE.partition('## Those')[0]
    kinds = ('Teacher', 'Pass', 'Target', 'Selection')
    named = re.findall(rf'`(\w+(?:{"|".join(kinds)}))`', table)
    assert len(named) > 15
    exported = set(semipose_mm.models.__all__)
    assert set(named) <= exported
    assert {name for name in exported if name.endswith(kinds)} <= set(named)
