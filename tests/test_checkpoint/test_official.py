# Copyright (c) semipose_mm authors.
"""Tests of recognizing and renaming released weights."""
import warnings

import pytest
import torch
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from released_toys import (STAGES, ReleasedHRNet, ReleasedResNet, make,
                           released_state)

from semipose_mm.checkpoint.official import (OWN_CHANNELS, UNION_FLIP_PAIRS,
                                             UNION_JOINTS, Architecture,
                                             OfficialError, find_architecture,
                                             find_dataset, find_networks,
                                             to_estimator, to_mmpose,
                                             union_flip_indices)
from semipose_mm.checkpoint.official.config import (ConfigSpec, config_text,
                                                    default_geometry)

KINDS = [
    *(('resnet', depth) for depth in STAGES), ('hrnet', 32), ('hrnet', 48)
]


def metainfo(dataset):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return parse_pose_metainfo(
            dict(from_file=f'configs/_base_/datasets/{dataset}.py'))


def released(family, size, **kwargs):
    return ReleasedResNet(size, **kwargs) if family == 'resnet' else \
        ReleasedHRNet(size, **kwargs)


def untrained(dataset):
    return sorted(set(range(24)) - set(OWN_CHANNELS[dataset]))


@pytest.fixture(scope='module')
def dual():
    """PoseDual with ResNet-18, trained on MPII."""
    return released_state([
        make('resnet', 18, i, untrained('mpii'), last='final_layer_1')
        for i in range(2)
    ])


def with_entry(state, key, value):
    return {**state, key: value}


# ------------------------------------------------------------------ joints


@pytest.mark.parametrize('dataset', OWN_CHANNELS)
def test_joints_are_those_of_mmpose(dataset):
    meta = metainfo(dataset)
    names = [UNION_JOINTS[i] for i in OWN_CHANNELS[dataset]]
    assert names == list(meta['keypoint_id2name'].values())


@pytest.mark.parametrize('dataset', OWN_CHANNELS)
def test_flips_are_those_of_mmpose(dataset):
    channels = OWN_CHANNELS[dataset]
    assert len(set(channels)) == len(channels)
    flipped = [channels.index(union_flip_indices()[i]) for i in channels]
    assert flipped == metainfo(dataset)['flip_indices']


def test_union():
    assert len(set(UNION_JOINTS)) == 24
    flipped = union_flip_indices()
    assert [flipped[i] for i in flipped] == list(range(24))
    for i, j in UNION_FLIP_PAIRS:
        swapped = UNION_JOINTS[i].replace('right_', 'left_') \
            if 'right_' in UNION_JOINTS[i] else \
            UNION_JOINTS[i].replace('left_', 'right_')
        assert swapped == UNION_JOINTS[j] != UNION_JOINTS[i]
    sided = [n for n in UNION_JOINTS if n.startswith(('left_', 'right_'))]
    assert len(sided) == 2 * len(UNION_FLIP_PAIRS)
    # as the released code leaves them out
    assert untrained('coco') == [0, 7, 8, 9, 10, 12, 13]
    assert untrained('mpii') == [7, 9, 11, 12, 20, 21, 22, 23]


# ------------------------------------------------------------- recognition


@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state: dict(state_dict=state, epoch=3, perf=0.4, model='dual'),
    lambda state: dict(best_state_dict=state, optimizer=dict(state={})),
    lambda state: {
        f'module.{k}': v
        for k, v in state.items()
    },
    lambda state: dict(state_dict={
        f'module.{k}': v
        for k, v in state.items()
    }),
])
def test_wrappers(dual, wrap):
    networks = find_networks(wrap(dual))
    assert len(networks) == 2
    assert torch.equal(networks[1]['final_layer.bias'],
                       dual['resnet2.final_layer_1.bias'])
    assert not any('final_layer_1' in key for key in networks[0])


def test_one_network(dual):
    alone = {k: v for k, v in dual.items() if k.startswith('resnet.')}
    bare = {k[len('resnet.'):]: v for k, v in alone.items()}
    bare = {
        k.replace('final_layer_1', 'final_layer'): v
        for k, v in bare.items()
    }
    assert find_networks(alone)[0].keys() == find_networks(bare)[0].keys()


@pytest.mark.parametrize('family, size', KINDS)
def test_names_and_shapes_are_those_of_mmpose(family, size):
    """Exactly those that the written config's model has."""
    with torch.device('meta'):
        state = released_state([released(family, size) for _ in range(2)])
    networks = find_networks(state)
    kind = find_architecture(networks[0])
    assert kind == (family, size)
    assert str(size) in str(kind)
    for dataset in ('coco', 'mpii'):
        channels = OWN_CHANNELS[dataset]
        geometry = default_geometry(kind, dataset)
        spec = ConfigSpec(kind, 2, dataset, False, False, *geometry, 'a', 'b')
        cfg = Config.fromstring(config_text(spec), '.py')
        with torch.device('meta'):
            model = MODELS.build(cfg.model)
        expected = {k: v.shape for k, v in model.state_dict().items()}
        found = to_estimator(networks, channels)
        assert {k: v.shape for k, v in found.items()} == expected


def test_selected_rows(dual):
    network = find_networks(dual)[0]
    state = to_mmpose(network, OWN_CHANNELS['coco'])
    for row, channel in enumerate(OWN_CHANNELS['coco']):
        for name in ('weight', 'bias'):
            assert torch.equal(state[f'head.final_layer.{name}'][row],
                               network[f'final_layer.{name}'][channel])
    assert len(to_mmpose(network)['head.final_layer.bias']) == 24


def test_half_precision_becomes_single(dual):
    half = {
        k: v.half() if v.is_floating_point() else v
        for k, v in dual.items()
    }
    for key, value in to_estimator(find_networks(half)).items():
        if not key.endswith('num_batches_tracked'):
            assert value.dtype == torch.float32


def test_data_set(dual):
    networks = find_networks(dual)
    assert find_dataset(networks) == 'mpii'
    coco = make('resnet', 18, 0, untrained('coco')).state_dict()
    assert find_dataset([coco]) == 'coco'
    assert find_dataset([coco, networks[0]]) is None
    all_trained = make('resnet', 18, 0).state_dict()
    assert find_dataset([all_trained]) is None


WEIGHT = torch.zeros(2, 2)


@pytest.mark.parametrize('checkpoint, words', [
    (WEIGHT, 'Tensor'),
    (['a'], 'list'),
    (dict(epoch=1, model='name'), 'no weights, but the entries epoch, model'),
    (dict(), 'no weights'),
    (dict(
        meta={},
        state_dict={
            'backbone.conv1.weight': WEIGHT,
            'head.final_layer.weight': WEIGHT
        }), 'MMPose 1.x'),
    (dict(
        state_dict={
            'backbone.conv1.weight': WEIGHT,
            'head.final_layer.weight': WEIGHT,
            'peers.1.backbone.conv1.weight': WEIGHT
        }), 'semipose_mm'),
    (dict(
        state_dict={
            'backbone.conv1.weight': WEIGHT,
            'keypoint_head.final_layer.weight': WEIGHT
        }), 'MMPose 0.x'),
    (dict(state_dict={
        'backbone.conv1.weight': WEIGHT,
        'bbox_head.conv_cls.weight': WEIGHT
    }), 'detector'),
    ({
        'backbone.body.conv1.weight': WEIGHT,
        'rpn.head.conv.weight': WEIGHT
    }, 'detector'),
    (dict(
        model={
            'conv1.weight': WEIGHT,
            'layer4.0.conv1.weight': WEIGHT,
            'fc.weight': WEIGHT
        }), 'ImageNet'),
    ({
        'resnet.conv1.weight': WEIGHT,
        'resnet2.conv1.weight': WEIGHT
    }, 'backbones without a head'),
    ({
        'encoder.a': WEIGHT,
        'decoder.b': WEIGHT
    }, 'encoder.a, decoder.b'),
])
def test_other_files(checkpoint, words):
    with pytest.raises(OfficialError) as info:
        find_networks(checkpoint)
    message = str(info.value)
    assert words in message and '\n' not in message
    assert 'needed is a .pth.tar file of PoseDual' in message


@pytest.mark.parametrize('change, words', [
    (lambda s: with_entry(s, 'resnet3.conv1.weight', WEIGHT),
     'third network, resnet3'),
    (lambda s: with_entry(s, 'seg.conv1.weight', WEIGHT), 'holds seg besides'),
    (lambda s: with_entry(s, 'resnet.final_layer.weight', WEIGHT), 'both'),
    (lambda s: with_entry(s, 'resnet.final_layer_1.weight', s[
        'resnet.final_layer_1.weight'][:17]), '17 channels'),
    (lambda s: {
        k: v
        for k, v in s.items() if k != 'resnet2.final_layer_1.bias'
    }, 'no final_layer.bias'),
])
def test_changed_files(dual, change, words):
    with pytest.raises(OfficialError) as info:
        find_networks(change(dict(dual)))
    assert words in str(info.value)


def test_other_architectures(dual):
    network = find_networks(dual)[0]
    short = {k: v for k, v in network.items() if not k.startswith('layer4.1')}
    with pytest.raises(OfficialError, match=r'\[2, 2, 2, 1\] basic'):
        find_architecture(short)
    headless = {k: v for k, v in network.items() if 'deconv' not in k}
    with pytest.raises(OfficialError, match='neither deconv_layers'):
        find_architecture(headless)


def test_unknown_width():
    with pytest.raises(OfficialError, match='HRNet-W18 for coco'):
        default_geometry(Architecture('hrnet', 18), 'coco')
