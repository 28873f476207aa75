# Copyright (c) semipose_mm authors.
"""Tests of what networks of a made config start from."""
from pathlib import Path

import pytest
import torch
import yaml
from make_config_toys import MOBILENET, SHUFFLENET, ZOO, short
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import MODELS
from own_toys import NAMES, draw, frames, labels, make, save

from semipose_mm.config_maker import weights
from semipose_mm.config_maker.base import read_base, zoo_folder, zoo_names
from semipose_mm.config_maker.check import KINDS
from semipose_mm.data_files import DataError

OTHERS = ['nose', 'left_ear', 'right_ear', 'chin']
FINAL = 'head.final_layer'


@pytest.fixture
def birds(tmp_path):
    """What a config needs: six labels, six unlabeled images."""
    names = frames(6)
    draw(tmp_path / 'images', names)
    draw(tmp_path / 'unl', [f'u{name}' for name in names])
    return dict(
        labeled=save(tmp_path / 'labels.json', labels(names)),
        unlabeled=str(tmp_path / 'unl'))


def network(num=17, base=MOBILENET):
    """A network of the zoo with random weights."""
    model = Config.fromfile(
        f'{zoo_folder()}/{base.replace("mmpose::", "")}').model
    model.head.out_channels = num
    return MODELS.build(model)


def checkpoint(path, state, names=None):
    """Write weights as MMPose does."""
    meta = dict(dataset_meta=dict(keypoint_id2name=dict(enumerate(names)))) \
        if names else dict()
    torch.save(dict(state_dict=state, meta=meta), path)
    return str(path)


# ---------------------------------------------------------------- index


def test_every_entry_of_the_index_is_one_address():
    entries = {}
    root = Path(zoo_folder())
    for file in root.rglob('*.yml'):
        for model in yaml.safe_load(file.read_text())['Models']:
            entries.setdefault(model['Config'], set()).add(model['Weights'])
    known = 0
    for name in zoo_names(*KINDS):
        expected = entries.get('configs/' + name.replace('mmpose::', ''), {''})
        address, = {one.lstrip('(') for one in expected}
        assert weights.index_weights(name) == (address or None)
        if address:
            assert address.startswith('https://') and address.endswith('.pth')
            known += 1
    assert known > len(zoo_names(*KINDS)) / 2


def test_an_index_of_ones_own(tmp_path, monkeypatch):
    folder = tmp_path / 'configs' / 'toy'
    folder.mkdir(parents=True)
    monkeypatch.setattr(weights, 'zoo_folder', lambda: str(folder.parent))
    for name in ('a', 'b'):
        (folder / f'{name}.py').write_text('')
    (folder / 'other.yml').write_text('Models: [{Config: configs/toy/b.py}]')
    entries = [
        dict(Config='configs/toy/aa.py', Weights='https://x/aa.pth'),
        dict(Config='configs/toy/a.py', Weights='https://x/a.pth')
    ]
    (folder / 'toy.yml').write_text(yaml.safe_dump(dict(Models=entries)))
    assert weights.index_weights(str(folder / 'a.py')) == 'https://x/a.pth'
    assert weights.index_weights(str(folder / 'b.py')) is None
    # beside a config of somebody else there may be any file
    (tmp_path / 'a.py').write_text('')
    (tmp_path / 'a.yml').write_bytes(b'\xff')
    assert weights.index_weights(str(tmp_path / 'a.py')) is None


def test_the_pose_checkpoint_is_the_default(birds, tmp_path):
    made = make(tmp_path / 'a.py', **birds)
    address = weights.index_weights(MOBILENET)
    assert 'td-hm_mobilenetv2_8xb64-210e_coco-256x192' in address
    cfg = Config.fromfile(made.config)
    assert cfg.load_from == address
    # nothing else is downloaded
    assert cfg.model.backbone.init_cfg is None
    line, = (one for one in made.lines() if one.startswith('weights: '))
    assert any(one.startswith('they are downloaded') for one in made.lines())
    assert line == (f'weights: {address}, which MMPose names for the base: '
                    f'all layers but {FINAL}, which start anew, as joints or '
                    'sizes are others')
    asked = make(tmp_path / 'b.py', **birds, weights='zoo')
    assert Config.fromfile(asked.config).load_from == address


def test_imagenet(birds, tmp_path):
    made = make(tmp_path / 'a.py', **birds, weights='imagenet')
    cfg, base = Config.fromfile(made.config), read_base(MOBILENET).cfg
    assert cfg.get('load_from') is None
    assert cfg.model.backbone.init_cfg == base.model.backbone.init_cfg
    assert 'weights: mmcls://mobilenet_v2 for backbones, as the base says' in \
        list(made.lines())
    # a base that begins with a network of the zoo
    own = tmp_path / 'base.py'
    own.write_text(f'_base_ = {MOBILENET!r}\nload_from = "a.pth"\n')
    made = make(tmp_path / 'b.py', **birds, base=str(own), weights='imagenet')
    assert Config.fromfile(made.config).load_from is None
    made = make(tmp_path / 'c.py', **birds, base=str(own))
    assert Config.fromfile(made.config).load_from == 'a.pth'
    assert 'weights: a.pth, load_from of the base' in list(made.lines())


def test_a_base_without_an_entry(birds, tmp_path):
    base = tmp_path / 'base.py'
    base.write_text(f'_base_ = {MOBILENET!r}\n'
                    'model = dict(backbone=dict(init_cfg=None))\n')
    made = make(tmp_path / 'a.py', **birds, base=str(base))
    assert ('weights: random ones, as the base says; MMPose\'s index names no '
            'pose checkpoint for it') in list(made.lines())
    with pytest.raises(DataError, match='--weights is zoo, but .*base.py'):
        make(tmp_path / 'b.py', **birds, base=str(base), weights='zoo')
    assert not (tmp_path / 'b.py').exists()


# ---------------------------------------------------------------- files


@pytest.mark.parametrize('names, recipe, start_anew', [
    pytest.param(None, 'posedual', True, id='17 joints'),
    pytest.param(OTHERS, 'labels_then_ema', True, id='as many others'),
    pytest.param(NAMES, 'posedual', False, id='the same'),
])
def test_training_from_a_network(birds, tmp_path, names, recipe, start_anew):
    """All networks take all layers but that of other joints."""
    net = network(17 if names is None else 4)
    path = checkpoint(tmp_path / 'net.pth', net.state_dict(), names)
    made = make(tmp_path / 'a.py', **birds, recipe=recipe, weights=path)
    cfg = short(made.config, tmp_path / 'run', 1)
    cfg.load_from = Config.fromfile(made.config).load_from
    assert cfg.load_from == path
    assert (f'but {FINAL}, which' in '\n'.join(made.lines())) == start_anew
    # shapes alone tell nothing there
    hooks = [one.type for one in cfg.custom_hooks]
    assert ('NewLayersHook' in hooks) == (names is OTHERS)
    cfg.optim_wrapper.optimizer.lr = 0.
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    model, params = runner.model, dict(net.named_parameters())
    teachers = list(getattr(model, 'teachers', {}).values())
    assert (model.num_networks, len(teachers)) == \
        ((1, 2) if names is OTHERS else (2, 0))
    for own in [*model.networks, *teachers]:
        for key, value in own.named_parameters():
            # biases are 0 in the file, too
            if key not in params or start_anew and key == f'{FINAL}.bias':
                continue
            taken = params[key].shape == value.shape and torch.equal(
                params[key], value)
            assert taken != (start_anew and key == f'{FINAL}.weight')


def test_a_network_without_names(birds, tmp_path):
    path = checkpoint(tmp_path / 'net.pth', network(4).state_dict())
    made = make(tmp_path / 'a.py', **birds, weights=path)
    assert f'weights: {path}: all layers; it does not name its joints, ' \
        'which are taken to be yours' in list(made.lines())


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_a_backbone(birds, tmp_path, prefix):
    backbone = network().backbone
    state = {f'{prefix}{k}': v for k, v in backbone.state_dict().items()}
    # of a classifier
    state['head.fc.weight'] = torch.zeros(2, 2)
    path = checkpoint(tmp_path / 'backbone.pth', state)
    made = make(tmp_path / 'a.py', **birds, recipe='posedual', weights=path)
    cfg = Config.fromfile(made.config)
    assert cfg.get('load_from') is None
    init = dict(type='Pretrained', checkpoint=path)
    assert cfg.model.backbone.init_cfg == (
        dict(init, prefix=prefix) if prefix else init)
    assert f'weights: {path} for backbones' in list(made.lines())
    model = MODELS.build(cfg.model)
    model.init_weights()
    for net in model.networks:
        for key, value in net.backbone.state_dict().items():
            assert torch.equal(value, backbone.state_dict()[key])


def test_what_is_no_network_of_the_base(birds, tmp_path):
    path = checkpoint(tmp_path / 'a.pth',
                      network(base=SHUFFLENET).state_dict())
    with pytest.raises(
            DataError,
            match='--weights .*a.pth is neither a pose network nor '
            'a backbone that mmpose::.* are in the file'):
        make(tmp_path / 'a.py', **birds, weights=path)
    torch.save([1, 2], tmp_path / 'b.pth')
    with pytest.raises(DataError, match='--weights .*b.pth is neither'):
        make(tmp_path / 'a.py', **birds, weights=str(tmp_path / 'b.pth'))
    (tmp_path / 'c.pth').write_text('no checkpoint')
    with pytest.raises(DataError, match='--weights .*c.pth: .*torch.save'):
        make(tmp_path / 'a.py', **birds, weights=str(tmp_path / 'c.pth'))
    with pytest.raises(DataError, match='--weights is nowhere.pth, but must'):
        make(tmp_path / 'a.py', **birds, weights='nowhere.pth')
    assert not (tmp_path / 'a.py').exists()


def test_networks_of_two_kinds(birds, tmp_path):
    made = make(tmp_path / 'a.py', **birds, peer=SHUFFLENET)
    cfg = Config.fromfile(made.config)
    assert cfg.load_from and cfg.model.backbone.init_cfg is None
    own = read_base(SHUFFLENET).cfg.model.backbone.init_cfg
    [peer] = cfg.model.peers
    assert peer.backbone.init_cfg == own
    told = [one for one in made.lines() if one.startswith('weights of')]
    assert told == [
        'weights of network 1: mmcls://shufflenet_v2 for backbones'
    ]
    # a backbone that is built alike takes what network 0 does
    base = tmp_path / 'base.py'
    base.write_text(f'_base_ = {MOBILENET!r}\n')
    made = make(tmp_path / 'b.py', **birds, peer=str(base))
    [peer] = Config.fromfile(made.config).model.peers
    assert peer.backbone.init_cfg is None
    assert not [one for one in made.lines() if one.startswith('weights of')]


def test_joints_of_a_base():
    rtmw = ZOO.replace('body', 'wholebody') + \
        'rtmpose/cocktail14/rtmw-m_8xb1024-270e_cocktail14-256x192.py'
    assert len(weights.base_joints(read_base(rtmw))) == 133
    coco = weights.base_joints(read_base(MOBILENET))
    assert coco[:2] == ['nose', 'left_eye'] and len(coco) == 17
