# Copyright (c) semipose_mm authors.
"""Tests of the runs that give evidence, and of the page about them."""
import json
import os
import re
from importlib import import_module

import cv2
import pytest
from toy_tools import run_script

DATA = os.environ.get('SEMIPOSE_DATA', 'data')
OURS = ('ours', 'half', 'ours_half_restart')


@pytest.fixture
def evidence(monkeypatch):
    """The modules, by name."""
    # what the tool sets goes away with the test
    for name in ('SEMIPOSE_NUM_LABELS', 'SEMIPOSE_HARD', 'SEMIPOSE_METHOD'):
        monkeypatch.setenv(name, '')
    return {
        name: import_module(f'evidence_{name}' if name else 'evidence')
        for name in ('', 'settings', 'config', 'data', 'page')
    }


def row(method, seed, value, setting='mouse9-20', budget=1000):
    """A finished run whose every score follows from one value."""
    scores = {
        key: value
        for key in ('PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC', 'NME')
    }
    networks = dict(net0=scores, ema0={k: v + 1 for k, v in scores.items()})
    return dict(
        setting=setting,
        method=method,
        budget=budget,
        seed=seed,
        iterations=1000,
        cpu_seconds=60 * (1 + seed),
        choose=networks,
        test=networks,
        date='2026-01-02',
        commit='abc1234',
        torch='2.5.1')


def test_page(evidence, tmp_path):
    rows = [
        row('supervised', 0, 60.),
        row('supervised', 1, 64.),
        row('supervised', 0, 70., budget=4000),
        row('ours', 0, 66.),
        row('supervised_turned', 0, 50.),
        row('supervised', 0, 40., setting='mirror_mouse-30'),
    ]
    # the largest set of labels leaves none that choose
    rows.append(dict(row('ours', 0, 30., setting='lspet-1000'), choose={}))
    page = evidence['page']
    page.write_page(rows, str(tmp_path))
    text = (tmp_path / 'results.md').read_text()
    part, trials = text.split('## What was tried')
    trials, networks = trials.split('## All networks\n')
    compared = [
        line.strip('| ').split(' | ') for line in part.splitlines()
        if line.startswith('| mouse9')
    ]
    # of two networks the better one, the mean and spread of the seeds
    assert [line[1:4] for line in compared
            ] == [['1,000', 'supervised, crops of PoseDual', '2'],
                  ['1,000', evidence['settings'].METHODS['ours'].title, '1'],
                  ['4,000', 'supervised, crops of PoseDual', '1']]
    assert compared[0][5] == '63.0 (61.0 to 65.0)'
    # errors are better the smaller they are
    assert compared[1][-1] == '33.79'
    body = [
        line.strip('| ').split(' | ') for line in networks.split('mouse9-20\n')
        [1].split('\n### ')[0].splitlines()
        if line.startswith('| 1000') or '| 4000' in line
    ]
    # budgets in order, each network a row, mean and spread of the seeds
    assert [(r[0], re.split('[ ,]', r[1])[0], r[5])
            for r in body] == [('1000', 'supervised', 'network 0'),
                               ('1000', 'supervised', 'EMA of 0'),
                               ('1000', 'ours', 'network 0'),
                               ('1000', 'ours', 'EMA of 0'),
                               ('4000', 'supervised', 'network 0'),
                               ('4000', 'supervised', 'EMA of 0')]
    assert body[0][3:5] == ['2', '2'] or body[0][3:5] == ['1', '2']
    assert body[0][7] == '62.0 (60.0 to 64.0)' and body[3][7] == '67.0'
    # 64 pixels of which a padded box has 51.2, and all of a whole image
    assert body[2][-1] == '33.79'
    assert '| 25.60 |' in networks.split(', mirror_mouse-30')[1]
    assert '### lspet-1000' not in trials and '| lspet-1000' in part
    # a trial is not reported, but shown with what it was chosen by
    title = evidence['settings'].METHODS['supervised_turned'].title
    assert title not in part + networks and title in trials
    assert 'Measured 2026-01-02 to 2026-01-02 with torch 2.5.1' in text
    assert cv2.imread(str(tmp_path / 'figures/results.png')) is not None
    # the page is the same whatever came first
    page.write_page(rows[::-1], str(tmp_path / 'again'))
    assert (tmp_path / 'again/results.md').read_text() == text


def test_notes_are_kept(evidence, tmp_path):
    (tmp_path / 'results_notes.md').write_text('## What it means\n\nMuch.\n')
    evidence['page'].write_page([row('posedual', 0, 70.)], str(tmp_path))
    text = (tmp_path / 'results.md').read_text()
    assert '## What it means\n\nMuch.\n' in text


def test_plan(evidence):
    settings = evidence['settings']
    runs = settings.plan(3)
    names = [run.name for run in runs]
    assert len(set(names)) == len(names) == 3 * 3 * 8 * 8 + 3
    assert all(run.seed == 0 for run in runs[:64 * 3])
    more = settings.plan(3, trials=True)
    assert set(names) < {run.name for run in more}


@pytest.mark.parametrize('method, per_step, burn_in, setting', [
    ('supervised', 1, None, 'mouse9-20'),
    ('supervised_spread', 1, None, 'mirror_mouse-30'),
    ('supervised_hard', 1, None, 'mouse9-20'),
    ('supervised', 1, None, 'people-60'),
    ('ours', 0.75 + 0.25 * 7 / 3, 0.75, 'lspet-250'),
    ('ours_half_restart', 0.5 + 0.5 * 7 / 3, 0.5, 'lspet-250'),
    ('half', 0.5 + 0.5 * 7 / 3, 0.5, 'lspet-100'),
    ('posedual', 0.2 * 2 + 0.8 * 14 / 3, 0.2, 'mirror_mouse-30'),
    ('posecons', 0.2 + 0.8 * 7 / 3, 0.2, 'lspet-100'),
    ('multiaugs', 0.2 + 0.8 * 16 / 3, 0.2, 'mouse9-100'),
])
def test_config_of_a_run(evidence, tmp_path, monkeypatch, no_yapf, method,
                         per_step, burn_in, setting):
    data, labels = setting.split('-')
    if data != 'people' and not os.path.isdir(f'{DATA}/{data}'):
        pytest.skip(f'{data} is not in SEMIPOSE_DATA')
    for name in ('UNLABELED', 'CHOOSE', 'REPORTED'):
        monkeypatch.setattr(evidence['data'], name, 15)
    run = evidence['settings'].Run(setting, method, 1000, 0)
    cfg = evidence['config'].make_config(run, str(tmp_path / 'run.py'),
                                         str(tmp_path))
    iters = cfg.train_cfg.max_iters
    assert iters == round(1000 / per_step)
    end = round(iters * burn_in) if 'restart' in method else iters
    _, first, *more = [one.get('milestones') for one in cfg.param_scheduler]
    assert first == [end * 7 // 10, end * 9 // 10]
    assert more == ([[510, 570], [300]] if 'restart' in method else [])
    hooks = {hook.type: hook for hook in cfg.custom_hooks}
    hook = hooks.get('MutualTeachingHook')
    assert (hook is None) == (burn_in is None)
    if hook:
        assert hook.burn_in == round(iters * burn_in)
    dataset = cfg.train_dataloader.dataset
    # labels of the fixed camera are turned by 2 degrees, others by any
    bound = dict(mirror_mouse=20).get(data, 80)
    assert dataset.labeled.pipeline[-4].get('rotate_factor') == (
        bound if method in ('supervised_spread', *OURS) else None)
    # our hard views are crops, and the easy view is the box itself
    ours = method in OURS
    assert (dataset.get('easy') == []) == ours
    assert [view.get('warp') for view in cfg.model.views if cfg.model.routes
            ] in ([], ['crop'] if ours else [None] * len(cfg.model.views))
    # averaged weights of each network are scored
    networks = 1 + len(cfg.model.peers)
    averages = {f'ema{i}' for i in range(networks)}
    if ours:
        averages.add('teacher')
    assert set(cfg.model.teachers) == averages
    # what chooses is neither what trains nor what is reported
    images = []
    for part in (cfg.train_dataloader.dataset.labeled,
                 cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        with open(os.path.join(part.data_root, part.ann_file)) as file:
            images.append({
                part.data_prefix['img'] + one['file_name']
                for one in json.load(file)['images']
            })
    assert len(images[0]) == int(labels)
    assert all(len(one) >= 15 for one in images[1:])
    assert len(set.union(*images)) == sum(map(len, images))
    # one size everywhere
    text = json.dumps(cfg.to_dict())
    assert text.count('[64, 64]') >= 3 and '[128, 128]' not in text
    assert '[32, 32]' not in text and '[16, 16]' in text


def test_only_what_is_missing_runs(evidence, tmp_path, monkeypatch, capsys):
    tool = evidence['']
    monkeypatch.setattr(tool, 'ROWS', str(tmp_path / 'results.json'))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.chdir(tmp_path)
    calls = []

    def train(run, folder):
        calls.append(run.name)
        return row(run.method, run.seed, 50., run.setting, run.budget)

    monkeypatch.setattr(tool, 'train', train)
    names = [
        f'mouse9-20_{method}_1000_seed0' for method in ('ours', 'posedual')
    ]
    args = ('--work-dir', 'runs', '--seeds', 1, '--only')
    run_script(tool, *args, names[0], monkeypatch=monkeypatch)
    assert calls == names[:1]
    rows = json.loads((tmp_path / 'results.json').read_text())
    assert len(rows) == 1 and (tmp_path / 'results.md').exists()

    calls.clear()
    # another process is at this one
    with tool.locked(f'runs/{names[1]}.lock', wait=False) as mine:
        assert mine
        run_script(tool, *args, *names, monkeypatch=monkeypatch)
    assert calls == []
    run_script(tool, *args, *names, monkeypatch=monkeypatch)
    assert calls == names[1:]
    capsys.readouterr()
    run_script(tool, '--list', '--seeds', 1, monkeypatch=monkeypatch)
    listed = capsys.readouterr().out.splitlines()
    assert sum(line.startswith('done') for line in listed) == 2


def test_a_run_of_another_method_is_not_taken(evidence, tmp_path):
    """Its checkpoint would be scored under the new method's name."""
    check = evidence[''].refuse_another
    half, late = (
        dict(custom_hooks=[dict(burn_in=share)], work_dir='any')
        for share in (0.5, 0.75))
    check(str(tmp_path), half)
    (tmp_path / 'iter_500.pth').touch()
    check(str(tmp_path), dict(half, work_dir='another', resume='auto'))
    with pytest.raises(SystemExit, match='trains otherwise'):
        check(str(tmp_path), late)
    check(str(tmp_path), half)
    (tmp_path / 'plan.json').unlink()
    with pytest.raises(SystemExit, match='trains otherwise'):
        check(str(tmp_path), half)
