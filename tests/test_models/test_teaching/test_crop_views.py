# Copyright (c) semipose_mm authors.
"""Hard views that are crops of their own."""
import pytest
import torch
from toys import DUAL, build_batch, build_model

from semipose_mm.structures import affine_matrix
from semipose_mm.structures.geometry import matrix_warp

CROP = dict(DUAL, warp=None, views=[dict(source='hard', warp='crop')])


def cropped_batch(batch_size=3):
    inputs, samples = build_batch(batch_size)
    inputs['hard'] = inputs['easy'].flip(0)
    inputs['hard_matrix'] = affine_matrix(
        torch.tensor([0.9, 1., 1.2]), torch.tensor([30., 0., -20.]),
        (31.5, 47.5))
    return inputs, samples


def test_targets_move_and_images_do_not():
    inputs, samples = cropped_batch()
    model = build_model(**CROP)
    model.loss(inputs, samples)
    step, codec = model.last_step, model.output.codec
    warp = matrix_warp(inputs['hard_matrix'], codec)
    for view, teacher in zip(step.views, (1, 0)):
        assert torch.equal(view.images, inputs['hard'])
        expected = warp.heatmaps(step.easy[teacher][0])
        torch.testing.assert_close(view.targets, expected)
        # what the easy crop does not show has no weight
        assert torch.equal(view.weights, warp.valid.expand_as(expected))


def test_operations_act_where_joints_are_in_the_crop():
    inputs, samples = cropped_batch()
    cut = dict(type='JointCutout', num=1, half_size=(3, 3), jitter=0.)
    model = build_model(**{
        **CROP, 'views': [dict(source='hard', warp='crop', ops=[cut])]
    })
    model.loss(inputs, samples)
    warp = matrix_warp(inputs['hard_matrix'], model.output.codec)
    for view, teacher in zip(model.last_step.views, (1, 0)):
        seen = warp.points(
            model.output.peaks(model.last_step.easy[teacher][0])[0])
        changed = (view.images != inputs['hard']).any(1)
        for image, points in zip(changed, seen):
            if image.any():
                y, x = image.nonzero().float().mean(0)
                far = (points - torch.stack([x, y])).norm(dim=-1).min()
                assert far < 3
        assert changed.any()


def test_a_source_and_its_view_fit():
    inputs, samples = cropped_batch()
    with pytest.raises(ValueError, match=r"views\[0\].warp must be 'crop'"):
        build_model(**{
            **CROP, 'views': [dict(source='hard', warp=False)]
        }).loss(inputs, samples)
    del inputs['hard_matrix']
    with pytest.raises(ValueError, match='must be True or False.*no crop'):
        build_model(**CROP).loss(inputs, samples)
