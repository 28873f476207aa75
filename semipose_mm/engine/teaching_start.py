# Copyright (c) semipose_mm authors.
"""What is checked and mended before networks teach one another."""
from itertools import combinations
from typing import Sequence

import torch
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from semipose_mm.models.networks import PEERS, own_state


def check_layer_decay(optim_wrapper) -> None:
    """See to it that layer-wise learning rates reach the peers.

    Args:
        optim_wrapper (OptimWrapper): That of the training.

    Raises:
        ValueError: If network 0 alone has them.
    """
    names = (
        name for group in optim_wrapper.param_groups
        for name in group.get('param_names', ()))
    if any(name.startswith(f'{PEERS}.') for name in names):
        raise ValueError(
            'optim_wrapper.constructor decays the layers of network 0 '
            'alone, peers would have the full learning rate: set it to '
            "'NetworkLayerDecayOptimWrapperConstructor'")


def check_smallest_batch(model: nn.Module, loader: DataLoader) -> None:
    """Refuse batches of one sample where views take pixels of others.

    Args:
        model (nn.Module): A ``SemiPoseEstimator``, not wrapped.
        loader (DataLoader): That of the training.

    Raises:
        ValueError: If the last batch of an epoch has one sample.
    """
    size, sampler = loader.batch_size, loader.sampler
    if size is None or not hasattr(sampler, '__len__'):
        return
    last = size if loader.drop_last else len(sampler) % size or size
    ratio = getattr(loader.dataset, 'unlabeled_ratio', 1)
    for key, number in (('labeled_views', last), ('views', last * ratio)):
        views = getattr(model.plan, key)
        if number == 1 and any(op.needs_donor for v in views for op in v.ops):
            raise ValueError(
                f'model.{key} has an operation that takes pixels of another '
                'sample, but the last batch of an epoch has one sample '
                f'({len(sampler)} items, batch_size {size}): set '
                'train_dataloader.drop_last=True, or another batch_size')


def warn_of_easy_views(model: nn.Module, runner: Runner) -> None:
    """Say which hard views are as easy as what teachers see.

    Args:
        model (nn.Module): A ``SemiPoseEstimator``, not wrapped.
        runner (Runner): Of the training.
    """
    for p, view in enumerate(model.plan.views if model.plan.routes else ()):
        if view.source == 'easy' and not view.ops and not view.shuffle and \
                not (view.warped and model.plan.warp):
            runner.logger.warning(
                f'model.views[{p}] is the easy view itself: it has no ops, '
                'no warp and no other source. A network that teaches itself '
                'learns nothing from it, and two networks may collapse.')


def part_equal_networks(model: nn.Module, runner: Runner) -> None:
    """See to it that equal networks do not stay equal for ever.

    Args:
        model (nn.Module): A ``SemiPoseEstimator``, not wrapped; final layers
            may be changed.
        runner (Runner): Of the training, not resumed.
    """
    states = [own_state(net) for net in model.networks]
    perturbed = set()
    for first, second in combinations(range(len(states)), 2):
        own, other = states[first], states[second]
        if second in perturbed or own.keys() != other.keys() or not all(
                own[key].shape == value.shape and torch.equal(own[key], value)
                for key, value in other.items()):
            continue
        if model.plan.views_differ:
            runner.logger.info(
                f'Network {second} starts equal to network {first}; they '
                'part because each sees hard views of its own.')
            continue
        layers = model.output.final_layers(model.networks[second].head)
        if not layers:
            runner.logger.warning(
                f'Network {second} starts equal to network {first} and will '
                'stay so, as both see the same hard views: give it an '
                'init_cfg of its own, or operations in model.views.')
            continue
        perturb_layers(layers, second)
        perturbed.add(second)
        runner.logger.warning(
            f'Network {second} starts equal to network {first} and would '
            'stay so, as both see the same hard views: its final layer is '
            'perturbed. Two init_cfg, or JointCutout in model.views, '
            'part them better.')


@torch.no_grad()
def perturb_layers(layers: Sequence[nn.Module], number: int) -> None:
    """Add noise of a tenth of its spread to each parameter of layers.

    Args:
        layers (Sequence[nn.Module]): A network's final layers; changed in
            place.
        number (int): The network's number, which seeds the noise on every
            rank alike.
    """
    generator = torch.Generator().manual_seed(number)
    for param in (p for layer in layers for p in layer.parameters()):
        noise = torch.randn(param.shape, generator=generator)
        spread = param.std().cpu() if param.numel() > 1 else 0.
        # a zero-initialized bias has no spread of its own
        param.add_((noise * (0.1 * spread + 1e-4)).to(param.device))
