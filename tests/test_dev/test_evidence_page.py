# Copyright (c) semipose_mm authors.
"""Tests of the runs that give evidence, and of the page about them."""
import json
from importlib import import_module

import cv2
import pytest
from mmengine.config import Config
from toy_tools import run_script


@pytest.fixture
def evidence(monkeypatch):
    # what the tool sets goes away with the test
    for name in ('SEMIPOSE_NUM_LABELS', 'SEMIPOSE_HARD'):
        monkeypatch.setenv(name, '')
    return import_module('evidence')


@pytest.fixture
def page(monkeypatch):
    return import_module('evidence_page')


def row(method, seed, value, setting='mouse9-20'):
    """A finished run whose every metric follows from one value."""
    prefixes = ['']
    if method not in ('supervised_long', 'posecons'):
        prefixes += ['net1/', 'ensemble/']
    last = {
        f'{prefix}{key}': value + step
        for step, prefix in enumerate(prefixes)
        for key in ('PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC')
    }
    data, labels = setting.split('-')[:2]
    return dict(
        setting=setting,
        method=method,
        seed=seed,
        data=data,
        labels=int(labels),
        size=[96, 128],
        batch_size=8,
        iters=2000,
        amp=False,
        last=last,
        curve=[
            dict(last, iter=1000, s=300),
            dict(last, iter=2000, s=600 * (1 + seed))
        ],
        date='2026-01-02',
        commit='abc1234',
        torch='2.5.1',
        semipose_mm='0.1.0',
        device='CPU, 1 threads')


def table_of(text, title):
    """Rows of the first table below a title."""
    part = text.split(f'## {title}\n')[1].split('\n![')[0]
    return [[cell.strip() for cell in line.strip('|').split('|')]
            for line in part.splitlines() if line.startswith('|')]


def test_page(page, tmp_path):
    rows = [
        row('posedual', 0, 70.),
        row('posecons', 0, 66.),
        row('supervised', 0, 60.),
        row('supervised', 1, 64.),
        row('supervised_long', 0, 61.),
        row('supervised', 0, 40., setting='lspet-250'),
    ]
    page.write_page(rows, str(tmp_path))
    text = (tmp_path / 'results.md').read_text()
    head, line, *body = table_of(text, 'mouse9-20')
    assert head[-4:] == ['PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC']
    assert len(line) == len(head) == 9
    # baselines first, each network a row, mean and spread of the seeds
    assert [r[4] for r in body] == [
        'network 0', 'network 1', 'ensemble', 'network 0', 'network 0',
        'network 0', 'network 1', 'ensemble'
    ]
    assert body[0][1:4] == ['2000', '15', '2']
    assert body[0][5] == '62.0 (60.0 to 64.0)'
    assert body[2][5] == '64.0 (62.0 to 66.0)'
    assert body[3][1:4] == ['2000', '10', '1'] and body[3][5] == '61.0'
    assert body[4][0].startswith('PoseCons') and body[4][5] == '66.0'
    assert body[5][0].startswith('PoseDual') and body[7][5] == '72.0'
    head, _, *body = table_of(text, 'lspet-250')
    assert head[-3:] == ['PCK@0.1', 'PCK@0.2', 'AUC'] and len(body) == 3

    assert 'Measured 2026-01-02 with torch 2.5.1 on CPU, 1 threads.' in text
    assert ('lspet, heatmaps, 250 labels, crops of 96x128, batches of 8 '
            'labeled') in text
    assert ('`python dev/benchmarks/evidence.py --only '
            "'mouse9-20_supervised_seed*'` | abc1234") in text
    for name in ('mouse9-20', 'lspet-250'):
        figure = f'figures/results_{name}.png'
        assert f']({figure})' in text
        assert cv2.imread(str(tmp_path / figure)) is not None
    # the page is the same whatever came first
    page.write_page(rows[::-1], str(tmp_path / 'again'))
    assert (tmp_path / 'again/results.md').read_text() == text


def test_notes_are_kept(page, tmp_path):
    (tmp_path / 'results_notes.md').write_text('## What it means\n\nMuch.\n')
    page.write_page([row('posedual', 0, 70.)], str(tmp_path))
    text = (tmp_path / 'results.md').read_text()
    assert text.endswith('## What it means\n\nMuch.\n')


def test_nothing_measured(page, tmp_path):
    page.write_page([], str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_plan(evidence, page):
    runs = evidence.plan(3)
    names = [run.name for run in runs]
    settings = len(evidence.SETTINGS)
    assert len(set(names)) == len(names) == settings * (3 * 7 + 2) + 3
    assert names[0] == 'mouse9-20_supervised_seed0'
    assert set(page.TITLES) == set(evidence.METHODS)


def cut_out(method):
    """Whether the hard views of a method have joint cutout."""
    return 'affine' not in method and 'randaug' not in method


@pytest.mark.parametrize('method, peers, routes, burn_in, factor', [
    ('supervised', 1, [], None, 1),
    ('supervised_long', 0, [], None, 4),
    ('posecons_affine', 0, [(0, [0])], 200, 1),
    ('posecons', 0, [(0, [0])], 200, 1),
    ('posedual_affine', 1, [(0, [1]), (1, [0])], 200, 1),
    ('posedual_randaug', 1, [(0, [1]), (1, [0])], 200, 1),
    ('posedual', 1, [(0, [1]), (1, [0])], 200, 1),
    ('posedual_fast', 1, [(0, [1]), (1, [0])], 200, 1),
    ('posedual_legacy', 1, [(0, [1]), (1, [0])], 200, 1),
    ('posedual_no_burn_in', 1, [(0, [1]), (1, [0])], 0, 1),
])
@pytest.mark.parametrize('setting, epoch', [('mouse9-20', 100),
                                            ('lspet-250', 500)])
def test_config_of_a_run(evidence, tmp_path, no_yapf, method, peers, routes,
                         burn_in, factor, setting, epoch):
    path = str(tmp_path / 'run.py')
    evidence.make_config(evidence.Run(setting, method, 0), path)
    cfg = Config.fromfile(path)
    iters = 1000 * factor
    assert cfg.train_cfg.max_epochs == iters // epoch
    assert cfg.param_scheduler[1].milestones == [
        int(0.7 * iters), int(0.9 * iters)
    ]
    checkpoint = cfg.default_hooks.checkpoint
    assert checkpoint.save_best is None
    assert checkpoint.interval == cfg.train_cfg.val_interval
    data, labels = setting.split('-')
    dataset = cfg.train_dataloader.dataset
    assert dataset.labeled.ann_file.endswith(f'train_labeled_{labels}.json')
    assert dataset.get('unlabeled_ratio', 1) == int(bool(routes))
    model = cfg.model
    assert len(model.peers) == peers
    assert [(r.student, r.teachers) for r in model.routes] == routes
    hooks = {hook.type: hook for hook in cfg.custom_hooks}
    hook = hooks.get('MutualTeachingHook')
    if burn_in is None:
        assert hook is None and model['views'] == []
    else:
        assert hook.burn_in == hook.ramp_up == burn_in
        view, = model['views']
        assert (view.source == 'randaug') == ('randaug' in method)
        assert list(dataset.sources) == ['randaug'] * ('randaug' in method)
        cut = [op.type for op in view.ops]
        assert cut == ([
            'LegacyJointCutout' if 'legacy' in method else 'JointCutout'
        ] if cut_out(method) else [])
        assert model.warp.type.startswith('Legacy') == ('legacy' in method)
    assert cfg.train_dataloader.batch_size == 8
    # one size everywhere
    text = json.dumps(cfg.to_dict())
    assert text.count('[64, 96]') >= 3 and '[128, 128]' not in text
    assert '[32, 32]' not in text and '[16, 24]' in text
    if burn_in is not None and cut_out(method):
        assert tuple(view.ops[0].half_size) == (4, 7)


def test_only_what_is_missing_runs(evidence, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, 'ROWS', str(tmp_path / 'results.json'))
    monkeypatch.chdir(tmp_path)
    calls = []

    def train(run, work_dir):
        calls.append((run.name, work_dir))
        return row(run.method, run.seed, 50., run.setting)

    monkeypatch.setattr(evidence, 'train', train)
    args = ('--only', 'mouse9-20_posecons_affine_*', '--work-dir', 'runs')
    run_script(evidence, *args, '--seeds', 1, monkeypatch=monkeypatch)
    names = [f'mouse9-20_posecons_{end}' for end in ('affine_seed0', 'seed0')]
    assert calls == [(names[0], f'runs/{names[0]}')]
    rows = json.loads((tmp_path / 'results.json').read_text())
    assert len(rows) == 1 and (tmp_path / 'results.md').exists()

    calls.clear()
    args = ('--only', 'mouse9-20_posecons*', '--work-dir', 'runs')
    # another process is at this one
    with evidence.locked(f'runs/{names[1]}.lock', wait=False) as mine:
        assert mine
        run_script(evidence, *args, '--seeds', 1, monkeypatch=monkeypatch)
    assert calls == []
    run_script(evidence, *args, '--seeds', 1, monkeypatch=monkeypatch)
    assert [name for name, _ in calls] == names[1:]
    capsys.readouterr()
    run_script(evidence, '--list', '--seeds', 1, monkeypatch=monkeypatch)
    listed = capsys.readouterr().out.splitlines()
    assert 'done    mouse9-20_posecons_seed0' in listed
    assert sum(line.startswith('done') for line in listed) == 2


def test_curve_of_a_run(evidence, trained):
    point, = evidence.read_curve(trained.work_dir)
    assert point['iter'] == 2 and point['s'] >= 0
    assert {'PCK@0.05', 'AUC', 'net1/PCK@0.1', 'ensemble/AUC'} <= set(point)
    assert all(0 <= v <= 100 for k, v in point.items() if 'PCK' in k)
