# Copyright (c) semipose_mm authors.
"""What the estimator does with one network: build it, let it teach."""
import copy
from contextlib import contextmanager
from itertools import chain
from typing import Dict, Iterator, List

import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

#: str: Attribute under which network 0 holds the others that are trained.
PEERS = 'peers'
#: str: Attribute under which it holds those that only teach.
TEACHERS = 'teachers'
#: tuple: What a network is made of; network 0 has more than that.
PARTS = ('backbone', 'neck', 'head')


def own_state(net: nn.Module) -> Dict[str, Tensor]:
    """State of a network, for network 0 without that of others."""
    return {
        key: value
        for key, value in net.state_dict().items()
        if key.partition('.')[0] in PARTS
    }


def peer_config(base: dict, override: dict) -> dict:
    """Config of network 1, 2, ...: network 0's with overrides.

    Args:
        base (dict): ``backbone``, ``neck``, ``head`` and ``test_cfg`` of
            network 0.
        override (dict): An entry of ``model.peers``; nested dicts are merged
            and ``_delete_=True`` replaces one, as in config inheritance.
            ``neck=None`` leaves network 0's out.

    Returns:
        dict: Config of a ``TopdownPoseEstimator``.

    Raises:
        ValueError: If the entry has other keys.
    """
    unknown = sorted(set(override) - {*PARTS, 'init_cfg'})
    if unknown:
        raise ValueError(
            f'model.peers has the unknown key(s) {unknown}: a peer may '
            "override 'backbone', 'neck', 'head' and 'init_cfg'")
    cfg = Config(copy.deepcopy(dict(base, type='TopdownPoseEstimator')))
    cfg.merge_from_dict(copy.deepcopy(dict(override)))
    return cfg._cfg_dict


def build_peer(base: dict, override: dict) -> nn.Module:
    """Build a peer, see :func:`peer_config`."""
    return MODELS.build(peer_config(base, override))


def parts(net: nn.Module) -> List[nn.Module]:
    """Backbone, head and neck of a network; network 0 holds others."""
    return [net.backbone, net.head] + ([net.neck] if net.with_neck else [])


@contextmanager
def _quiet_mode(taught_by: List[nn.Module], norm: str) -> Iterator[None]:
    """Switch off dropout and drop path; keep or switch off batch statistics.

    Flags are set one by one, since ``train()`` of a backbone may freeze
    stages and is not its own inverse.
    """
    modules = [m for part in taught_by for m in part.modules() if m.training]
    if norm == 'train':
        modules = [m for m in modules if not isinstance(m, _NormBase)]
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


@contextmanager
def teacher_mode(net: nn.Module, norm: str) -> Iterator[None]:
    """Run a network as a teacher: without gradient, noise and dropout.

    Args:
        net (nn.Module): The teacher.
        norm (str): ``'train'`` uses and tracks batch statistics as PoseDual
            does, ``'eval'`` the running ones.
    """
    # a backbone may have no buffers, and a teacher has no parameters
    backbone = net.backbone
    device = next(chain(backbone.parameters(), backbone.buffers())).device.type
    # autocast would keep the cast weights, which have no gradient here, for
    # passes that need one
    autocast = torch.autocast(
        device,
        dtype=torch.get_autocast_dtype(device),
        enabled=torch.is_autocast_enabled(device),
        cache_enabled=False)
    with torch.no_grad(), autocast, _quiet_mode(parts(net), norm):
        yield
