# Copyright (c) semipose_mm authors.
"""Tests of backbones of timm and Hugging Face."""
import copy
import logging
import sys
from contextlib import nullcontext

import backbone_toys
import pytest
import simcc_toys
import torch
import toys
from backbone_toys import CONVNEXT, DINO, HF_CONVNEXT, HF_DINO
from mmpose.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

from semipose_mm.errors import RunError
from semipose_mm.models import networks
from semipose_mm.models.backbones import MissingLibrary
from semipose_mm.models.backbones.timm import timm_config
from semipose_mm.models.teaching.followers import Follower

ALL = [
    pytest.param(cfg, id=name) for name, cfg in dict(
        dino=DINO, convnext=CONVNEXT, hf_dino=HF_DINO,
        hf_convnext=HF_CONVNEXT).items()
]


def build(cfg, seed=0, **more):
    """A backbone; skips where its library is missing."""
    pytest.importorskip(backbone_toys.PACKAGES[cfg['type']])
    torch.manual_seed(seed)
    return MODELS.build(dict(copy.deepcopy(cfg), **more))


# ------------------------------------------------------------------- maps


@pytest.mark.parametrize('cfg', ALL)
def test_maps(cfg):
    net = build(cfg).eval()
    step = net.multiple
    found, = net(
        torch.rand(2, 3, 3 * step, 2 *
                   step) if net.img_size is None else torch.rand(2, 3, 84, 56))
    assert found.shape[:2] == (2, 32) and net.channels == [32]
    assert step == (14 if 'dino' in str(cfg) else 32)
    height, width = net.img_size or (3 * step, 2 * step)
    assert found.shape[2:] == (height // step, width // step)


def test_tokens_of_patches_become_a_map():
    net = build(DINO).eval()
    images = torch.rand(1, 3, 84, 56)
    found = net(images)[0]
    tokens = net.model.forward_features(images)
    # a class token, four registers, then rows of 56 / 14 patches
    assert tokens.shape == (1, 5 + 6 * 4, 32)
    torch.testing.assert_close(found[0, :, 2, 3], tokens[0, 5 + 2 * 4 + 3])


def test_several_stages():
    net = build(CONVNEXT, out_indices=(1, 2))
    one, two = net(torch.rand(1, 3, 96, 64))
    assert one.shape == (1, 16, 12, 8) and two.shape == (1, 24, 6, 4)
    assert net.channels == [16, 24] and net.strides == [8, 16]
    # the last stage is left out, or DDP would wait for its gradients
    assert not any(
        name.startswith('model.stages.3')
        for name, _ in net.named_parameters())


def test_what_no_map_depends_on_is_not_trained():
    """What HRNet's last stage has for maps that are not given."""
    net = build(dict(type='TimmBackbone', model='hrnet_w18_small')).train()
    sum(one.sum() for one in net(torch.rand(2, 3, 64, 64))).backward()
    trained = {n: p.grad for n, p in net.named_parameters() if p.requires_grad}
    assert trained and not [n for n, grad in trained.items() if grad is None]


@pytest.mark.parametrize('cfg, size, message', [
    (DINO, (96, 64), r'56x84|img_size \(height, width\) is \(84, 56\)'),
    (CONVNEXT, (100, 64), 'takes multiples of 32, such as 64x96'),
    (HF_DINO, (96, 64), 'takes multiples of 14, such as 70x98'),
])
def test_inputs_of_which_a_part_would_be_cut_off(cfg, size, message):
    with pytest.raises(ValueError, match=message):
        build(cfg)(torch.rand(1, 3, *size))


def test_positions_of_a_size_that_patches_do_not_fill():
    # timm itself leaves out what is over
    with pytest.raises(ValueError, match='multiples of 14, such as 56x98'):
        build(dict(DINO, img_size=(96, 56)))


@pytest.mark.parametrize('change, message', [
    (dict(model='convnext_ato'), 'no model convnext_ato; .*convnext_atto'),
    (dict(model='convnext_atto.in'), 'similar ones are convnext_atto.d2_in1k'),
    (dict(nonsense=1), "does not take {.*'nonsense': 1}"),
    (dict(out_indices=(4, )), 'out_indices .* has 4, but there are 0 to 3'),
    (dict(frozen_stages=5), r"is 5, but must be -1 .* 1 to 4, or 'all'"),
    (dict(init_cfg=dict(type='Normal')), "must be dict\\(type='Pretrained'"),
])
def test_mistakes(change, message):
    with pytest.raises(ValueError, match=message):
        build(dict(CONVNEXT, **change))


@pytest.mark.parametrize('cfg, package', [(DINO, 'timm'),
                                          (HF_DINO, 'transformers')])
def test_a_missing_library(monkeypatch, cfg, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingLibrary, match=f'{package}.*pip install'):
        MODELS.build(copy.deepcopy(cfg))


# ------------------------------------------------------------------ frozen


@pytest.mark.parametrize('cfg', ALL)
@pytest.mark.parametrize('frozen', [1, 'all'])
def test_frozen_stages(cfg, frozen):
    net = build(cfg, frozen_stages=frozen).train()
    frozen = net.num_layers if frozen == 'all' else frozen
    for name, param in net.model.named_parameters():
        if net.layers[name] <= frozen:
            assert not param.requires_grad, name
            module = net.model.get_submodule(name.rpartition('.')[0])
            # tokens and positions are the whole network's own
            assert module is net.model or not module.training, name
    trained = [p for p in net.parameters() if p.requires_grad]
    assert bool(trained) == (frozen == 1)
    assert net.model.training == bool(trained)


def test_frozen_statistics():
    net = build(dict(type='TimmBackbone', model='resnet10t'), frozen_stages=1)
    images = torch.rand(2, 3, 64, 32)
    before = copy.deepcopy(net.state_dict())
    net.train()(images)
    changed = {
        name
        for name, value in net.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert 'model.layer2.0.bn1.running_mean' in changed
    assert not any(
        name.startswith(('model.conv1', 'model.bn1', 'model.layer1'))
        for name in changed)
    before = copy.deepcopy(net.state_dict())
    net.norm_eval = True
    net.train()(images)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


# ----------------------------------------------------------------- weights


@pytest.mark.parametrize('cfg, start', [
    (DINO, ''),
    (CONVNEXT, 'module.'),
    (CONVNEXT, 'backbone.model.'),
    (HF_DINO, 'backbone.model.'),
    (HF_CONVNEXT, ''),
])
def test_weights_of_a_file(cfg, start, tmp_path):
    source = build(cfg)
    state = {f'{start}{k}': v for k, v in source.model.state_dict().items()}
    state[f'{start}classifier.weight'] = torch.zeros(3, 32)
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict=state, meta={}), path)
    net = build(cfg, 1, init_cfg=dict(type='Pretrained', checkpoint=path))
    before = torch.get_rng_state()
    net.init_weights()
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in source.state_dict().items():
        assert torch.equal(net.state_dict()[name], value), name


@pytest.mark.parametrize('cfg', [CONVNEXT, HF_CONVNEXT])
def test_weights_of_a_training_of_several_networks(cfg, tmp_path):
    pytest.importorskip(backbone_toys.PACKAGES[cfg['type']])
    model = MODELS.build(
        backbone_toys.estimator(
            copy.deepcopy(cfg),
            **toys.DUAL,
            teachers=dict(ema0=dict(type='EMATeacher', of=0, momentum=0.5))))
    # a name before those of network 0
    state = {'a.b': torch.zeros(1), **model.state_dict()}
    assert {one.partition('backbone.')[0]
            for one in state} >= {'', 'peers.1.', 'teachers.ema0.'}
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict=dict(reversed(state.items()))), path)
    net = build(cfg, 1, init_cfg=dict(type='Pretrained', checkpoint=path))
    net.init_weights()
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(net.state_dict()[name], value), name


def test_safetensors_of_another_size(tmp_path):
    """Positions are resized, entries of the file that nothing needs told."""
    net = build(DINO)
    from safetensors.torch import save_file
    square = build(dict(DINO, img_size=(70, 70))).model.state_dict()
    path = str(tmp_path / 'model.safetensors')
    save_file(dict(square, **{'head.weight': torch.zeros(2, 32)}), path)
    net.read(path)
    found = net.state_dict()['model.pos_embed']
    assert found.shape == (1, 6 * 4, 32)
    # corners and centers of mass stay, whatever the interpolation
    torch.testing.assert_close(
        found.mean(1), square['pos_embed'].mean(1), atol=0.02, rtol=0)
    name = 'blocks.1.mlp.fc1.weight'
    assert torch.equal(net.state_dict()[f'model.{name}'], square[name])


def test_weights_that_are_not_its_own(tmp_path):
    net = build(CONVNEXT)
    path = str(tmp_path / 'other.pth')
    torch.save(build(DINO).model.state_dict(), path)
    with pytest.raises(
            RunError,
            match=r'takes 0 of its \d+ entries. Is it of another network\? '
            r'It lacks stem.0.weight.* and has cls_token'):
        net.read(path)
    torch.save(dict(state_dict={}), path)
    with pytest.raises(RunError, match='other.pth has no weights'):
        net.read(path)
    broken = tmp_path / 'broken.safetensors'
    broken.write_bytes(b'nothing')
    with pytest.raises(RunError, match='no file of safetensors'):
        net.read(str(broken))


def test_weights_that_miss_a_few(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr('semipose_mm.models.backbones.library.print_log',
                        lambda *args: told.append(args))
    net = build(CONVNEXT)
    state = net.model.state_dict()
    state.pop('stem.0.weight')
    state['stem.1.bias'] = torch.zeros(3)
    torch.save(state, tmp_path / 'few.pth')
    net.read(str(tmp_path / 'few.pth'))
    (line, _, level), = told
    assert 'keeps its own stem.0.weight, stem.1.bias' in line
    assert level == logging.WARNING


def test_weights_of_the_hub(tmp_path, monkeypatch):
    hub = pytest.importorskip('huggingface_hub')
    net = build(CONVNEXT)
    from safetensors.torch import save_file
    path = str(tmp_path / 'model.safetensors')
    save_file({k: v + 1 for k, v in net.model.state_dict().items()}, path)
    asked = []

    def download(*args):
        asked.append(args)
        return path

    monkeypatch.setattr(hub, 'hf_hub_download', download)
    checkpoint = timm_config('convnext_atto')[0]['init_cfg']['checkpoint']
    net.read(checkpoint)
    net.read('hf://someone/something/file.pth')
    assert asked == [('timm/convnext_atto.d2_in1k', 'model.safetensors'),
                     ('someone/something', 'file.pth')]

    def fail(*args):
        raise OSError('no\nnetwork')

    monkeypatch.setattr(hub, 'hf_hub_download', fail)
    with pytest.raises(
            RunError,
            match='cannot be downloaded: no network. '
            'Download the file .*init_cfg.checkpoint=FILE'):
        net.read(checkpoint)


# ------------------------------------------------------------ several networks


def step(model):
    """Losses and gradients of a step."""
    torch.manual_seed(3)
    losses = model.loss(*toys.build_batch())
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    return losses, {n: p.grad for n, p in model.named_parameters()}


@pytest.mark.parametrize('cfg', [CONVNEXT, HF_CONVNEXT])
def test_two_networks_teach_and_an_average_follows(cfg):
    pytest.importorskip(backbone_toys.PACKAGES[cfg['type']])
    taught = dict(
        toys.DUAL,
        teachers=dict(ema0=dict(type='EMATeacher', of=0, momentum=0.5)))
    whole = backbone_toys.estimator(cfg, **taught)
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(whole)).train()
    early = MODELS.build(copy.deepcopy(dict(whole, early_backward=True)))
    early.load_state_dict(model.state_dict())
    (losses, grads), (_, again) = step(model), step(early.train())
    assert all(v.isfinite().all() for v in losses.values())
    assert {'net0/loss_unsup', 'net1/loss_unsup'} <= set(losses)
    for name, grad in grads.items():
        # DDP waits for each of them
        assert grad is not None, name
        torch.testing.assert_close(grad, again[name])
    teacher = model.network('ema0')
    follower = Follower(teacher, model.networks[0])
    follower.copy()
    assert networks.own_state(teacher).keys() == networks.own_state(
        model.networks[0]).keys()
    assert model.predict(
        *predicted())[0].pred_instances.keypoints.shape == (1, toys.NUM_JOINTS,
                                                            2)


def predicted():
    """Inputs and data samples of a prediction."""
    inputs, samples = toys.build_batch()
    return inputs['labeled'], samples['labeled']


@pytest.mark.parametrize('head', ['RTMCCHead', 'SimCCHead'])
def test_simcc_heads(head):
    pytest.importorskip('timm')
    base = simcc_toys.BASE[head]
    model = MODELS.build(
        copy.deepcopy(
            dict(
                base,
                type='SemiPoseEstimator',
                backbone=CONVNEXT,
                head=dict(base['head'], in_channels=32))))
    inputs, _ = predicted()
    vectors = model.head(model.extract_feat(inputs))
    assert [one.shape for one in vectors] == [(3, toys.NUM_JOINTS, 128),
                                              (3, toys.NUM_JOINTS, 192)]


def test_images_that_are_normalized_otherwise():
    pytest.importorskip('timm')
    clip = dict(DINO, model='vit_base_patch16_clip_224.openai')
    clip.update(img_size=(96, 64))
    whole = backbone_toys.estimator(clip)
    with pytest.raises(
            ValueError,
            match=r'model.data_preprocessor has mean=\[123.6.*\(network 0\) '
            r'takes mean=\[122.7'):
        MODELS.build(copy.deepcopy(whole))
    known = toys.BASE['data_preprocessor']
    whole['backbone'].update(mean=known['mean'], std=known['std'])
    MODELS.build(copy.deepcopy(whole))
    whole['data_preprocessor'] = dict(known, bgr_to_rgb=False)
    with pytest.raises(ValueError, match='bgr_to_rgb=False, but'):
        MODELS.build(copy.deepcopy(whole))


@pytest.mark.parametrize('cfg', ALL)
def test_rates_by_depth(cfg):
    pytest.importorskip(backbone_toys.PACKAGES[cfg['type']])
    model = MODELS.build(
        copy.deepcopy(backbone_toys.estimator(cfg, **toys.DUAL)))
    wrapper = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(
            type='NetworkLayerDecayOptimWrapperConstructor',
            optim_wrapper_cfg=dict(
                type='OptimWrapper',
                optimizer=dict(type='AdamW', lr=1., weight_decay=0.1)),
            paramwise_cfg=dict(layer_decay_rate=0.5)))(
                model)
    names = {id(p): name for name, p in model.named_parameters()}
    found = {
        names[id(p)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for p in group['params']
    }
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert found.keys() == trained
    own = {k: v for k, v in found.items() if not k.startswith('peers.')}
    assert found == {**own, **{f'peers.1.{k}': v for k, v in own.items()}}
    last = model.backbone.num_layers
    for name, layer in model.backbone.layers.items():
        if f'backbone.model.{name}' in own:
            assert own[f'backbone.model.{name}'][0] == 0.5**(last - layer)
    assert own['head.final_layer.weight'] == (1, 0.1)
    assert own['head.final_layer.bias'] == (1, 0)
    assert all(v[1] == 0 for k, v in own.items() if 'pos_embed' in k)


def test_autocast_of_a_teacher_without_buffers(monkeypatch):
    """Of its own device, as cast weights must not be kept."""
    asked = []
    monkeypatch.setattr(
        torch, 'autocast',
        lambda device, **kwargs: asked.append(device) or nullcontext())
    monkeypatch.setattr(torch, 'get_autocast_dtype', lambda device: None)
    monkeypatch.setattr(torch, 'is_autocast_enabled', lambda device: False)
    net = torch.nn.Module()
    net.backbone = torch.nn.LayerNorm(2, device='meta')
    net.head, net.with_neck = torch.nn.Identity(), False
    with networks.teacher_mode(net, 'eval'):
        pass
    assert asked == ['meta']
