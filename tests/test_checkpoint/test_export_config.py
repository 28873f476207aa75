# Copyright (c) semipose_mm authors.
"""Tests of the plain config of one network."""
import copy

import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS, METRICS, MODELS
from recipe_toys import CONFIGS

from semipose_mm.checkpoint.export.config import (network_config, own_class,
                                                  plain_config)
from semipose_mm.checkpoint.export.weights import ExportError

RECIPES = [
    'posedual_mobilenetv2_mouse9', 'posecons_mobilenetv2_lspet',
    'posedual_res18_coco1k', 'posedual_hrnet_w32_mpii_aic',
    'paper/posedual_hrnet_w48_coco', 'supervised_res18slim_own',
    'posedual_hrnet_w48_coco_testdev', 'posedual_rtmpose-t_mouse9'
]


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


@pytest.fixture(scope='module')
def mouse():
    return load(RECIPES[0])


def types(value):
    """Every ``type`` of a config."""
    if isinstance(value, dict):
        if 'type' in value:
            yield value['type']
        for item in value.values():
            yield from types(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from types(item)


@pytest.mark.parametrize('name', RECIPES)
def test_recipes(name, no_yapf, no_variables):
    cfg = load(name)
    before = cfg.to_dict()
    number = len(cfg.model.peers)
    plain = plain_config(cfg, number)
    assert cfg.to_dict() == before
    text = plain.pretty_text
    assert Config.fromstring(text, '.py').to_dict() == plain.to_dict()
    for kind in types(plain.to_dict()):
        assert own_class(kind) is None and 'semipose' not in kind
    assert plain.model.type == 'TopdownPoseEstimator'
    assert plain.model.data_preprocessor == dict(
        cfg.model.data_preprocessor, type='PoseDataPreprocessor')
    for key in ('custom_imports', 'custom_hooks', 'train_dataloader',
                'train_cfg', 'optim_wrapper', 'param_scheduler', 'load_from',
                'auto_scale_lr', 'posedual'):
        assert key not in plain
    for key in ('peers', 'routes', 'views', 'warp', 'sup_weight'):
        assert key not in plain.model and f'{key}=' not in text
    assert 'init_cfg' not in text and 'save_best' not in text
    # what MMPose's inferencers read
    assert plain.data_mode == 'topdown'
    assert DATASETS.get(plain.dataset_type) is not None
    assert plain.visualizer.type == 'PoseLocalVisualizer'
    pipeline = plain.test_dataloader.dataset.pipeline
    assert plain.val_pipeline == pipeline
    assert tuple(plain.codec.input_size) == tuple(pipeline[-2]['input_size'])
    for part in ('val', 'test'):
        assert plain[f'{part}_dataloader'].dataset.type == \
            cfg[f'{part}_dataloader'].dataset.type
        assert plain[f'{part}_cfg'] == dict()
        for metric in plain[f'{part}_evaluator']:
            assert METRICS.get(metric.type) is not None


def test_metrics(mouse, no_variables):
    """Ours are left out; without any there is one of MMPose's."""
    assert plain_config(mouse).val_evaluator == [
        dict(type='PCKAccuracy', thr=0.2, norm_item='bbox')
    ]
    own = load('posedual_res18slim_own')
    metric, = plain_config(own).test_evaluator
    assert metric == dict(own.test_evaluator[0], type='CocoMetric')
    own.test_evaluator = dict(type='Evaluator', metrics=own.test_evaluator)
    assert plain_config(own).test_evaluator == [metric]


def test_inline_metainfo_stays(mouse):
    assert plain_config(mouse).test_dataloader.dataset.metainfo == \
        mouse.test_dataloader.dataset.metainfo


def test_metainfo_of_a_file_is_taken_in(mouse, tmp_path):
    info = mouse.test_dataloader.dataset.metainfo
    path = tmp_path / 'mouse_info.py'
    path.write_text(f'dataset_info = {info.to_dict()!r}\n')
    cfg = copy.deepcopy(mouse)
    cfg.test_dataloader.dataset.metainfo = dict(from_file=str(path))
    plain = plain_config(cfg)
    path.unlink()
    assert plain.test_dataloader.dataset.metainfo == info
    with pytest.raises(ExportError, match='test_dataloader.*from_file: file'):
        plain_config(cfg)
    # MMPose's own is there wherever MMPose is
    stock = dict(from_file='configs/_base_/datasets/coco.py')
    cfg.test_dataloader.dataset.metainfo = stock
    assert plain_config(cfg).test_dataloader.dataset.metainfo == stock


def test_overrides_of_a_peer(mouse):
    cfg = copy.deepcopy(mouse)
    cfg.model.peers = [
        dict(backbone=dict(widen_factor=0.5), head=dict(in_channels=640))
    ]
    model = network_config(cfg.model, 1)
    assert (model['backbone']['widen_factor'],
            model['head']['in_channels']) == (0.5, 640)
    assert model['head']['out_channels'] == 9
    assert network_config(cfg.model, 0)['backbone']['widen_factor'] == 1
    MODELS.build(model)
    with pytest.raises(ExportError, match='model.peers of .* has 1 entries'):
        network_config(cfg.model, 2)


def test_selected_network_is_no_key_of_mmpose(mouse):
    cfg = copy.deepcopy(mouse)
    cfg.model.test_cfg.network = 1
    assert plain_config(cfg).model.test_cfg == mouse.model.test_cfg
    assert cfg.model.test_cfg.network == 1


def test_foreign_imports_stay(mouse):
    cfg = copy.deepcopy(mouse)
    cfg.custom_imports.imports = ['semipose_mm', 'mmpose.testing']
    assert plain_config(cfg).custom_imports == dict(
        imports=['mmpose.testing'], allow_failed_imports=False)
    # one whose classes are not in use any more, such as our children
    cfg.custom_imports.imports = ['my_hard_views', 'mmpose.testing']
    assert plain_config(cfg).custom_imports.imports == ['mmpose.testing']
    cfg.custom_imports.imports = 'semipose_mm.models'
    assert 'custom_imports' not in plain_config(cfg)


def test_only_one_kind_of_data(mouse):
    """Inference reads the test's pipeline, wherever that comes from."""
    cfg = copy.deepcopy(mouse)
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key)
    plain = plain_config(cfg)
    assert plain.test_dataloader == plain.val_dataloader
    assert plain.test_evaluator == plain.val_evaluator
    cfg.pop('val_dataloader')
    with pytest.raises(ExportError, match='neither test_dataloader nor val_'):
        plain_config(cfg)


def test_own_classes_that_have_no_counterpart(mouse):
    cfg = copy.deepcopy(mouse)
    cfg.test_dataloader.dataset.pipeline.insert(2, dict(type='EasyAffine'))
    with pytest.raises(
            ExportError,
            match=r'test_dataloader.dataset.pipeline\[2\].type is EasyAffine'):
        plain_config(cfg)


def test_own_classes():
    from semipose_mm.engine import SafeCheckpointHook
    for kind in ('SemiPoseEstimator', 'mmpose.BoxPCK', SafeCheckpointHook,
                 'semipose_mm.datasets.SemiPoseDataset'):
        assert own_class(kind).__module__.startswith('semipose_mm.')
    for kind in ('HeatmapHead', 'CocoMetric', 'mmdet.RTMDet', None):
        assert own_class(kind) is None
