# Copyright (c) semipose_mm authors.
"""Tests of the comparison of an export with its training."""
from types import SimpleNamespace

import pytest
import simcc_toys
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from semipose_mm.checkpoint.export import check as export_check
from semipose_mm.checkpoint.export import (make_checkpoint, make_export,
                                           stock_inference)
from semipose_mm.checkpoint.export.weights import ExportError


@pytest.fixture(scope='module')
def trained_export(trained):
    """Config and checkpoint of a training, and network 1 of it."""
    cfg = Config.fromfile(trained.config)
    checkpoint = torch.load(trained.checkpoint, weights_only=True)
    return cfg, checkpoint, make_export(cfg, checkpoint, 1)


@pytest.fixture
def model(trained_export):
    cfg, checkpoint, export = trained_export
    return export_check.load_training(cfg, checkpoint['state_dict'], 1,
                                      export.dataset_meta)


@pytest.fixture
def files(trained_export, tmp_path):
    """The exported files."""
    export = trained_export[2]
    paths = str(tmp_path / 'net.py'), str(tmp_path / 'net.pth')
    export.config.dump(paths[0])
    torch.save(make_checkpoint(export, {}), paths[1])
    return paths


@pytest.fixture
def in_process(monkeypatch):
    """The script without a process of its own, which would take long."""

    def run(*args):
        monkeypatch.setattr('sys.argv', ['stock_inference.py', *args])
        stock_inference.main()
        return SimpleNamespace(returncode=0, stdout='')

    monkeypatch.setattr(export_check, 'run_stock', run)


def check(model, export, files, tmp_path, number=1):
    samples = [export_check.write_noise(str(tmp_path / 'noise.png'))]
    samples.append(export_check.first_sample(export.config))
    inputs = export_check.random_inputs(export.config)
    assert inputs.shape == (2, 3, 128, 96)
    export_check.check_export(model, number, inputs, samples, *files)
    return samples


def test_the_same_network(trained_export, model, files, tmp_path, in_process):
    samples = check(model, trained_export[2], files, tmp_path)
    (_, whole), (image, box) = samples
    assert whole is None and image.endswith('.jpg') and len(box) == 4


SIMCC = dict(
    simcc_toys.BASE['RTMCCHead']['head'],
    _delete_=True,
    out_channels=17,
    input_size=(96, 128),
    in_featuremap_size=(3, 4),
    decoder=dict(simcc_toys.CODEC, input_size=(96, 128)))


@pytest.mark.parametrize(
    'model', [
        dict(head=SIMCC),
        dict(peers=[dict(backbone=dict(depth=34))]),
    ],
    ids=['SimCC', 'deeper peer'])
def test_other_networks(trained, trained_export, tmp_path, in_process, model):
    """Whatever head there is, and with the overrides of a peer."""
    child = tmp_path / 'child.py'
    child.write_text(f"_base_ = '{trained.config}'\nmodel = {model!r}\n")
    cfg = Config.fromfile(child)
    state = MODELS.build(cfg.model).state_dict()
    export = make_export(cfg, dict(trained_export[1], state_dict=state), 1)
    paths = str(tmp_path / 'net.py'), str(tmp_path / 'net.pth')
    export.config.dump(paths[0])
    torch.save(make_checkpoint(export, {}), paths[1])
    estimator = export_check.load_training(cfg, state, 1, export.dataset_meta)
    check(estimator, export, paths, tmp_path)
    with pytest.raises(ExportError, match='self-check: outputs'):
        check(estimator, export, paths, tmp_path, number=0)


def test_another_network(trained_export, model, files, tmp_path, in_process):
    content = torch.load(files[1], weights_only=True)
    key = 'head.final_layer.bias'
    content['state_dict'][key] = content['state_dict'][key] + 1e-3
    torch.save(content, files[1])
    with pytest.raises(ExportError, match='self-check: outputs .* by 0.001'):
        check(model, trained_export[2], files, tmp_path)


def test_another_preprocessing(trained_export, model, files, tmp_path,
                               in_process):
    """Equal heatmaps of equal tensors are not all that counts."""
    cfg = Config.fromfile(files[0])
    cfg.model.data_preprocessor.bgr_to_rgb = False
    cfg.test_dataloader.dataset.pipeline[-2].input_size = (72, 96)
    cfg.dump(files[0])
    with pytest.raises(ExportError, match='self-check: keypoints .* differ'):
        check(model, trained_export[2], files, tmp_path)


def test_what_mmpose_cannot_load(trained_export, model, files, tmp_path,
                                 monkeypatch):
    monkeypatch.setattr(
        export_check, 'run_stock', lambda *args: SimpleNamespace(
            returncode=1, stdout='Traceback\nKeyError: NoHead\n'))
    with pytest.raises(
            ExportError, match='without semipose_mm .*: KeyError: '
            'NoHead'):
        check(model, trained_export[2], files, tmp_path)


def test_the_first_error_of_a_chain_is_told():
    output = 'note\nImportError: no module a\n\nTraceback\nValueError: b\nend'
    assert export_check.first_error(output) == 'ImportError: no module a'
    assert export_check.first_error('Killed') == 'Killed'
    assert export_check.first_error('') == 'no message'


def test_not_a_number():
    nan = [torch.tensor([0., float('nan')])]
    with pytest.raises(ExportError, match='differ'):
        export_check.compare(nan, [torch.zeros(2)], 'outputs')
    with pytest.raises(ExportError, match=r'shapes of outputs are \[\(2,\)\]'):
        export_check.compare(nan, [torch.zeros(3)], 'outputs')
    assert export_check.compare([torch.ones(2)], [torch.ones(2)], '') == 0


@pytest.mark.parametrize('change, message', [
    (lambda state: state.pop('head.final_layer.bias'),
     r'head.final_layer.bias is missing in the checkpoint and \(17,\)'),
    (lambda state: state.update({'peers.2.a': torch.ones(3)}),
     r'peers.2.a is \(3,\) in the checkpoint and missing in the model'),
])
def test_a_checkpoint_of_another_config(trained_export, change, message):
    cfg, checkpoint, export = trained_export
    state = dict(checkpoint['state_dict'])
    change(state)
    with pytest.raises(ExportError, match=f'does not fit CONFIG: {message}'):
        export_check.load_training(cfg, state, 1, export.dataset_meta)


def test_no_validation_data(trained_export):
    config = trained_export[2].config.copy()
    config.val_dataloader = dict(
        dataset=dict(config.val_dataloader.dataset, ann_file='gone.json'))
    assert export_check.first_sample(config) is None
