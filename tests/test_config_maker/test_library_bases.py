# Copyright (c) semipose_mm authors.
"""Tests of bases whose backbone is one of timm or Hugging Face."""
import json
import sys
from types import SimpleNamespace

import pytest
import torch
from make_config_toys import MOBILENET, short
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS
from own_toys import draw, frames, labels, make, save

from semipose_mm.checkpoint.export import check, stock_inference
from semipose_mm.cli import main
from semipose_mm.config_maker.base import ConfigFault
from semipose_mm.config_maker.library import library_base
from semipose_mm.data_files import WARNING, DataError, Findings

# small networks
VIT, CONVNEXT = 'timm:test_vit', 'timm:convnext_atto'
DINO = 'timm:vit_small_patch14_dinov2'


@pytest.fixture(scope='module')
def birds(tmp_path_factory):
    """What a config needs: six labels, six unlabeled images."""
    folder = tmp_path_factory.mktemp('birds')
    names = frames(6)
    draw(folder / 'images', names)
    draw(folder / 'unl', [f'u{name}' for name in names])
    return dict(
        labeled=save(folder / 'labels.json', labels(names)),
        unlabeled=str(folder / 'unl'))


@pytest.fixture(scope='module')
def trained(birds, tmp_path_factory):
    """A config with a ViT and a ConvNeXt, and its training from files."""
    timm = pytest.importorskip('timm')
    folder = tmp_path_factory.mktemp('made')
    weights = timm.create_model('test_vit').state_dict()
    torch.save(dict(model=weights), folder / 'vit.pth')
    made = make(
        folder / 'dual.py',
        base=VIT,
        weights=str(folder / 'vit.pth'),
        recipe='posedual',
        **birds)
    cfg = short(made.config, folder / 'run')
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(folder / 'vit.pth'))
    init_default_scope('mmpose')
    Runner.from_cfg(cfg).train()
    return made, folder, weights


def test_a_config_of_a_vit(trained):
    made, folder, weights = trained
    cfg = Config.fromfile(made.config)
    assert cfg.model.backbone == dict(
        type='TimmBackbone',
        model='test_vit.r160_in1k',
        img_size=(64, 64),
        init_cfg=dict(type='Pretrained', checkpoint=str(folder / 'vit.pth')))
    # 16 pixels by patch, four by pixel of a heatmap
    head = cfg.model.head
    assert head.deconv_out_channels == (256, 256) and head.in_channels == 64
    assert head.decoder == dict(
        type='MSRAHeatmap',
        input_size=(64, 64),
        heatmap_size=(16, 16),
        sigma=1.5)
    known = cfg.model.data_preprocessor
    assert known.mean == [127.5] * 3 and known.type.startswith('SemiPose')
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    assert cfg.optim_wrapper.constructor.startswith('Network')
    told = '\n'.join(made.lines())
    assert f'weights: {folder / "vit.pth"} for backbones' in told


def test_it_trains_and_is_exported(trained, tmp_path, capsys, monkeypatch):
    made, folder, weights = trained

    def run(*args):
        # in this process, as another one would take long
        assert args[4:] == ('with', )
        monkeypatch.setattr('sys.argv', ['stock_inference.py', *args])
        stock_inference.main()
        return SimpleNamespace(returncode=0, stdout='')

    monkeypatch.setattr(check, 'run_stock', run)
    log, = (folder / 'run').glob('*/vis_data/2*.json')
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert entries[1]['net1/loss_unsup'] > 0
    checkpoint = folder / 'run/iter_2.pth'
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    name = 'blocks.0.mlp.fc1.weight'
    for prefix in ('', 'peers.1.'):
        found = state[f'{prefix}backbone.model.{name}']
        assert 0 < (found - weights[name]).abs().max() < 1e-2
    main([
        'export', made.config,
        str(checkpoint),
        str(tmp_path / 'net'), '--network', '1'
    ])
    assert 'MMPose with this package, which its backbone' in \
        capsys.readouterr().out
    plain, = tmp_path.glob('net-*.py')
    cfg = Config.fromfile(plain)
    assert cfg.custom_imports.imports == ['semipose_mm']
    assert cfg.model.type == 'TopdownPoseEstimator'
    assert cfg.model.data_preprocessor.type == 'PoseDataPreprocessor'
    assert 'init_cfg' not in cfg.model.backbone


def test_a_peer_of_another_library(birds, tmp_path):
    pytest.importorskip('timm')
    made = make(
        tmp_path / 'two.py',
        base='mmpose::body_2d_keypoint/topdown_heatmap/coco/'
        'td-hm_res50_8xb64-210e_coco-256x192.py',
        peer=CONVNEXT,
        **birds)
    model = MODELS.build(Config.fromfile(made.config).model)
    one, two = model.networks
    assert two.backbone.title.startswith('backbone convnext_atto')
    assert [type(n.head) for n in (one, two)] == [type(one.head)] * 2
    with pytest.raises(DataError, match='mean=.*both networks see the same'):
        make(tmp_path / 'no.py', base=MOBILENET, peer=VIT, **birds)


def test_sizes():
    pytest.importorskip('timm')
    base = library_base(DINO)
    assert base.input_size == (196, 252)
    assert base.codec['heatmap_size'] == (56, 72)
    assert base.cfg.model.head.in_channels == 384
    assert base.cfg.model.backbone.img_size == (252, 196)
    with pytest.raises(
            ConfigFault,
            match='is 192 256, but .* multiples of 14, such as '
            '196 252'):
        library_base(DINO, '--base', (192, 256))


@pytest.mark.parametrize('base, message', [
    ('timm:convnext_atoo', '--base timm:convnext_atoo: timm .* has no model '
     'convnext_atoo; the most similar ones are convnext_atto'),
    ('timm:test_mambaout_', 'has no model'),
])
def test_refusals(base, message, birds, tmp_path):
    pytest.importorskip('timm')
    with pytest.raises(DataError, match=message):
        make(tmp_path / 'no.py', base=base, **birds)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('base, package', [(VIT, 'timm'),
                                           ('hf:a/b', 'transformers')])
def test_missing_packages(base, package, birds, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=f'{package}, which is not installed'):
        make(tmp_path / 'no.py', base=base, **birds)


def test_a_licence_is_told():
    pytest.importorskip('timm')
    name = 'timm:convnext_tiny.dinov3_lvd1689m'
    findings = Findings()
    library_base(name, '--base', (64, 64)).library.report('--base', findings)
    line, = findings.lines(WARNING)
    assert f'--base {name} has weights under the licence dinov3-license' in \
        line
    assert library_base(CONVNEXT).library.warnings == []


def test_a_folder_of_hugging_face(birds, tmp_path):
    transformers = pytest.importorskip('transformers')
    config = transformers.AutoConfig.for_model(
        'dinov2',
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        patch_size=16)
    folder = tmp_path / 'dino'
    source = transformers.AutoModel.from_config(config)
    source.save_pretrained(folder)
    save(folder / 'preprocessor_config.json',
         dict(image_mean=[0.5] * 3, image_std=[0.5] * 3))
    made = make(tmp_path / 'out.py', base=f'hf:{folder}', **birds)
    model = Config.fromfile(made.config).model
    assert model.data_preprocessor.mean == [127.5] * 3
    # no file of the folder is needed to build it
    assert model.backbone.config.hidden_size == 32
    net = MODELS.build(model).backbone
    net.init_weights()
    found = net.state_dict()['model.encoder.layer.1.mlp.fc1.weight']
    assert torch.equal(found,
                       source.state_dict()['encoder.layer.1.mlp.fc1.weight'])
