# Copyright (c) semipose_mm authors.
"""Small estimators with SimCC heads, and batches for them: 64x96 input."""
import copy

import numpy as np
import torch
import toys
from mmpose.codecs import SimCCLabel
from mmpose.registry import MODELS

from semipose_mm.structures import stack_labels

CODEC = dict(
    type='SimCCLabel',
    input_size=(64, 96),
    sigma=(3., 3.5),
    simcc_split_ratio=2.0,
    normalize=False,
    use_dark=False)
_COMMON = dict(
    in_channels=64,
    out_channels=toys.NUM_JOINTS,
    input_size=(64, 96),
    in_featuremap_size=(2, 3),
    decoder=CODEC)
_GAU = dict(
    hidden_dims=32,
    s=16,
    expansion_factor=2,
    dropout_rate=0.,
    drop_path=0.,
    act_fn='SiLU',
    use_rel_bias=False,
    pos_enc=False)
_HEADS = dict(
    RTMCCHead=dict(
        type='RTMCCHead',
        final_layer_kernel_size=3,
        gau_cfg=_GAU,
        loss=dict(
            type='KLDiscretLoss',
            use_target_weight=True,
            beta=10.,
            label_softmax=True),
        **_COMMON),
    RTMWHead=dict(
        type='RTMWHead',
        final_layer_kernel_size=3,
        gau_cfg=_GAU,
        loss=dict(
            type='KLDiscretLoss',
            use_target_weight=True,
            beta=1.,
            label_softmax=True,
            label_beta=10.,
            mask=[3, 4],
            mask_weight=0.5),
        **_COMMON),
    SimCCHead=dict(
        type='SimCCHead',
        deconv_out_channels=(16, 16, 16),
        loss=dict(type='KLDiscretLoss', use_target_weight=True),
        **_COMMON))
HEADS = sorted(_HEADS)
BASE = {
    name: dict(toys.BASE, head=head, test_cfg=dict(flip_test=False))
    for name, head in _HEADS.items()
}
# reads two scales
BASE['RTMWHead']['backbone'] = dict(toys.BASE['backbone'], out_indices=(2, 3))
DUAL = toys.DUAL


def build_codec():
    """The codec of the toys."""
    return SimCCLabel(**{k: v for k, v in CODEC.items() if k != 'type'})


def build_model(head_type, seed=0, **kwargs):
    """A ``SemiPoseEstimator`` with weights drawn from a seed."""
    cfg = dict(BASE[head_type], type='SemiPoseEstimator', **kwargs)
    torch.manual_seed(seed)
    model = MODELS.build(copy.deepcopy(cfg))
    for param in model.parameters():
        if param.dim() > 1:
            torch.nn.init.kaiming_normal_(param)
    return model


def build_batch(batch_size=3, seed=0, num_uniforms=64):
    """As :func:`toys.build_batch`, with SimCC labels."""
    inputs, samples = toys.build_batch(batch_size, seed, num_uniforms)
    rng = np.random.default_rng(seed)
    for sample in samples['labeled']:
        points = rng.random((1, toys.NUM_JOINTS, 2)) * [64, 96]
        labels = build_codec().encode(points.astype(np.float32))
        for key, value in labels.items():
            setattr(sample.gt_instance_labels, key,
                    torch.tensor(value, dtype=torch.float32))
    samples['labels'] = stack_labels(samples['labeled'])
    return inputs, samples
