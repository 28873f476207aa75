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

from semipose_mm.analysis.compute import training_compute
from semipose_mm.data_files import DataError
from semipose_mm.launch.quickstart_configs import (METHODS, Method, own_data,
                                                   write_configs)


@pytest.fixture
def quickstart(monkeypatch):
    return import_module('semipose_mm.cli.commands.runs.quickstart')


@pytest.mark.long
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
    ] == [f'[{i}/8]' for i in range(1, 9)]
    assert 'eta:' in text

    # the table
    lines = [re.split(r' {2,}', line.strip()) for line in text.splitlines()]
    start, = (i for i, line in enumerate(lines) if line[0] == 'iterations')
    names = lines[start]
    assert names[1:] == ['passes', 'minutes', 'coco/AP', 'PCK@0.1', 'PCK@0.2']
    rows = {
        title: dict(zip(names, map(float, values)))
        for title, *values in lines[start + 1:start + 8]
    }
    assert [(title, row['iterations'])
            for title, row in rows.items()] == [('supervised, easy crops', 50),
                                                ('supervised', 50),
                                                ('PoseDual, network 0', 12),
                                                ('PoseDual, network 1', 12),
                                                ('PoseDual, ensemble', 12),
                                                ('ours, network 0', 37),
                                                ('ours, its average', 37)]
    for row in rows.values():
        assert list(row) == names
        assert all(0 <= row[key] <= 100 for key in names[3:])
    gain = rows['ours, network 0']['PCK@0.1'] - max(
        rows[name]['PCK@0.1']
        for name in ('supervised', 'supervised, easy crops'))
    said = float(re.search(r'Ours[^.]*[\s(]([+-]\d+\.\d)\s+PCK@0\.1', text)[1])
    assert said == pytest.approx(gain, abs=0.11)
    assert ('did not gain' in text) == (said <= 0)
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
    # less than a step apart; networks of PoseDual take 14 / 3 passes of four
    runs = json.loads((out / 'pictures/runs.json').read_text())['runs']
    assert [run['compute'] * 1e6 for run in runs.values()] == pytest.approx(
        [200] * 4, abs=4 * 14 / 3)
    for name in METHODS:
        checkpoint = (out / name / 'last_checkpoint').read_text().strip()
        meta = torch.load(checkpoint, weights_only=True)['meta']
        assert (meta['iter'], meta['seed']) == (runs[name]['iterations'], 0)


def test_own_data(quickstart, people_root, tmp_path):
    folder = shutil.copytree(people_root, tmp_path / 'birds')
    stale = tmp_path / 'out/configs/posedual.py'
    stale.parent.mkdir(parents=True)
    stale.write_text('')
    args = SimpleNamespace(data=str(folder), work_dir=str(tmp_path / 'out'))
    data = quickstart.prepare_data(args)
    written = write_configs(args.work_dir, 60, data)
    assert written['posedual'][0] == str(stale)
    cfgs = {name: Config.fromfile(path) for name, (path, _) in written.items()}
    for name, cfg in cfgs.items():
        num = written[name][1]
        assert cfg.train_cfg.max_iters == num
        assert cfg.param_scheduler[1].milestones == [
            num * 7 // 10, num * 9 // 10
        ]
        for key in ('optim_wrapper', 'val_evaluator', 'val_dataloader'):
            assert cfg[key] == cfgs['supervised'][key]
        assert cfg.train_dataloader.dataset.unlabeled.bbox_file
        # steps, not passes, are whole
        step = training_compute(cfg, 1)
        assert training_compute(cfg, num) == pytest.approx(
            training_compute(cfgs['supervised'], 60), abs=3 * step)
    hooks = [cfg.custom_hooks for cfg in cfgs.values()]
    assert hooks[:2] == [[], []]
    assert [(hook.burn_in, hook.ramp_up)
            for hook, in hooks[2:]] == [(0.2, 0.2), (0.75, 0)]
    # they differ in how labeled images are cropped
    datasets = [cfg.train_dataloader.dataset for cfg in cfgs.values()]
    boxes = [one.labeled.pipeline[-4] for one in datasets]
    easy = dict(type='EasyAffine')
    assert [box == easy for box in boxes] == [True, False, True, False]
    assert boxes[1] == boxes[3] and 20 <= boxes[1].rotate_factor <= 80
    assert cfgs['supervised'].model == cfgs['supervised_spread'].model


@pytest.mark.parametrize('first', [3, 2])
def test_a_recipe_that_depends_on_the_length(monkeypatch, tmp_path, first):
    """Of 60 passes 20 steps take too few, and the 30 that follow too many."""

    def make(iterations, recipe, out, **_):
        each = {20: 2, 30: 3, 60: first}[iterations] if recipe == 'ours' else 1
        with open(out, 'w') as file:
            file.write(f'passes = {each * iterations}')
        return SimpleNamespace(lines=lambda: ['next:'])

    monkeypatch.setattr('semipose_mm.config_maker.make_config', make)
    monkeypatch.setattr('semipose_mm.analysis.compute.training_compute',
                        lambda cfg, _: cfg.passes)
    monkeypatch.setattr(
        'semipose_mm.launch.quickstart_configs.METHODS',
        {one: Method(one, one)
         for one in ('supervised', 'ours')})
    written = write_configs(str(tmp_path), 60, dict(base=''))
    path, iterations = written['ours']
    assert iterations == 20 and Config.fromfile(path).passes == 40
    assert written['supervised'][1] == 60


def test_own_data_without_boxes(people_root, tmp_path):
    folder = shutil.copytree(people_root, tmp_path / 'birds')
    (folder / 'annotations/unlabeled_detections.json').unlink()
    with pytest.raises(DataError, match='--boxes .* does not exist'):
        write_configs(str(tmp_path), 60, own_data(str(folder)))
    (folder / 'annotations/image_info_unlabeled.json').unlink()
    data = own_data(str(folder))
    assert data['unlabeled'] == str(folder / 'images/unlabeled')
    assert 'boxes' not in data


def test_lspet(quickstart, data_root, tmp_path, monkeypatch):
    monkeypatch.setenv('SEMIPOSE_DATA', str(data_root))
    monkeypatch.setenv('SEMIPOSE_NUM_LABELS', '100')
    monkeypatch.setenv('SEMIPOSE_MOBILENETV2', 'weights.pth')
    data = quickstart.prepare_data(SimpleNamespace(data='lspet'))
    monkeypatch.setattr('semipose_mm.launch.quickstart_configs.METHODS',
                        dict(supervised_spread=METHODS['supervised_spread']))
    (path, iterations), = write_configs(str(tmp_path), 9, data).values()
    assert iterations == 9
    cfg = Config.fromfile(path)
    assert cfg.model.backbone.init_cfg.checkpoint == 'weights.pth'
    assert cfg.model.head.out_channels == 14
    assert cfg.train_dataloader.batch_size == 16
    assert dict(type='BoxPCK') in cfg.val_evaluator


@pytest.mark.parametrize('gain', [-2., 0., 2.])
def test_the_result_is_said_honestly(quickstart, capsys, gain):
    """Ours is compared with the better supervised training."""

    def run(*networks, value=0.2):
        curves = {
            network: {
                key: [(9, 0.1), (10, value)]
                for key in ('PCK@0.1', 'PCK@0.2')
            }
            for network in networks
        }
        return dict(curves=curves, iterations=10, minutes=0.5, compute=2e-3)

    quickstart.report(
        dict(
            supervised=run('net0'),
            supervised_spread=run('net0', value=0.5),
            posedual=run('net0', 'net1', 'ensemble'),
            labels_then_ema=run('ema0', 'net0', value=0.5 + gain / 100)))
    text = ' '.join(capsys.readouterr().out.split())
    beside = 'the better supervised training (supervised)'
    assert (f'gains +2.0 PCK@0.1 over {beside}' in text) == (gain > 0)
    assert (f'did not gain ({gain:+.1f} PCK@0.1 beside {beside})' in text) == (
        gain <= 0)
    assert text.index('ours, network 0 10 2,000 0.5') < text.index(
        'ours, its average 10 2,000 0.5')


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
