# Copyright (c) semipose_mm authors.
"""Tests of the command that exports a network for MMPose alone."""
import ast
import hashlib
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmpose.apis import init_model
from toy_tools import run_command

import semipose_mm
from semipose_mm.checkpoint.export import check as export_check
from semipose_mm.checkpoint.export import onnx_file as export_onnx
from semipose_mm.checkpoint.export import stock_inference
from semipose_mm.checkpoint.export.weights import ExportError

RECORD = dict(
    version='0.1',
    num_networks=2,
    network='net0',
    save_best={'coco/AP': 'net0'},
    scores=dict(
        iteration=2,
        epoch=1,
        networks=dict(
            net0={
                'coco/AP': 0.25,
                'AUC': 0.5
            },
            net1={
                'coco/AP': 0.125,
                'AUC': 0.375
            },
            ensemble={
                'coco/AP': 0.3,
                'AUC': 0.6
            })),
    best={'coco/AP': dict(score=0.75, iteration=1, epoch=0, networks={})})


@pytest.fixture(scope='module')
def source(trained, tmp_path_factory):
    """Config and checkpoint, with scores as a validation leaves them."""
    path = tmp_path_factory.mktemp('source') / 'epoch_1.pth'
    checkpoint = torch.load(trained.checkpoint, weights_only=True)
    checkpoint['meta']['semipose'] = RECORD
    torch.save(checkpoint, path)
    return [trained.config, str(path)]


@pytest.fixture
def tool(monkeypatch):
    return import_module('semipose_mm.cli.commands.weights.export')


@pytest.fixture
def in_process(monkeypatch):
    """The self-check without a process of its own, which would take long."""

    def run(*args):
        monkeypatch.setattr('sys.argv', ['stock_inference.py', *args])
        stock_inference.main()
        return SimpleNamespace(returncode=0, stdout='')

    monkeypatch.setattr(export_check, 'run_stock', run)


def written(folder):
    """The files of a folder by their endings; all have one stem."""
    files = {path.suffix: path for path in Path(folder).iterdir()}
    assert len({path.stem for path in files.values()}) == 1
    return files


def weights(path):
    return torch.load(path, weights_only=True)['state_dict']


def test_one_network(tool, source, people_root, tmp_path, monkeypatch, capsys):
    """All files, after a check in a process without this package."""
    pytest.importorskip('onnxruntime')
    out = tmp_path / 'out'
    run_command('export', *source, f'{out}/', '--network', 1, '--onnx')
    files = written(out)
    assert set(files) == {'.py', '.pth', '.onnx'}
    digest = hashlib.sha256(files['.pth'].read_bytes()).hexdigest()
    assert files['.pth'].name == f'own_net1-{digest[:8]}.pth'

    checkpoint = torch.load(files['.pth'], weights_only=True)
    assert set(checkpoint) == {'state_dict', 'meta'}
    state = weights(source[1])
    assert len(checkpoint['state_dict']) * 2 == len(state)
    for key, value in checkpoint['state_dict'].items():
        assert torch.equal(value, state[f'peers.1.{key}'])

    meta = checkpoint['meta']
    assert set(meta) == {
        'cfg', 'dataset_meta', 'mmengine_version', 'mmpose_version', 'semipose'
    }
    assert meta['dataset_meta']['num_keypoints'] == 17
    assert type(meta['dataset_meta']['sigmas']) is list
    text = files['.py'].read_text()
    assert text.startswith(f'# {files[".pth"].name} has the weights: network ')
    assert text.endswith(meta['cfg']) and 'semipose' not in meta['cfg']
    check_about(meta['semipose'], source, people_root)
    said = capsys.readouterr().out
    for line in ('MMPose without this package predicts the same',
                 'onnxruntime differs by ', 'Exported: network 1.',
                 'Validation at iteration 2, checkpoint of iteration 2',
                 'save_best followed coco/AP of net0, best 0.7500 at '
                 'iteration 1.', *map(str, files.values())):
        assert line in said, line
    rows = [line.split() for line in said.splitlines() if '0.1250' in line]
    assert rows[0][1] == 'net1'

    model = init_model(str(files['.py']), str(files['.pth']), 'cpu')
    data = files['.onnx'].read_bytes()
    gap = export_onnx.check_onnx(data, model, Config.fromstring(text, '.py'))
    assert 0 <= gap < 1e-4


def check_about(about, source, people_root):
    """What the checkpoint tells of itself."""
    assert about['version'] == semipose_mm.__version__
    assert (about['recipe'], about['network']) == ('own', 1)
    assert len(about['joints']) == 17 and about['joints'][0] == 'nose'
    assert (about['iteration'], about['epoch']) == (2, 1)
    for key in ('scores', 'best', 'save_best'):
        assert about[key] == RECORD[key]
    assert about['selected'] == 'net0'

    def entry(name):
        path = people_root / 'annotations' / name
        return dict(
            file=name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    assert about['data'] == dict(
        labeled=[entry('person_keypoints_train.json')],
        unlabeled=[
            entry('image_info_unlabeled.json'),
            entry('unlabeled_detections.json')
        ],
        val=[entry('person_keypoints_val.json')])
    content = Path(source[1]).read_bytes()
    assert about['source'] == dict(
        file='epoch_1.pth', sha256=hashlib.sha256(content).hexdigest())


def test_average(tool, source, tmp_path, monkeypatch, capsys, in_process):
    """It is named as asked, has a score, and is made alike twice."""
    for name in ('mean', 'mean.pth'):
        run_command('export', *source, tmp_path / 'out' / name, '--network',
                    'average')
    files = written(tmp_path / 'out')
    assert set(files) == {'.py', '.pth'}
    assert files['.py'].name.startswith('mean-')
    state = weights(source[1])
    for key, value in weights(files['.pth']).items():
        both = state[key], state[f'peers.1.{key}']
        if value.is_floating_point():
            torch.testing.assert_close(value, (both[0] + both[1]) / 2)
        else:
            assert torch.equal(value, both[0])
    about = torch.load(files['.pth'], weights_only=True)['meta']['semipose']
    assert about['network'] == 'average' and about['scores'] == \
        RECORD['scores']
    # by the config's metrics, of which MMPose has one
    assert {'coco/AP', 'PCK@0.05', 'AUC'} <= set(about['average'])
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines() if '| average' in line]
    assert rows[1][3] == f'{about["average"]["AUC"]:.4f}'


@pytest.mark.parametrize('name, number', [('ema0', 0), ('snap1', 1)])
def test_a_teacher(tool, taught, tmp_path, monkeypatch, capsys, in_process,
                   name, number):
    """Its weights under plain names, which are parameters again."""
    run_command('export', taught.config, taught.checkpoint,
                f'{tmp_path / "out"}/', '--network', name)
    files = written(tmp_path / 'out')
    assert files['.pth'].name.startswith(f'taught_{name}-')
    state, start = weights(taught.checkpoint), f'teachers.{name}.'
    own = {k[len(start):]: v for k, v in state.items() if k.startswith(start)}
    exported = weights(files['.pth'])
    assert set(exported) == set(own)
    assert all(torch.equal(v, own[k]) for k, v in exported.items())
    model = init_model(str(files['.py']), str(files['.pth']), 'cpu')
    assert type(model).__name__ == 'TopdownPoseEstimator'
    assert all(torch.equal(v, own[k]) for k, v in model.named_parameters())
    about = torch.load(files['.pth'], weights_only=True)['meta']['semipose']
    assert about['network'] == name
    assert f'Exported: network {name}.' in capsys.readouterr().out


def test_average_of_trained_networks(tool, taught, tmp_path, monkeypatch,
                                     capsys, in_process):
    run_command('export', taught.config, taught.checkpoint,
                tmp_path / 'out' / 'a', '--network', 'average', '--no-score')
    state = weights(taught.checkpoint)
    key = 'head.final_layer.weight'
    mean = weights(written(tmp_path / 'out')['.pth'])[key]
    torch.testing.assert_close(mean,
                               (state[key] + state[f'peers.1.{key}']) / 2)


@pytest.mark.parametrize('name, message', [
    ('big', '--network is big, but the weights of FrozenTeacher are in no '
     'checkpoint of this training: take model.teachers.big.checkpoint'),
    ('ema1', 'a name in model.teachers of the config (ema0, snap1, big)'),
])
def test_teachers_that_are_not_exported(taught, tmp_path, name, message,
                                        refused):
    assert message in refused('export', taught.config, taught.checkpoint,
                              tmp_path / 'out' / 'a', '--network', name)


def test_a_checkpoint_without_the_teacher(taught, source, tmp_path, refused):
    assert '--network is ema0, but the checkpoint holds 0, 1' in refused(
        'export', taught.config, source[1], tmp_path / 'out' / 'a',
        '--network', 'ema0')


def test_score_of_the_average(tool, source, tmp_path, monkeypatch, capsys,
                              in_process):
    """The average of equal networks scores what a network does."""
    from semipose_mm.checkpoint.export import make_export
    checkpoint = torch.load(source[1], weights_only=True)
    state = checkpoint['state_dict']
    for key in list(state):
        if not key.startswith('peers.'):
            state[key] = state[f'peers.1.{key}']
    cfg = Config.fromfile(source[0])
    mean, reason = tool.score(cfg, make_export(cfg, checkpoint, 'average'))
    assert reason is None
    one, _ = tool.score(cfg, make_export(cfg, checkpoint, 1))
    assert mean == one and mean['PCK@0.2'] > 0


def test_data_that_are_not_there(tool, source, tmp_path, monkeypatch, capsys,
                                 in_process):
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{source[0]}'\n"
                     'val_dataloader = dict(dataset=dict('
                     "ann_file='gone.json'))\n")
    args = [child, source[1], tmp_path / 'out' / 'a', '--network', 'average']
    run_command('export', *args)
    said = capsys.readouterr().out
    assert 'The average is not scored: ' in said and 'gone.json' in said
    about = torch.load(
        written(tmp_path / 'out')['.pth'],
        weights_only=True)['meta']['semipose']
    assert about['data']['val'] == [dict(file='gone.json', sha256=None)]
    assert about['average'] == {}


@pytest.mark.parametrize('args, message', [
    (['--network', '2'], '--network is 2, but the checkpoint holds 0, 1'),
    (['--network', 'ema'
      ], '--network is ema, but must be a number, average or a '
     'name in model.teachers of the config (which has none)'),
    (['--netwrok', '1'], 'did you mean --network'),
])
def test_options(source, tmp_path, args, message, refused):
    assert message in refused(
        'export', *source, tmp_path / 'out' / 'a', *args, noisy=True)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('model, args, message', [
    ("dict(test_cfg=dict(network='ensemble'))", [],
     'model.test_cfg.network is ensemble'),
    ('dict(peers=[dict(head=dict(deconv_out_channels=(16, 16, 8)))])',
     ['--network', '1'], 'does not fit CONFIG: '),
    ('dict(peers=[dict(head=dict(conv_out_channels=[4]))])',
     ['--network', 'average'], 'model.head.conv_out_channels is None in '),
    ('dict(peers=[], routes=[])', ['--network', '1'],
     '--network is 1, but model.peers of the config has 0'),
])
def test_configs_that_do_not_fit(source, tmp_path, model, args, message,
                                 refused):
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{source[0]}'\nmodel = {model}\n")
    out = tmp_path / 'out' / 'a'
    assert message in refused(
        'export', child, source[1], out, *args, noisy=True)
    assert not out.parent.exists()


@pytest.mark.parametrize('content',
                         [b'', b'weights', b'garbage', b'PK\x03\x04'])
def test_files_that_are_no_checkpoints(source, tmp_path, content, refused):
    path = tmp_path / 'broken.pth'
    path.write_bytes(content)
    line = refused(
        'export', source[0], path, tmp_path / 'out' / 'a', noisy=True)
    assert f'{path} cannot be read: ' in line


def test_selected_network_is_the_default(tool, source):
    cfg = Config.fromfile(source[0])
    assert tool.selected_network(None, cfg) == 0
    cfg.merge_from_dict({'model.test_cfg.network': 1})
    assert tool.selected_network(None, cfg) == 1


def test_networks_of_different_shapes(source, tmp_path, refused):
    checkpoint = torch.load(source[1], weights_only=True)
    key = 'peers.1.head.final_layer.bias'
    checkpoint['state_dict'][key] = torch.ones(3)
    path = tmp_path / 'other.pth'
    torch.save(checkpoint, path)
    line = refused(
        'export',
        source[0],
        path,
        tmp_path / 'out' / 'a',
        '--network',
        'average',
        noisy=True)
    assert 'head.final_layer.bias is (17,) in network 0 and (3,) in' in line
    assert not (tmp_path / 'out').exists()


def test_nothing_is_written_where_the_check_fails(source, tmp_path,
                                                  monkeypatch, refused):

    def fail(*args):
        raise ExportError('self-check: outputs differ')

    monkeypatch.setattr(export_check, 'check_export', fail)
    out = tmp_path / 'out'
    line = refused('export', *source, out / 'a', noisy=True)
    assert line.endswith('is not exported: self-check: outputs differ '
                         '(--help lists all)')
    assert not out.exists()


def test_nothing_half_written_stays(source, tmp_path, monkeypatch, refused):
    monkeypatch.setattr(export_check, 'check_export', lambda *args: None)

    def full(path):
        if Path(path).parent == tmp_path / 'out' and '.pth' in path:
            raise OSError('No space left on device')

    monkeypatch.setattr('semipose_mm.files._flush', full)
    line = refused('export', *source, tmp_path / 'out' / 'a', noisy=True)
    assert 'cannot be written: No space left' in line
    assert list((tmp_path / 'out').iterdir()) == []


def test_header_is_a_comment(tool, source):
    """The config runs with it, whatever the recipe is called."""
    export = SimpleNamespace(
        network='average', config=SimpleNamespace(pretty_text='a = 1\n'))
    text = tool.config_text(export, 'a-01234567.pth', dict(recipe='x y'))
    assert text == ('# a-01234567.pth has the weights: the average of x y.\n'
                    'a = 1\n')
    assert len(ast.parse(text).body) == 1


def test_a_changed_file_is_not_replaced(source, in_process, tmp_path, refused):

    def export():
        run_command('export', *source, tmp_path / 'new' / 'out')

    export()
    export()  # the same again
    config = written(tmp_path / 'new')['.py']
    config.write_text(config.read_text() + '# my edit\n')
    assert f'{config.name} exists and has been changed' in refused(
        'export', *source, tmp_path / 'new' / 'out', noisy=True)
    assert config.read_text().endswith('# my edit\n')
