# Copyright (c) semipose_mm authors.
"""Tests of the command that tests."""
import csv
import json

import mmengine
import pytest
import torch
from toy_tools import TEST_CONFIG, call, merged_config, mistake, run_command

COCO_CONFIG = """
model = dict(type='Model', test_cfg=dict(flip_test=False), peers=[dict()])
test_dataloader = dict(dataset=dict(
    type='CocoDataset', data_root='', ann_file='truth.json', bbox_file='x',
    data_prefix=dict(img='images/')))
test_evaluator = [
    dict(type='CocoMetric', ann_file='truth.json'),
    dict(type='BoxPCK'),
]
test_cfg = dict(type='SemiPoseTestLoop')
"""
TRUTH = dict(
    images=[dict(id=3, file_name='a.png')],
    annotations=[dict(id=1, image_id=3, category_id=1)])
FOUND = dict(image_id=3, category_id=1, bbox=[0, 0, 5, 9], score=0.5)


@pytest.fixture
def files(tmp_path):
    config, checkpoint = tmp_path / 'toy.py', tmp_path / 'toy.pth'
    config.write_text(TEST_CONFIG)
    torch.save(dict(state_dict=dict(scale=torch.ones(1)), meta={}), checkpoint)
    return str(config), str(checkpoint)


def test_scores_and_predictions(tmp_path, files):
    result = call(
        'test.py',
        *files,
        '--network',
        'ensemble',
        '--out',
        'new/scores.json',
        '--dump',
        'pred.pkl',
        '--cfg-options',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=True',
        cwd=tmp_path)
    scores = mmengine.load(str(tmp_path / 'new' / 'scores.json'))
    assert scores['PCK@0.1'] == 1 and scores['PCK@0.05'] == 0
    assert scores['net0/PCK@0.05'] == 1
    assert scores['net1/PCK@0.1'] == 0
    for name in ('pred', 'pred_net0', 'pred_net1'):
        assert len(mmengine.load(str(tmp_path / f'{name}.pkl'))) == 5
    check_results(result.stdout, tmp_path / 'work_dirs/toy/results', files)


def check_results(text, folder, files):
    """One file of scores for each network, and a table of all."""
    expected = dict(net0=(1, 1), net1=(0, 0), ensemble=(0, 1))
    rows = [[cell.strip() for cell in line.strip('|').split('|')]
            for line in text.splitlines() if line.startswith('| ')]
    assert rows[0] == ['network', 'PCK@0.05', 'PCK@0.1', 'PCK@0.2', 'AUC']
    assert [row[0] for row in rows[1:]] == list(expected)
    assert sorted(p.name for p in folder.iterdir()) == [
        'ensemble.json', 'net0.json', 'net1.json'
    ]
    for row, (name, (fine, coarse)) in zip(rows[1:], expected.items()):
        assert (float(row[1]), float(row[2])) == (fine, coarse)
        found = json.loads((folder / f'{name}.json').read_text())
        assert found['network'] == name
        assert found['scores']['PCK@0.05'] == fine
        assert found['scores']['PCK@0.1'] == coarse
        assert (found['config'], found['checkpoint']) == files
        assert (found['boxes'], found['flip_test']) == ('gt', False)
        assert found['cfg_options'] == {
            'test_dataloader.num_workers': 0,
            'test_dataloader.persistent_workers': True
        }
        assert found['date'].startswith('20')


@pytest.mark.long
def test_several_processes_on_cpu(tmp_path, files):
    call(
        'test.py',
        *files,
        '--launcher',
        'pytorch',
        '--out',
        'scores.json',
        '--cfg-options',
        'model.test_cfg.network=1',
        cwd=tmp_path,
        launch=('-m', 'torch.distributed.run', '--standalone',
                '--nproc_per_node=2'))
    scores = mmengine.load(str(tmp_path / 'scores.json'))
    assert scores['PCK@0.1'] == 0 and scores['net0/PCK@0.05'] == 1


@pytest.mark.parametrize('args, message', [
    (['nope.py', 'CHECKPOINT'], 'config file nope.py does not exist'),
    (['CONFIG', 'no.pth'], 'checkpoint file no.pth does not exist'),
    (['CONFIG', 'CHECKPOINT', '--newtork', '1'], 'did you mean --network'),
    (['CONFIG', 'CHECKPOINT', '--network', '2'
      ], '--network is 2, but must be one of 0, 1, ensemble'),
    (['CONFIG', 'CHECKPOINT', '--out', 'a.txt'], '--out is a.txt'),
    (['CONFIG', 'CHECKPOINT', '--dump', 'a.json'], '--dump is a.json'),
    (['CONFIG', 'CHECKPOINT', '--badcase'], '--badcase needs'),
    (['CONFIG', 'CHECKPOINT', '--show-dir', 'a'], '--show-dir need default_'),
])
def test_mistakes_give_one_line(tmp_path, files, monkeypatch, capsys, args,
                                message):
    places = dict(CONFIG=files[0], CHECKPOINT=files[1])
    args = [places.get(arg, arg) for arg in args]
    assert message in mistake('test', args, tmp_path, monkeypatch, capsys)


def test_network_of_one(tmp_path, files, monkeypatch, capsys):
    with open(files[0], 'a') as file:
        file.write("model['peers'] = []\n")
    args = [*files, '--network', '0']
    assert 'has one network' in mistake('test', args, tmp_path, monkeypatch,
                                        capsys)


def test_bad_cases(tmp_path, files, monkeypatch):
    with open(files[0], 'a') as file:
        file.write("default_hooks = dict(badcase=dict(type='BadCaseAnalysis"
                   "Hook', metric_type='accuracy'))\n")
    cfg = merged_config('test', [*files, '--badcase', '--interval', '4'],
                        tmp_path, monkeypatch)
    hook = cfg.default_hooks.badcase
    assert hook.enable and hook.interval == 4
    assert hook.metric == dict(type='BoxPCK')
    assert cfg.load_from == files[1]


@pytest.fixture
def coco_files(tmp_path):
    (tmp_path / 'coco.py').write_text(COCO_CONFIG)
    (tmp_path / 'coco.pth').write_text('')
    for name, content in dict(
            truth=TRUTH,
            images=dict(images=TRUTH['images']),
            mpii=[],
            found=[FOUND],
            elsewhere=[FOUND, dict(FOUND, image_id=4)],
            unscored=[{
                k: v
                for k, v in FOUND.items() if k != 'score'
            }],
            dogs=[dict(FOUND, category_id=18)],
            nested=dict(detections=[FOUND])).items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    (tmp_path / 'text.json').write_text('{')
    return ['coco.py', 'coco.pth']


DATA = 'test_dataloader.dataset.'


@pytest.mark.parametrize('args, dataset, kinds, said', [
    ([], dict(bbox_file='x'), ['CocoMetric', 'BoxPCK'], ''),
    (['--boxes', 'gt'], dict(bbox_file=''), ['CocoMetric', 'BoxPCK'], ''),
    (['--boxes', 'found.json'], dict(bbox_file='found.json', test_mode=True),
     ['CocoMetric'], '--boxes: BoxPCK is left out, as it needs boxes'),
    (['--boxes', 'found.json', '--dump', 'a.pkl'], dict(test_mode=True),
     ['CocoMetric', 'DumpResults'], 'BoxPCK is left out'),
])
def test_boxes(tmp_path, coco_files, monkeypatch, capsys, args, dataset, kinds,
               said):
    cfg = merged_config('test', [*coco_files, *args], tmp_path, monkeypatch)
    for key, value in dataset.items():
        assert cfg.test_dataloader.dataset[key] == value
    assert [m['type'] for m in cfg.test_evaluator] == kinds
    assert said in capsys.readouterr().out
    # predictions are kept, one file for each network
    assert cfg.test_evaluator[0].outfile_prefix == \
        './work_dirs/coco/results/.unfinished/{network}'


def test_flip_test_and_options_in_any_order(tmp_path, coco_files, monkeypatch):
    """Options work with entries that --dump would have moved."""
    cfg = merged_config('test', [
        *coco_files, '--flip-test', 'on', '--out-dir', 'out', '--dump',
        'a.pkl', '--cfg-options', 'test_evaluator.0.outfile_prefix=mine'
    ], tmp_path, monkeypatch)
    assert cfg.model.test_cfg.flip_test is True
    assert cfg.test_evaluator[0].outfile_prefix == 'mine'
    assert cfg.test_evaluator[2].out_file_path == 'a.pkl'
    cfg = merged_config('test', [*coco_files, '--flip-test', 'off'], tmp_path,
                        monkeypatch)
    assert cfg.model.test_cfg.flip_test is False


def test_format_only(tmp_path, coco_files, monkeypatch, capsys):
    """Images without annotations do, with boxes of a detector."""
    cfg = merged_config('test', [
        *coco_files, '--format-only', '--boxes', 'found.json', '--out-dir',
        'server', '--cfg-options', f'{DATA}ann_file=images.json'
    ], tmp_path, monkeypatch)
    metric, = cfg.test_evaluator
    assert metric.format_only and metric.ann_file is None
    assert metric.outfile_prefix == 'server/.unfinished/{network}'
    assert 'BoxPCK is left out' in capsys.readouterr().out


@pytest.mark.parametrize('end, name', [
    ("model['peers'] = []", 'net0'),
    ("test_cfg['type'] = 'TestLoop'\nmodel['test_cfg']['network'] = 1",
     'net1'),
    ("test_cfg['type'] = 'TestLoop'\n"
     "model['test_cfg']['network'] = 'ensemble'", 'ensemble'),
])
def test_file_of_one_network(tmp_path, coco_files, monkeypatch, end, name):
    with open(tmp_path / 'coco.py', 'a') as file:
        file.write(end + '\n')
    cfg = merged_config('test', coco_files, tmp_path, monkeypatch)
    prefix = cfg.test_evaluator[0].outfile_prefix
    assert prefix == f'./work_dirs/coco/results/.unfinished/{name}'


@pytest.mark.parametrize('args, message', [
    (['--boxes', 'no.json'], '--boxes is no.json, but must be gt or a json'),
    (['--boxes', 'text.json'], "'text.json' cannot be read as json"),
    (['--boxes', 'nested.json'
      ], "'nested.json' holds a dict; it must be a list"),
    (['--boxes', 'unscored.json'
      ], "'unscored.json', entry 0.score is missing"),
    (['--boxes', 'elsewhere.json'], "'elsewhere.json', entry 1.image_id "
     'is 4; it must be the id of one of the'),
    (['--boxes', 'dogs.json'
      ], "'dogs.json' has 18 (1 boxes), and nothing tells which of these is"),
    (['--boxes', 'found.json', '--cfg-options', f'{DATA}ann_file=mpii.json'
      ], '--boxes FILE needs COCO annotations'),
    (['--boxes', 'found.json', '--cfg-options', f'{DATA}ann_file=images.json'
      ], 'images.json has no annotations to score against; use --format-only'),
    (['--boxes', 'gt', '--cfg-options', f'{DATA}ann_file=no.json'
      ], 'test_dataloader.dataset.ann_file: file no.json does not exist'),
    ([
        '--boxes', 'gt', '--format-only', '--cfg-options',
        f'{DATA}ann_file=images.json'
    ], '--boxes must be a file of detections'),
    (['--format-only', '--out', 'a.json'], 'no scores for --out'),
    (['--flip-test', 'yes'], 'argument --flip-test: invalid choice'),
])
def test_data_that_do_not_fit(tmp_path, coco_files, monkeypatch, capsys, args,
                              message):
    # what is left out is said before what does not fit
    said = mistake('test', [*coco_files, *args], tmp_path, monkeypatch, capsys)
    assert message in said


@pytest.mark.parametrize('args, message', [
    (['--boxes', 'found.json'], 'test_evaluator has BoxPCK, but no CocoMetric'
     ': it needs boxes whose truth is known'),
    (['--format-only'], 'test_evaluator has BoxPCK, but no CocoMetric'),
])
def test_metrics_that_need_the_truth(tmp_path, coco_files, monkeypatch, capsys,
                                     args, message):
    with open(tmp_path / 'coco.py', 'a') as file:
        file.write("test_evaluator = dict(type='BoxPCK')\n")
    assert message in mistake('test', [*coco_files, *args], tmp_path,
                              monkeypatch, capsys)


def test_boxes_of_another_kind_of_data(tmp_path, files, monkeypatch, capsys):
    assert '--boxes needs test_dataloader.dataset.ann_file' in mistake(
        'test', [*files, '--boxes', 'gt'], tmp_path, monkeypatch, capsys)


def test_a_trained_model(tmp_path, trained, monkeypatch, capfd):
    """From the checkpoint to the files, twice: nothing else stays."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        run_command('test', trained.config, trained.checkpoint, '--work-dir',
                    tmp_path / 'work', '--out-dir', 'out')
    text = capfd.readouterr().out
    assert '| coco ' in text and 'AP .75' in text and 'PCK@0.05' in text
    names = ('net0', 'net1', 'ensemble')
    assert {p.name
            for p in (tmp_path / 'out').iterdir()} == {
                f'{name}{ending}'
                for name in names
                for ending in ('.json', '.keypoints.json', '.errors.csv')
            }
    for name in names:
        found = json.loads((tmp_path / f'out/{name}.json').read_text())
        assert {'coco/AP', 'coco/AR', 'AUC'} <= set(found['scores'])
        with (tmp_path / f'out/{name}.errors.csv').open() as file:
            total, *joints = csv.DictReader(file)
        assert float(total['median']) == pytest.approx(
            found['scores']['EPE median'], rel=1e-4)
        assert len(joints) == 17
        results = json.loads(
            (tmp_path / f'out/{name}.keypoints.json').read_text())
        assert 0 < len(results) <= 4


def test_a_teacher(tmp_path, taught, monkeypatch, capfd):
    """Its scores are the plain ones, and EMA teachers are scored unasked."""
    monkeypatch.chdir(tmp_path)
    scores = {}
    for network in ('snap1', '0'):
        run_command('test', taught.config, taught.checkpoint, '--network',
                    network, '--out', f'{network}.json', '--out-dir',
                    tmp_path / network, '--work-dir', tmp_path / 'work')
        scores[network] = json.loads(
            (tmp_path / f'{network}.json').read_text())
    own = {'ema0', 'ensemble', 'net0', 'net1', 'snap1'}
    for network, names in (('snap1', own), ('0', own - {'snap1'})):
        assert {
            p.name.partition('.')[0]
            for p in (tmp_path / network).iterdir()
        } == names
    one = json.loads((tmp_path / 'snap1/snap1.json').read_text())
    assert one['scores']['PCK@0.2'] == scores['snap1']['PCK@0.2']
    assert scores['snap1']['ema0/PCK@0.2'] == scores['0']['ema0/PCK@0.2']
    rows = [
        line.split()[1] for line in capfd.readouterr().out.splitlines()
        if line.startswith(('| net', '| ema', '| snap', '| ens'))
    ]
    assert rows[:5] == ['net0', 'net1', 'ema0', 'snap1', 'ensemble']


def test_a_network_that_is_not_there(tmp_path, taught, monkeypatch, capsys):
    said = mistake('test',
                   [taught.config, taught.checkpoint, '--network', 'ema1'],
                   tmp_path, monkeypatch, capsys)
    assert 'one of 0, 1, ema0, snap1, big, ensemble' in said


def test_nothing_half_written_stays(tmp_path, trained, monkeypatch):
    from semipose_mm.evaluation import FastCocoMetric

    def fail(*args):
        assert (tmp_path / 'out/.unfinished').is_dir()
        raise RuntimeError('interrupted')

    monkeypatch.setattr(FastCocoMetric, '_do_python_keypoint_eval', fail)
    with pytest.raises(RuntimeError, match='interrupted'):
        run_command('test', trained.config, trained.checkpoint, '--work-dir',
                    tmp_path / 'work', '--out-dir', tmp_path / 'out')
    assert list((tmp_path / 'out').iterdir()) == []


def test_a_checkpoint_of_another_config(tmp_path, trained):
    state = torch.load(trained.checkpoint, weights_only=True)['state_dict']
    other = {f'other.{key}': value for key, value in state.items()}
    torch.save(dict(state_dict=other), tmp_path / 'other.pth')
    done = call(
        'test.py',
        trained.config,
        tmp_path / 'other.pth',
        cwd=tmp_path,
        check=False)
    assert done.returncode == 2
    assert 'other.pth does not fit' in done.stdout + (done.stderr or '')
    assert not list(tmp_path.glob('work_dirs/*/results/*'))
