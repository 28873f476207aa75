# Copyright (c) semipose_mm authors.
"""Tests of the runs that give evidence, and of the page about them."""
import json

import cv2
import pytest
from mmengine.config import Config
from toy_tools import import_tool, run_main


@pytest.fixture
def evidence(monkeypatch):
    # what the tool sets goes away with the test
    monkeypatch.setenv('SEMIPOSE_NUM_LABELS', '')
    return import_tool('benchmarks/evidence.py', monkeypatch)


@pytest.fixture
def page(monkeypatch):
    return import_tool('benchmarks/evidence_page.py', monkeypatch)


def row(method, seed, value, data='mouse9', labels=20, iters=2000):
    """A finished run whose every metric follows from one value."""
    prefixes = ['']
    if method != 'supervised_long':
        prefixes += ['net1/', 'ensemble/']
    last = {
        f'{prefix}{key}': value + step
        for step, prefix in enumerate(prefixes)
        for key in ('PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC')
    }
    return dict(
        data=data,
        labels=labels,
        method=method,
        seed=seed,
        iters=iters,
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
        row('supervised', 0, 60.),
        row('supervised', 1, 64.),
        row('supervised_long', 0, 61., iters=8000),
        row('supervised', 0, 40., data='lspet', labels=250),
    ]
    page.write_page(rows, str(tmp_path))
    text = (tmp_path / 'results.md').read_text()
    head, line, *body = table_of(text, 'mouse9, 20 labels')
    assert head[-3:] == ['PCK@0.05', 'PCK@0.1', 'AUC']
    assert len(line) == len(head) == 8
    # baselines first, each network a row, mean and spread of the seeds
    assert [r[4] for r in body] == [
        'network 0', 'network 1', 'ensemble', 'network 0', 'network 0',
        'network 1', 'ensemble'
    ]
    assert body[0][1:4] == ['2000', '15', '2']
    assert body[0][5] == '62.0 (60.0 to 64.0)'
    assert body[2][5] == '64.0 (62.0 to 66.0)'
    assert body[3][1:4] == ['8000', '10', '1'] and body[3][5] == '61.0'
    assert body[4][0] == 'PoseDual' and body[6][5] == '72.0'
    head, _, *body = table_of(text, 'lspet, 250 labels')
    assert head[-3:] == ['PCK@0.1', 'PCK@0.2', 'AUC'] and len(body) == 3

    assert 'Measured 2026-01-02 with torch 2.5.1 on CPU, 1 threads.' in text
    assert ('`python tools/benchmarks/evidence.py --only '
            'mouse9-20_supervised_2000_seed1` | abc1234') in text
    for name in ('mouse9_20', 'lspet_250'):
        figure = f'figures/results_{name}.png'
        assert f']({figure})' in text
        assert cv2.imread(str(tmp_path / figure)) is not None
    # the page is the same whatever came first
    page.write_page(rows[::-1], str(tmp_path / 'again'))
    assert table_of((tmp_path / 'again/results.md').read_text(),
                    'mouse9, 20 labels') == table_of(text, 'mouse9, 20 labels')


def test_notes_are_kept(page, tmp_path):
    (tmp_path / 'results_notes.md').write_text('## What it means\n\nMuch.\n')
    page.write_page([row('posedual', 0, 70.)], str(tmp_path))
    text = (tmp_path / 'results.md').read_text()
    assert text.endswith('## What it means\n\nMuch.\n')


def test_nothing_measured(page, tmp_path):
    page.write_page([], str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_plan(evidence, page):
    runs = evidence.plan(2000, 3)
    names = [run.name for run in runs]
    assert len(set(names)) == len(names) == 24
    for run in runs:
        assert run.method in evidence.METHODS and run.method in page.TITLES
        assert run.data in page.KEYS
        expected = 8000 if run.method == 'supervised_long' else 2000
        assert run.iters == expected
    assert {run.seed for run in runs if run.method == 'posedual'} == {0, 1, 2}


@pytest.mark.parametrize('method, peers, dual, burn_in', [
    ('supervised', 1, False, None),
    ('supervised_long', 0, False, None),
    ('posedual', 1, True, 400),
    ('posedual_no_burn_in', 1, True, 0),
])
@pytest.mark.parametrize('data, labels, epoch', [('mouse9', 20, 50),
                                                 ('lspet', 250, 250)])
def test_config_of_a_run(evidence, tmp_path, no_yapf, method, peers, dual,
                         burn_in, data, labels, epoch):
    run = evidence.Run(data, labels, method, 0, 1000)
    path = str(tmp_path / 'run.py')
    evidence.make_config(run, path)
    cfg = Config.fromfile(path)
    assert cfg.train_cfg.max_epochs == 1000 // epoch
    assert cfg.train_cfg.max_epochs % cfg.train_cfg.val_interval == 0
    assert cfg.param_scheduler[1].milestones == [700, 900]
    checkpoint = cfg.default_hooks.checkpoint
    assert checkpoint.save_best is None
    assert checkpoint.interval == cfg.train_cfg.val_interval
    dataset = cfg.train_dataloader.dataset
    assert dataset.labeled.ann_file.endswith(f'train_labeled_{labels}.json')
    assert dataset.get('unlabeled_ratio', 1) == int(dual)
    assert len(cfg.model.peers) == peers
    assert len(cfg.model.routes) == 2 * dual
    hooks = {hook.type: hook for hook in cfg.custom_hooks}
    assert hooks.get('MutualTeachingHook', {}).get('burn_in') == burn_in
    assert cfg.train_dataloader.batch_size == evidence.BATCH_SIZE


def test_only_what_is_missing_runs(evidence, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, 'ROWS', str(tmp_path / 'results.json'))
    calls = []

    def train(run, work_dir):
        calls.append((run.name, work_dir))
        return row(run.method, run.seed, 50., run.data, run.labels, run.iters)

    monkeypatch.setattr(evidence, 'train', train)
    args = ('--only', 'mouse9-20_*_2000_seed*', '--work-dir', 'runs')
    run_main(evidence, *args, '--seeds', 1, monkeypatch=monkeypatch)
    assert calls == [(name, f'runs/{name}')
                     for name in ('mouse9-20_supervised_2000_seed0',
                                  'mouse9-20_posedual_2000_seed0',
                                  'mouse9-20_posedual_no_burn_in_2000_seed0')]
    rows = json.loads((tmp_path / 'results.json').read_text())
    assert len(rows) == 3 and (tmp_path / 'results.md').exists()

    calls.clear()
    run_main(evidence, *args, '--seeds', 2, monkeypatch=monkeypatch)
    assert [name for name, _ in calls] == [
        'mouse9-20_supervised_2000_seed1', 'mouse9-20_posedual_2000_seed1'
    ]
    capsys.readouterr()
    run_main(evidence, '--list', '--seeds', 2, monkeypatch=monkeypatch)
    listed = capsys.readouterr().out.splitlines()
    assert 'done    mouse9-20_posedual_2000_seed1' in listed
    assert sum(line.startswith('done') for line in listed) == 5


def test_curve_of_a_run(evidence, trained):
    point, = evidence.read_curve(trained.work_dir)
    assert point['iter'] == 2 and point['s'] >= 0
    assert {'PCK@0.05', 'AUC', 'net1/PCK@0.1', 'ensemble/AUC'} <= set(point)
    assert all(0 <= v <= 100 for k, v in point.items() if 'PCK' in k)
