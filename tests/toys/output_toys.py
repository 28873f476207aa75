# Copyright (c) semipose_mm authors.
"""Outputs of teachers for tests of targets, passes and selections."""
import copy

import simcc_toys
import torch
import toys
from mmpose.registry import MODELS

from semipose_mm.models.outputs import SimCCVectors, build_output

#: Kinds of outputs, by a name.
KINDS = ('heatmaps', 'vectors')


def build(kind):
    """The ``HeadOutput`` of a toy network."""
    if kind == 'heatmaps':
        return toys.build_model().output
    return simcc_toys.build_model('RTMCCHead').output


def golden_output():
    """That of SSPCM's reference values: 24 joints, maps (16, 12)."""
    head = copy.deepcopy(toys.BASE['head'])
    head.update(out_channels=24)
    head['decoder'].update(input_size=(48, 64), heatmap_size=(12, 16))
    cfg = dict(toys.BASE, type='SemiPoseEstimator', head=head)
    return build_output([MODELS.build(copy.deepcopy(cfg))])


def random_output(kind, seed, num=3):
    """An output for ``num`` images as networks give it at the start."""
    generator = torch.Generator().manual_seed(seed)
    if kind == 'heatmaps':
        return torch.randn(num, 5, 24, 16, generator=generator)
    return SimCCVectors(*(torch.randn(num, 5, n, generator=generator)
                          for n in (128, 192)))


def output_at(kind, points, height=1.):
    """An output that is sure of points (U, K, 2) in input pixels.

    Args:
        kind (str): See :data:`KINDS`.
        points (Tensor): Where the peaks are.
        height (float | Tensor): Of the peaks, for heatmaps; (U, K).
    """
    if kind == 'heatmaps':
        xs, ys = torch.arange(16.), torch.arange(24.)[:, None]
        x, y = (points / 4).unbind(-1)
        distance = (xs - x[..., None, None])**2 + (ys - y[..., None, None])**2
        if torch.is_tensor(height):
            height = height[..., None, None]
        return height * (-distance / 2).exp()
    codec = simcc_toys.build_codec()
    labels = codec.encode(points.numpy())
    return SimCCVectors(*(torch.tensor(labels[f'keypoint_{axis}_labels'])
                          for axis in 'xy'))


def parts(output):
    """The tensors of an output."""
    return [output] if torch.is_tensor(output) else list(output)
