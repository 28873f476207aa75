# Copyright (c) semipose_mm authors.
"""What the estimator does with one network: build, check, run."""
import copy
from contextlib import contextmanager
from typing import Iterator, List, Sequence

import torch
from mmengine.config import Config
from mmpose.models.heads import HeatmapHead
from mmpose.models.losses import KeypointMSELoss
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase


def build_peer(base: dict, override: dict) -> nn.Module:
    """Build network 1, 2, ... as network 0's config with overrides.

    Args:
        base (dict): ``backbone``, ``neck``, ``head`` and ``test_cfg`` of
            network 0.
        override (dict): An entry of ``model.peers``; nested dicts are merged
            and ``_delete_=True`` replaces one, as in config inheritance.

    Returns:
        nn.Module: A ``TopdownPoseEstimator``.
    """
    unknown = sorted(set(override) - {'backbone', 'neck', 'head', 'init_cfg'})
    if unknown:
        raise ValueError(
            f'model.peers has the unknown key(s) {unknown}: a peer may '
            "override 'backbone', 'neck', 'head' and 'init_cfg'")
    cfg = Config(copy.deepcopy(dict(base, type='TopdownPoseEstimator')))
    cfg.merge_from_dict(copy.deepcopy(dict(override)))
    return MODELS.build(cfg._cfg_dict)


def check_networks(networks: Sequence[nn.Module]) -> None:
    """Check that heatmaps of all networks can teach one another.

    Raises:
        TypeError: If a head or a loss cannot be used.
        ValueError: If sizes differ between networks.
    """
    for i, net in enumerate(networks):
        key = 'model.head' if i == 0 else f'model.peers[{i - 1}].head'
        head = getattr(net, 'head', None)
        if not isinstance(head, HeatmapHead):
            raise TypeError(
                f'{key}.type is {type(head).__name__}, but consistency '
                'training needs one heatmap (B, K, h, w) for each network: '
                'HeatmapHead or a subclass such as ViPNASHead')
        if type(head.loss_module) is not KeypointMSELoss:
            raise TypeError(
                f'{key}.loss.type is {type(head.loss_module).__name__}, but '
                'weighted heatmap targets need KeypointMSELoss')
        if head.decoder is None:
            raise ValueError(f'{key}.decoder is missing: the codec says how '
                             'heatmap and input pixels relate')
    shapes = [(net.head.out_channels, tuple(net.head.decoder.heatmap_size),
               tuple(net.head.decoder.input_size)) for net in networks]
    for i, shape in enumerate(shapes[1:]):
        if shape != shapes[0]:
            raise ValueError(
                f'model.peers[{i}] has (channels, heatmap size, input size) '
                f'{shape}, but network 0 has {shapes[0]}: networks that teach '
                'one another need the same')


def network_heatmaps(net: nn.Module, images: Tensor) -> Tensor:
    """Heatmaps (B, K, h, w) of images (B, 3, H, W)."""
    return net.head(net.extract_feat(images))


@contextmanager
def _teaching_mode(parts: List[nn.Module], norm: str) -> Iterator[None]:
    """Switch off dropout and drop path; keep or switch off batch statistics.

    Flags are set one by one, since ``train()`` of a backbone may freeze
    stages and is not its own inverse.
    """
    modules = [m for part in parts for m in part.modules() if m.training]
    if norm == 'train':
        modules = [m for m in modules if not isinstance(m, _NormBase)]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


@torch.no_grad()
def teacher_heatmaps(net: nn.Module, images: Tensor, norm: str) -> Tensor:
    """Heatmaps (U, K, h, w) in float32 that carry no gradient.

    Args:
        net (nn.Module): The teacher.
        images (Tensor): Easy images (U, 3, H, W).
        norm (str): ``'train'`` uses and tracks batch statistics as PoseDual
            does, ``'eval'`` the running ones.
    """
    # not net itself: network 0 holds its peers
    parts = [net.backbone, net.head] + ([net.neck] if net.with_neck else [])
    with _teaching_mode(parts, norm):
        return network_heatmaps(net, images).float()


def mirror_to_peers(state_dict: dict, prefix: str,
                    peers: nn.ModuleDict) -> int:
    """Give peers the weights of a checkpoint that knows only one network.

    Args:
        state_dict (dict): Changed in place.
        prefix (str): Prefix of the estimator's keys.
        peers (nn.ModuleDict): The other networks.

    Returns:
        int: Number of entries added; 0 where the checkpoint has peers.
    """
    if any(key.startswith(f'{prefix}peers.') for key in state_dict):
        return 0
    added = 0
    for number, peer in peers.items():
        for key, value in peer.state_dict().items():
            source = state_dict.get(prefix + key)
            # peers of another architecture keep what they have
            if source is not None and source.shape == value.shape:
                state_dict[f'{prefix}peers.{number}.{key}'] = source
                added += 1
    return added
