# Copyright (c) semipose_mm authors.
"""Hard views of labeled images: operations around the true joints."""
import pytest
import simcc_toys
import torch
import toys

from semipose_mm.structures import Draws

CUT = dict(type='JointCutout', num=2, half_size=(4, 6), jitter=0.)


def batch(module=toys, number=200):
    inputs, samples = module.build_batch()
    generator = torch.Generator().manual_seed(1)
    uniforms = torch.rand(len(inputs['labeled']), number, generator=generator)
    return dict(inputs, labeled_uniforms=uniforms * 0.99 + 0.005), samples


def seen(model, inputs, samples):
    """Images of the labeled passes, in their order."""
    images = []
    model.output.run = lambda net, x, restore=None, run=model.output.run: (
        images.append(x) or run(net, x, restore))
    for key, network in model.passes.items():
        network._compiled = network._function = (
            lambda x, key=key: model.output.run(model.network(key), x))
    model.loss(inputs, samples)
    return images


def test_true_joints_are_cut_and_each_network_sees_its_own():
    inputs, samples = batch()
    model = toys.build_model(peers=[dict()], labeled_views=[dict(ops=[CUT])])
    first, second = seen(model, inputs, samples)
    assert not torch.equal(first, second)
    targets = model.output.labeled_targets(samples['labels'])
    joints = model.output.peaks(targets)[0].long()
    for image, own in zip(first, joints):
        cut = [bool((image[:, y, x] == 0).all()) for x, y in own]
        assert 1 <= sum(cut) <= len(cut)


def test_unknown_joints_are_never_cut():
    inputs, samples = batch()
    samples['labels']['keypoint_weights'].zero_()
    model = toys.build_model(labeled_views=[dict(ops=[CUT])])
    image, = seen(model, inputs, samples)
    assert torch.equal(image, inputs['labeled'])


def test_the_loss_is_the_mean_over_views():
    inputs, samples = batch()
    plain = toys.build_model().loss(inputs, samples)['net0/loss_sup']
    twice = toys.build_model(labeled_views=[dict(), dict()])
    torch.testing.assert_close(
        twice.loss(inputs, samples)['net0/loss_sup'], plain)


@pytest.mark.parametrize('module, head', [(toys, {}),
                                          (simcc_toys, {
                                              'head_type': 'RTMCCHead'
                                          })])
def test_labels_move_with_a_warped_image(module, head):
    inputs, samples = batch(module)
    kwargs = dict(
        warp=dict(type='HardAffine', prob=1.),
        labeled_views=[dict(ops=[], warp=True)])
    model = module.build_model(*head.values(), **kwargs)
    ((view_warp, _), ), = model.plan.draw_labeled(
        Draws(inputs['labeled_uniforms']), model.output.codec, 5)
    targets = model.output.labeled_targets(samples['labels'])
    weights = samples['labels']['keypoint_weights']
    moved, own = model.output.warp_labels(targets, weights, view_warp)
    expected = view_warp.points(model.output.peaks(targets)[0])
    kept = model.output.contains(moved)
    inside = ((expected > 6) &
              (expected < torch.tensor([57., 89.]))).all(-1) & (
                  weights > 0)
    assert kept[inside].all() and inside.sum() > 3
    error = (model.output.peaks(moved)[0] - expected).norm(dim=-1)
    assert error[inside].max() < 6  # heatmap pixels of four
    assert torch.isfinite(model.loss(inputs, samples)['net0/loss_sup'])


def test_what_is_missing_or_wrong_names_the_key():
    inputs, samples = batch(number=3)
    model = toys.build_model(labeled_views=[dict(ops=[CUT])])
    with pytest.raises(
            ValueError,
            match='num_uniforms is 3, but model.labeled_views need 10'):
        model.loss(inputs, samples)
    with pytest.raises(ValueError, match=r'model.labeled_views\[0\] must be'):
        toys.build_model(labeled_views=[dict(source='easy')])
    with pytest.raises(ValueError, match='no model.warp'):
        toys.build_model(labeled_views=[dict(warp=True)])


def test_a_stock_dataset_has_no_uniforms():
    inputs, samples = batch()
    model = toys.build_model(labeled_views=[dict(ops=[CUT])])
    with pytest.raises(ValueError, match='of a SemiPoseDataset'):
        model.loss(inputs['labeled'], samples['labeled'])
