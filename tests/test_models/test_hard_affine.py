# Copyright (c) semipose_mm authors.
"""Distribution and parameters of the hard warp; geometry is tested there."""
import pytest
import torch

from semipose_mm.models import HardAffine, LegacyHardAffine
from semipose_mm.structures import Draws


def test_distribution_is_the_released_one():
    torch.manual_seed(0)
    scale, rotation = HardAffine().draw(Draws(torch.rand(40000, 3)))
    assert scale.min() == 0.75 and scale.max() == 1.25
    assert rotation.min() >= -60 and rotation.max() <= 60
    assert abs((rotation == 0).float().mean() - 0.2) < 0.01
    on_bounds = ((scale == 0.75) | (scale == 1.25)).float().mean()
    assert abs(on_bounds - 0.317) < 0.01
    assert abs(rotation[rotation != 0].std() - 28.8) < 0.5


@pytest.mark.parametrize('kwargs, key', [(dict(scale=1.), 'scale'),
                                         (dict(rotation=-1), 'rotation'),
                                         (dict(prob=1.5), 'prob')])
def test_bad_parameters_name_the_key(kwargs, key):
    with pytest.raises(ValueError, match=f'model.warp.{key}'):
        HardAffine(**kwargs)


def test_repr():
    assert repr(LegacyHardAffine(
        scale=0.2)) == ('LegacyHardAffine(scale=0.2, rotation=30.0, prob=0.8)')
