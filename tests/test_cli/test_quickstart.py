# Copyright (c) semipose_mm authors.
"""Tests of the quickstart: all steps on a few generated people."""
import json
import re
import shutil
from importlib import import_module
from types import SimpleNamespace

import cv2
import pytest
import torch
from mmengine.config import Config
from people_toys import make_people
from toy_tools import call

from semipose_mm.data_files import DataError
from semipose_mm.launch.quickstart_configs import own_configs, write_configs


@pytest.fixture
def quickstart(monkeypatch):
    return import_module('semipose_mm.cli.commands.runs.quickstart')


def test_all_steps(tmp_path):
    make_people(tmp_path / 'people', labeled=6, unlabeled=32, val=8)
    result = call(
        'quickstart.py',
        '--data',
        'people',
        '--iters',
        '50',
        '--work-dir',
        'out',
        cwd=tmp_path)
    text = result.stdout
    assert [
        line[:5] for line in text.splitlines() if re.match(r'\[\d/\d\]', line)
    ] == [f'[{i}/6]' for i in range(1, 7)]
    assert 'eta:' in text

    # the table
    lines = [re.split(r' {2,}', line.strip()) for line in text.splitlines()]
    start, = (i for i, line in enumerate(lines) if line[0] == 'coco/AP')
    names = lines[start]
    assert names == ['coco/AP', 'PCK@0.1', 'PCK@0.2']
    rows = {
        title: dict(zip(names, map(float, values)))
        for title, *values in lines[start + 1:start + 5]
    }
    assert list(rows) == [
        'supervised', 'PoseDual, network 0', 'PoseDual, network 1',
        'PoseDual, ensemble'
    ]
    for row in rows.values():
        assert list(row) == names
        assert all(0 <= value <= 100 for value in row.values())
    (said, metric), = re.findall(r'([+-]\d+\.\d) (PCK@0\.\d)', text)
    gain = rows['PoseDual, network 0'][metric] - rows['supervised'][metric]
    assert float(said) == pytest.approx(gain, abs=0.11)
    assert ('did not gain' in text) == (float(said) <= 0)
    assert 'Your own data:' in text

    # the files
    out = tmp_path / 'out'
    for name in ('batch', 'predictions', 'curves'):
        path = out / 'pictures' / f'{name}.png'
        assert cv2.imread(str(path)) is not None
        assert str(path) in text
    assert f'Configs, checkpoints and logs: {out}' in text
    assert cv2.imread(str(next((out / 'inference').glob('*.jpg')))) is not None
    predicted, = (out / 'inference').glob('*.json')
    assert len(json.loads(predicted.read_text())[0]['keypoints']) == 17
    for name in ('supervised', 'posedual'):
        checkpoint = (out / name / 'last_checkpoint').read_text().strip()
        meta = torch.load(checkpoint, weights_only=True)['meta']
        assert (meta['iter'], meta['seed']) == (50, 0)


def schedules(paths):
    """Both methods see as many labels and drop their rates alike."""
    one, two = (
        Config.fromfile(paths[name]) for name in ('supervised', 'posedual'))
    for key in ('train_cfg', 'param_scheduler', 'optim_wrapper',
                'val_evaluator'):
        assert one[key] == two[key]
    hook = two.custom_hooks[-1]
    assert hook.type == 'MutualTeachingHook'
    return two, hook


def arguments(folder, data=None):
    return SimpleNamespace(work_dir=str(folder), iters=60, seed=3, data=data)


def test_generated_people(people_root, tmp_path, monkeypatch, no_yapf):
    # what the tool sets goes away with the test
    monkeypatch.setenv('SEMIPOSE_OWN', '')
    cfg, hook = schedules(
        write_configs(
            arguments(tmp_path),
            dict(family='res18slim_own', root=str(people_root))))
    # fewer unlabeled samples than a batch: an epoch is one iteration
    assert cfg.train_cfg.max_epochs == 60
    assert cfg.param_scheduler[1].milestones == [42, 54]
    assert (hook.burn_in, hook.ramp_up) == (15, 15)


def test_own_data(quickstart, people_root, tmp_path):
    folder = shutil.copytree(people_root, tmp_path / 'birds')
    args = arguments(tmp_path / 'out', str(folder))
    data = quickstart.prepare_data(args)
    for _ in range(2):  # a second call replaces what the first one wrote
        cfg, _ = schedules(own_configs(args, data['root']))
    assert cfg.train_cfg.max_iters == 60
    assert cfg.train_dataloader.dataset.unlabeled.bbox_file
    boxes = folder / 'annotations/unlabeled_detections.json'
    boxes.unlink()
    with pytest.raises(DataError, match='--boxes .* does not exist'):
        own_configs(args, data['root'])
    (folder / 'annotations/image_info_unlabeled.json').unlink()
    cfg, _ = schedules(own_configs(args, data['root']))
    assert cfg.train_dataloader.dataset.unlabeled == dict(
        type='UnlabeledPoseDataset',
        data_prefix=dict(img=f'{folder}/images/unlabeled/'))


@pytest.mark.parametrize('gain', [-2., 0., 2.])
def test_the_result_is_said_honestly(quickstart, capsys, gain):
    dual = {
        f'{prefix}{key}': 0.5 + gain / 100
        for prefix in ('', 'net1/', 'ensemble/')
        for key in ('coco/AP', 'PCK@0.1', 'PCK@0.2')
    }
    quickstart.report(
        dict(
            supervised={
                'coco/AP': 0.5,
                'PCK@0.1': 0.5,
                'PCK@0.2': 0.5
            },
            posedual=dual), 'PCK@0.2')
    text = capsys.readouterr().out
    assert ('gains +2.0 PCK@0.2' in text) == (gain > 0)
    assert ('did not gain' in text) == (gain <= 0)


def test_a_step_that_fails(quickstart, tmp_path):
    script, log = tmp_path / 'step.py', tmp_path / 'step.log'
    script.write_text("print('first')\nraise SystemExit('no disk')\n")
    import sys
    with pytest.raises(SystemExit) as info:
        quickstart.call([sys.executable, '-u', str(script), 'train'], str(log))
    assert 'no disk' in str(info.value) and str(log) in str(info.value)
    assert 'first' in log.read_text()


@pytest.mark.parametrize('args, message', [
    (['--iters', '10'], '--iters is 10, but must be at least 50'),
    (['--data', 'nowhere'], '--data: folder nowhere does not exist'),
    (['--dtaa', 'x'], 'unknown option --dtaa, did you mean --data'),
])
def test_mistakes_give_one_line(refused, args, message):
    assert message in refused('quickstart', *args)
