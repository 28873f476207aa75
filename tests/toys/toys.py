# Copyright (c) semipose_mm authors.
"""A small estimator and batches for tests: 64x96 input, 16x24 heatmaps."""
import copy

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from semipose_mm.structures import stack_labels

CODEC = dict(
    type='MSRAHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1.)
NUM_JOINTS = 5
FLIP_INDICES = [0, 2, 1, 4, 3]
BASE = dict(
    data_preprocessor=dict(
        type='SemiPoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8),
    head=dict(
        type='HeatmapHead',
        in_channels=64,
        out_channels=NUM_JOINTS,
        deconv_out_channels=(16, 16, 16),
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=CODEC),
    test_cfg=dict(flip_test=False, flip_mode='heatmap', shift_heatmap=True))
DUAL = dict(
    peers=[dict()],
    routes=[dict(student=0, teachers=[1]),
            dict(student=1, teachers=[0])],
    views=[dict(source='easy', ops=[dict(type='JointCutout', num=2)])],
    warp=dict(type='HardAffine'))


def build_model(seed=0, **kwargs):
    """A ``SemiPoseEstimator`` with weights drawn from a seed."""
    cfg = copy.deepcopy(dict(BASE, type='SemiPoseEstimator', **kwargs))
    torch.manual_seed(seed)
    model = MODELS.build(cfg)
    # the head's own init is so small that heatmaps are all but zero
    for param in model.parameters():
        if param.dim() > 1:
            torch.nn.init.kaiming_normal_(param)
    return model


def labeled_sample(rng):
    """A data sample with targets, as ``PackPoseInputs`` makes it."""
    codec = MSRAHeatmap(**{k: v for k, v in CODEC.items() if k != 'type'})
    keypoints = (rng.random((1, NUM_JOINTS, 2)) * [64, 96]).astype(np.float32)
    encoded = codec.encode(keypoints, np.ones((1, NUM_JOINTS), np.float32))
    sample = PoseDataSample(metainfo=META)
    sample.gt_fields = PixelData(heatmaps=torch.tensor(encoded['heatmaps']))
    sample.gt_instance_labels = InstanceData(
        keypoint_weights=torch.tensor(encoded['keypoint_weights']))
    sample.gt_instances = InstanceData(
        bboxes=np.array([[0., 0., 64., 96.]]), bbox_scores=np.ones(1))
    return sample


META = dict(
    input_center=np.array([32., 48.]),
    input_scale=np.array([64., 96.]),
    input_size=(64, 96),
    flip_indices=FLIP_INDICES)


def to_device(batch, device):
    """A batch whose tensors that a step reads are on a device."""
    inputs, samples = batch
    labels = {k: v.to(device) for k, v in samples['labels'].items()}
    return ({
        k: v.to(device)
        for k, v in inputs.items()
    }, dict(samples, labels=labels))


def build_batch(batch_size=3, seed=0, num_uniforms=64):
    """Preprocessed inputs and data samples of a semi-supervised batch."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)

    def images():
        return torch.randn(batch_size, 3, 96, 64, generator=generator)

    uniforms = torch.rand(batch_size, num_uniforms, generator=generator)
    inputs = dict(
        labeled=images(), easy=images(), uniforms=uniforms * 0.99 + 0.005)
    labeled = [labeled_sample(rng) for _ in range(batch_size)]
    samples = dict(
        labeled=labeled,
        labels=stack_labels(labeled),
        unlabeled=[PoseDataSample() for _ in range(batch_size)])
    return inputs, samples
