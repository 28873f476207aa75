# Copyright (c) semipose_mm authors.
"""Tests of the comparison of runs."""
import csv
import json
import shutil
import time
from importlib import import_module

import cv2
import pytest
from toy_tools import run_command

from semipose_mm.analysis.label_rounds import label_rounds


@pytest.fixture
def compare(monkeypatch):
    return import_module('semipose_mm.analysis.compare_runs')


#: Two networks that teach each other on unlabeled images.
TAUGHT = dict(
    peers=[dict()],
    views=[dict()],
    routes=[dict(student=i, teachers=[1 - i]) for i in range(2)])


def write_run(folder, values, labels=20, name='toy', model=TAUGHT, num=1):
    """A run with an evaluation of two networks every ten iterations.

    Of three epochs of ten iterations with a burn-in of half of them.
    """
    logs = folder / '20260101_100000' / 'vis_data'
    logs.mkdir(parents=True)
    entries = []
    for i, value in enumerate(values, 1):
        entries.append(dict(iter=10 * i, loss=1., time=3., epoch=i))
        entries.append({
            'PCK@0.1': value,
            'coco/AP': value / 2,
            'net1/PCK@0.1': value + 0.05,
            'ensemble/PCK@0.1': value + 0.1,
            'EPE': 1 - value,
            'time': 0.1,
            'data_time': 0.1,
            'step': i
        })
    (logs / '20260101_100000.json').write_text(''.join(
        json.dumps(entry) + '\n' for entry in entries))
    (logs / 'config.py').write_text(
        f'model = {model}\n'
        'train_dataloader = dict(batch_size=100, dataset=dict(labeled=dict('
        f'indices={labels})))\n'
        'train_cfg = dict(max_epochs=3)\ncustom_hooks = [dict(burn_in=0.5)]\n')
    if num:
        (logs.parent / '20260101_100000.log').write_text(
            f'torch, cpu, processes: {num} (launcher: none), seed 0\n'
            'Epoch(train)  [1][ 5/10]  lr: 1\n')
    (folder / f'{name}.py').write_text('')
    return str(folder)


@pytest.fixture
def runs(tmp_path):
    return [
        write_run(tmp_path / 'dual-seed0', [0.4, 0.7, 0.6]),
        write_run(tmp_path / 'dual-seed1', [0.5, 0.6, 0.8]),
        write_run(
            tmp_path / 'supervised', [0.3, 0.4, 0.2],
            labels=[1, 2, 3],
            model=dict(type='TopdownPoseEstimator'),
            num=2),
    ]


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_tables_and_files(compare, runs, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'out'
    run_command('compare', *runs, '--keys', 'PCK@0.1', 'EPE', '--out-dir', out)
    text = capsys.readouterr().out
    assert (out / 'runs.md').read_text() in text
    about, _, pck, _, epe, notes = (out / 'runs.md').read_text().split('\n\n')
    assert [cells(line) for line in about.splitlines()[2:]] == [
        # 15 x 2 + 15 x 14 / 3 and 2 processes x 30 passes, 100 samples each
        ['dual-seed0', 'toy', '20', '30', '0.01', '1.5'],
        ['dual-seed1', 'toy', '20', '30', '0.01', '1.5'],
        ['supervised', 'toy', '3', '30', '0.006', '1.5'],
    ]
    rows = [cells(line) for line in pck.splitlines()]
    assert rows[0] == [
        'run', 'net0, last', 'net0, best', 'net1, last', 'net1, best',
        'ensemble, last', 'ensemble, best'
    ]
    assert rows[2] == [
        'dual-seed0', '0.6000', '0.7000 @ 20', '0.6500', '0.7500 @ 20',
        '0.7000', '0.8000 @ 20'
    ]
    # mean and sample standard deviation: 0.6, 0.8 and 0.7, 0.8
    assert rows[5][:3] == [
        'dual (2 runs)', '0.7000 ± 0.1414', '0.7500 ± 0.0707'
    ]
    # less is better of an error
    assert cells(
        epe.splitlines()[2]) == ['dual-seed0', '0.4000', '0.3000 @ 20']
    assert 'standard deviation' in notes
    assert 'millions of passes' in notes and 'each process' not in notes

    content = json.loads((out / 'runs.json').read_text())
    assert content['runs']['dual-seed1']['scores']['ensemble']['PCK@0.1'] == \
        dict(last=pytest.approx(0.9), last_iter=30,
             best=pytest.approx(0.9), best_iter=30)
    group = content['groups']['dual']
    assert group['runs'] == ['dual-seed0', 'dual-seed1']
    assert group['scores']['net1']['PCK@0.1']['last'] == dict(
        mean=pytest.approx(0.75), std=pytest.approx(0.02**0.5), n=2)
    # all metrics, whatever is shown
    assert 'coco/AP' in group['scores']['net0']

    with open(out / 'runs.csv', newline='') as file:
        lines = list(csv.DictReader(file))
    # 3 runs with 3 + 1 + 1 metrics
    assert len(lines) == 15
    line, = (
        one for one in lines
        if (one['run'], one['network'], one['metric']) == ('dual-seed0',
                                                           'net0', 'PCK@0.1'))
    assert line['group'] == 'dual' and float(line['best']) == 0.7
    assert [
        line[key] for key in ('best_iter', 'labels', 'compute', 'minutes')
    ] == ['20', '20', '0.01', '1.5']
    assert cv2.imread(str(out / 'curves.png')).shape == (450, 900, 3)
    assert {p.name
            for p in out.iterdir()
            } == {'runs.md', 'runs.csv', 'runs.json', 'curves.png'}


@pytest.fixture
def tokyo():
    """Nine hours ahead of UTC, in which imports are dated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('TZ', 'Asia/Tokyo')
        time.tzset()
        yield
    time.tzset()


def write_labels(folder, imports):
    """A folder of labels that remembers its imports."""
    imports = [
        dict(
            time=time,
            held_out=held_out,
            counts={
                part: dict(images=images, labeled_joints=3 * images)
                for part, images in (('train', train), ('val', 5))
            }) for time, held_out, train in imports
    ]
    folder.mkdir()
    (folder / 'manifest.json').write_text(
        json.dumps(
            dict(
                format='semipose_mm labels 1',
                images='.',
                box_rule=dict(kind='whole'),
                split={},
                imports=imports)))
    return folder


def test_runs_before_and_after_labels_were_added(runs, tmp_path, capsys,
                                                 tokyo):
    later = tmp_path / 'dual-seed1'
    (later / '20260101_100000').rename(later / '20260101_120000')
    with open(later / '20260101_120000/20260101_100000.log', 'a') as file:
        file.write('train_dataloader.dataset.labeled: 31 of 33 annotations of '
                   'train.json are used, with 99 labeled joints\n')
    labels = write_labels(tmp_path / 'labels',
                          [('2025-12-31T23:00:00+00:00', 'a', 20),
                           ('2026-01-01T02:00:00+00:00', 'a', 31),
                           ('2026-01-02T00:00:00+00:00', 'b', 40)])
    out = tmp_path / 'out'
    run_command('compare', *runs[:2], '--group', 'none', '--labels', labels,
                '--keys', 'PCK@0.1', '--out-dir', out)
    said = capsys.readouterr().out
    assert 'labels.csv' in said and 'another held-out part' not in said
    table = [
        line for line in said.splitlines()
        if 'train_images' in line or ', net0 ' in line
    ]
    assert [cells(line) for line in table] == [
        [
            'run', 'import', 'train_images', 'train_joints', 'held_out_images',
            'held_out_joints', 'PCK@0.1'
        ],
        ['dual-seed0, net0', '1', '20', '60', '5', '15', '0.6000 (+0.0000)'],
        ['dual-seed1, net0', '2', '31', '93', '5', '15', '0.8000 (+0.2000)'],
    ]
    with open(out / 'labels.csv', newline='') as file:
        rows = {
            (row['run'], row['network'], row['metric']): row
            for row in csv.DictReader(file)
        }
    row = rows['dual-seed1', 'net1', 'PCK@0.1']
    assert (row['import'], row['held_out_as_first']) == ('2', '1')
    assert float(row['last_change']) == pytest.approx(0.2)
    assert float(row['best_change']) == pytest.approx(0.1)
    # the file of its config may have grown since
    content = json.loads((out / 'runs.json').read_text())['runs']
    assert [content[f'dual-seed{i}']['labels'] for i in (0, 1)] == [20, 31]
    (later / '20260101_120000').rename(later / '20260103_120000')
    run_command('compare', *runs[:2], '--group', 'none', '--labels', labels,
                '--out-dir', out)
    told = capsys.readouterr().out
    assert 'dual-seed1 had another held-out part than dual-seed0: ' in told
    assert 'iterations and' not in said + told
    _, notes = label_rounds(
        str(labels), {name: str(runs[0])
                      for name in 'ab'}, {
                          name: dict(scores={}, iterations=number)
                          for name, number in (('a', 400), ('b', 200))
                      })
    assert notes == [
        'b was trained for 200 iterations and a for 400: not all of the '
        'change is that of the labels'
    ]


@pytest.mark.parametrize('imports, message', [
    ([], 'does not tell the labels of'),
    ([('2026-01-05T00:00:00+00:00', 'a', 20)], 'no import before its start'),
    (None, 'is no folder that semipose import has written'),
])
def test_labels_that_tell_nothing(runs, tmp_path, refused, imports, message):
    labels = tmp_path / 'labels'
    if imports is not None:
        write_labels(labels, imports)
    assert message in refused('compare', runs[0], '--labels', labels)


@pytest.mark.parametrize('selected, names', [
    ('0', ['net0', 'net1', 'ema0', 'ensemble']),
    ("'ema0'", ['net1', 'ema0', 'ensemble']),
])
def test_teachers(compare, tmp_path, selected, names):
    """The config tells them, and whose scores are plain."""
    folder = write_run(tmp_path / 'taught', [0.4, 0.7])
    config, = (tmp_path / 'taught').glob('*/vis_data/config.py')
    log, = (tmp_path / 'taught').glob('*/vis_data/2*.json')
    config.write_text('model = dict(teachers=dict(ema0=dict(of=0)), '
                      f'test_cfg=dict(network={selected}))\n')
    if selected == '0':
        log.write_text(log.read_text().replace('"EPE"',
                                               '"ema0/PCK@0.1": 0.9, "EPE"'))
    text, _ = compare.compare([folder], ['PCK@0.1'],
                              out_dir=str(tmp_path / 'out'))
    content = json.loads((tmp_path / 'out/runs.json').read_text())
    scores = content['runs']['taught']['scores']
    assert set(scores) == set(names)
    assert scores['ema0']['PCK@0.1']['last'] == (0.9
                                                 if selected == '0' else 0.7)
    head = next(line for line in text.splitlines() if ', last' in line)
    assert cells(head)[1::2] == [f'{name}, last' for name in names]


@pytest.fixture
def drawn(monkeypatch):
    """Label to the places and values of a line, and bands."""
    from matplotlib.axes import Axes
    lines, bands = {}, []
    plot, fill = Axes.plot, Axes.fill_between

    def record(self, x, y, **kwargs):
        lines[kwargs['label']] = list(x), pytest.approx(list(y))
        return plot(self, x, y, **kwargs)

    def record_band(self, x, low, high, **kwargs):
        bands.append((list(low), list(high)))
        return fill(self, x, low, high, **kwargs)

    monkeypatch.setattr(Axes, 'plot', record)
    monkeypatch.setattr(Axes, 'fill_between', record_band)
    return lines, bands


@pytest.mark.parametrize('axis, dual, supervised', [
    (None, [10, 20, 30], [10, 20, 30]),
    ('compute', [0.002, 0.003 + 0.007 / 3, 0.01], [0.002, 0.004, 0.006]),
])
def test_lines_of_the_curves(runs, tmp_path, drawn, axis, dual, supervised):
    """A group is its mean with a band, any other run is itself."""
    run_command('compare', *runs, '--keys', 'PCK@0.1', '--out-dir',
                tmp_path / 'out', *(['--axis', axis] if axis else []))
    lines, bands = drawn
    assert set(lines) == {
        f'{run}, {network}'
        for run in ('dual', 'supervised')
        for network in ('net0', 'net1', 'ensemble')
    }
    assert lines['supervised, net0'] == (pytest.approx(supervised),
                                         [0.3, 0.4, 0.2])
    assert lines['dual, net0'] == (pytest.approx(dual), [0.45, 0.65, 0.7])
    low, high = bands[0]
    assert high[0] - low[0] == pytest.approx(2 * 0.005**0.5)


def test_a_log_that_is_gone(compare, tmp_path):
    """Neither the length of the burn-in nor the processes are known."""
    folder = write_run(tmp_path / 'old', [0.5], num=None)
    assert compare.read_run(folder)['compute'] is None
    with pytest.raises(ValueError, match='--axis compute: .* in old do not'):
        compare.compare([folder],
                        out_dir=str(tmp_path / 'out'),
                        axis='compute')
    assert not (tmp_path / 'out').exists()
    config, = (tmp_path / 'old').glob('*/vis_data/config.py')
    config.write_text(config.read_text().replace('=0.5', '=5'))
    text, _ = compare.compare([folder], out_dir=str(tmp_path / 'out'))
    assert compare.read_run(folder)['compute'] == 0.003333
    assert 'that of each process' in text and 'for old.' in text


@pytest.mark.parametrize('names, pattern, expected', [
    (['a_seed0', 'a_seed1', 'b_seed0', 'c'
      ], None, dict(a=['a_seed0', 'a_seed1'])),
    (['seed1', 'seed2'], None, dict(all=['seed1', 'seed2'])),
    (['x-seed=3-lr1', 'x-seed=4-lr1', 'x-seed=3-lr2'], None, {
        'x-lr1': ['x-seed=3-lr1', 'x-seed=4-lr1']
    }),
    (['run_1', 'run_2'], None, {}),
    (['run_1', 'run_2'], r'_\d', dict(run=['run_1', 'run_2'])),
])
def test_groups(compare, names, pattern, expected):
    assert compare.find_groups(names, pattern or compare.SEED) == expected


def test_no_groups(compare, runs, tmp_path, monkeypatch, capsys):
    run_command('compare', *runs, '--group', 'none', '--out-dir',
                tmp_path / 'out')
    assert '±' not in capsys.readouterr().out
    assert json.loads((tmp_path / 'out/runs.json').read_text())['groups'] == {}


def test_names_tell_runs_apart(compare):
    assert list(compare.name_runs(['/a/x/run',
                                   '/b/x/run/'])) == ['a/x/run', 'b/x/run']
    assert list(compare.name_runs(['/a/x', '/a/y'])) == ['x', 'y']


def test_a_real_run(compare, trained, tmp_path, monkeypatch, capsys):
    """Beside one that has not been evaluated yet."""
    whole, young = tmp_path / 'whole', tmp_path / 'young'
    for folder in (whole, young):
        shutil.copytree(trained.work_dir, folder)
        # what it was trained by, and others may write again
        (folder / 'own.py').unlink()
    log, = young.glob('*/vis_data/2*.json')
    first = log.read_text().splitlines(True)[0]
    log.write_text(first)
    run_command('compare', whole, young, '--out-dir', tmp_path / 'out')
    text = capsys.readouterr().out
    content = json.loads((tmp_path / 'out/runs.json').read_text())['runs']
    old, new = content.values()
    assert set(old['scores']) == {'net0', 'net1', 'ensemble'}
    assert new['scores'] == {} and new['iterations'] == 1
    assert old['labels'] == new['labels'] == 5
    assert old['config'] == 'posedual_res18slim_own' and old['iterations'] == 2
    # a step of two labeled samples, and two steps
    assert (new['compute'], old['compute']) == (9.333e-6, 1.867e-5)
    assert 'coco/AP' in text and '\nAUC\n' in text


def test_annotations_that_are_gone(compare, tmp_path, monkeypatch):
    tool = import_module('semipose_mm.analysis.run_config')
    folder = tmp_path / 'run'
    write_run(folder, [0.5])
    config, = folder.glob('*/vis_data/config.py')
    config.write_text('train_dataloader = dict(dataset=dict('
                      "ann_file='gone.json'))\n")
    assert tool.describe_config(str(folder)) == dict(config='toy', labels=None)
    (folder / 'toy.py').unlink()
    config.unlink()
    assert tool.describe_config(str(folder)) == dict(config=None, labels=None)


@pytest.mark.parametrize('args, message', [
    (['nowhere'], 'nowhere is no work folder of a training'),
    (['RUN', '--keys', 'PCK'], '--keys: no run has PCK; there is PCK@0.1'),
    (['RUN', '--group', '('], '--group is (, which is no regular expression'),
    (['RUN', '--goup', 'x'], 'unknown option --goup, did you mean --group'),
])
def test_mistakes_give_one_line(runs, tmp_path, monkeypatch, refused, args,
                                message):
    args = [runs[0] if arg == 'RUN' else arg for arg in args]
    monkeypatch.chdir(tmp_path)
    assert message in refused('compare', *args)
    assert not (tmp_path / 'compare_runs').exists()
