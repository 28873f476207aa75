# Copyright (c) semipose_mm authors.
"""Transforms with random states of their own are seeded or refused."""
import random

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from semipose_mm.datasets import SemiIndex
from semipose_mm.datasets.repeatability import same
from semipose_mm.errors import RunError


class Generators:
    """What is drawn from, by name."""
    numpy_state = np.random.RandomState(0).randint
    numpy_generator = np.random.default_rng(0).integers
    python = random.Random(0).randint
    torch = (lambda generator: lambda low, high: int(
        torch.randint(low, high, (1, ), generator=generator)))(
            torch.Generator())
    seeded = np.random.randint


@TRANSFORMS.register_module()
class Dimming(BaseTransform):
    """Darkens an image by a random amount."""

    def __init__(self, source):
        self.draw = getattr(Generators, source)

    def transform(self, results):
        results['img'] = results['img'] - self.draw(0, 100000) % 251
        results['img'] = results['img'].astype(np.uint8)
        return results


class Composition:
    """As albumentations' one: with states that it can seed."""

    def __init__(self):
        self.random = random.Random()

    def set_random_seed(self, seed):
        self.random = random.Random(seed)


@TRANSFORMS.register_module()
class LikeAlbumentation(BaseTransform):
    """As MMPose's one: the composition is an attribute."""

    def __init__(self):
        self.aug = Composition()

    def transform(self, results):
        value = self.aug.random.randrange(255)
        results['img'] = np.full_like(results['img'], value)
        return results


def built(build_semi, semi_cfg, transform):
    """A dataset whose labels have a further transform behind the crop."""
    pipeline = list(semi_cfg['labeled']['pipeline'])
    pipeline.insert(len(pipeline) - 2, transform)
    return build_semi(labeled=dict(semi_cfg['labeled'], pipeline=pipeline))


@pytest.mark.parametrize('source',
                         ['numpy_state', 'numpy_generator', 'python', 'torch'])
def test_a_state_of_its_own_is_refused(build_semi, semi_cfg, source):
    dataset = built(build_semi, semi_cfg, dict(type='Dimming', source=source))
    with pytest.raises(
            RunError, match=r'dataset.labeled.pipeline: Dimming makes'):
        dataset.check_repeatable()


def test_global_states_are_fine(build_semi, semi_cfg):
    built(build_semi, semi_cfg, dict(type='Dimming',
                                     source='seeded')).check_repeatable()
    build_semi().check_repeatable()


def test_what_can_be_seeded_is_seeded(build_semi, semi_cfg):
    dataset = built(build_semi, semi_cfg, dict(type='LikeAlbumentation'))
    dataset.check_repeatable()
    one, other = (dataset[SemiIndex(0, (0, ), seed)] for seed in (1, 2))
    assert not same(one['inputs'], other['inputs'])


def test_equality():
    nan, array = float('nan'), np.zeros(2)
    assert same(dict(a=[nan, array]), dict(a=[nan, array.copy()]))
    for other in (dict(a=[nan, array + 1]), dict(a=[nan]), dict(b=1),
                  dict(a=[nan, array.reshape(1, 2)]), [nan, array]):
        assert not same(dict(a=[nan, array]), other)
