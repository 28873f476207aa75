# Copyright (c) semipose_mm authors.
"""Operations against the released MultiAugs code: equal, pixel by pixel."""
import pytest
import torch

from semipose_mm.models import (LegacyCutMix, LegacyCutout,
                                LegacyJointCutOcclude, LegacyJointCutout,
                                LegacyMixUp)
from semipose_mm.models.hard_views.boxes import at_joints
from semipose_mm.models.hard_views.cutmix import CutMixDraws
from semipose_mm.models.hard_views.cutout import BoxDraws
from semipose_mm.models.hard_views.joint_cut_occlude import LegacyOccludeDraws
from semipose_mm.models.hard_views.joint_cutout import CutoutDraws
from semipose_mm.models.hard_views.mixup import MixUpDraws


class Golden:
    """Values of one trial, under the beginning of their names."""

    def __init__(self, values, prefix, trial):
        self.values, self.prefix, self.trial = values, prefix, trial

    def __call__(self, name):
        value = torch.tensor(self.values[self.prefix + name][self.trial])
        return value if value.is_floating_point() else value.long()

    def cutout(self):
        index = self('joint_index')
        return CutoutDraws(index, at_joints(self('jitter_px'), index),
                           at_joints(self('half_size_px'), index),
                           torch.zeros(*index.shape, 2))

    def occlude(self):
        return LegacyOccludeDraws(
            self('joint_index'), self('donor_joint_index'),
            self('donor_image_index'), self('jitter_px'), self('half_size_px'),
            torch.zeros(4, 0, 2))

    def boxes(self):
        height, width = self.values['image'].shape[-2:]
        # centres are drawn with width and height exchanged
        limits = torch.tensor([height, width])
        return BoxDraws((self('center_px') + 0.5) / limits,
                        self('half_size_px'))

    def mix(self):
        return CutMixDraws(self.boxes(), self('permutation'))


OPS = dict(
    jc=lambda g: (LegacyJointCutout(), g.cutout()),
    jo=lambda g: (LegacyJointCutOcclude(), g.occlude()),
    co=lambda g: (LegacyCutout(), g.boxes()),
    cm=lambda g: (LegacyCutMix(), g.mix()))


def check(values, name, places):
    """Run operations, at (beginning of the names, operation), in order."""
    images = torch.tensor(values['image']).float()
    expected = torch.tensor(values[f'{name}_out']).float()
    assert not (expected == images).flatten(1).all(1).any()
    peaks = values.get(f'{name}_peaks_heatmap_px')
    for trial, wanted in enumerate(expected):
        out = images
        points = torch.zeros(4, 1, 2) if peaks is None else torch.tensor(
            peaks[trial]) * int(values['stride'])
        for prefix, op in places:
            made, drawn = OPS[op](Golden(values, prefix, trial))
            out = made.apply(out, points, drawn)
        assert torch.equal(out, wanted), (name, trial)


@pytest.mark.parametrize('size', ['192x256', '256x256'])
def test_operations(golden, size):
    values = golden(f'multiaugs_ops_{size}')
    check(values, 'co', [('co_', 'co')])
    check(values, 'cm', [('cm_', 'cm')])
    for joints in ('k17', 'k24'):
        for op in ('jc', 'jo'):
            check(values, f'{op}_{joints}', [(f'{op}_{joints}_', op)])
        for pair in (('jo', 'co'), ('jc', 'cm')):
            name = f'{pair[0]}{pair[1]}_{joints}'
            check(values, name, [(f'{name}_{op}_', op) for op in pair])


@pytest.mark.parametrize('step', ['dual_step', 'single_step'])
def test_paths_of_a_step(golden, step):
    values = golden('multiaugs_steps')
    for op in ('jc', 'jo'):
        check(values, f'{step}_{op}', [(f'{step}_{op}_', op)])
    for pair in (('jo', 'co'), ('jc', 'cm')):
        name = f'{step}_{pair[0]}{pair[1]}'
        check(values, name, [(f'{name}_{op}_', op) for op in pair])


@pytest.mark.parametrize('size', ['192x256', '256x256'])
def test_mixup(golden, size):
    values = golden(f'multiaugs_ops_{size}')
    images = torch.tensor(values['mu_image']).float()
    for trial, wanted in enumerate(torch.tensor(values['mu_out'])):
        shares = torch.full((4, ), 0.25 * values['mu_beta'][trial])
        order = torch.tensor(values['mu_permutation'][trial]).long()
        out = LegacyMixUp().apply(images, None, MixUpDraws(shares, order))
        assert torch.allclose(out, wanted, rtol=0, atol=1e-6)
