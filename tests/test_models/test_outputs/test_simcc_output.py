# Copyright (c) semipose_mm authors.
"""SimCC heads as students and teachers."""
import copy

import numpy as np
import pytest
import torch
import toys
from mmpose.registry import MODELS
from simcc_toys import (BASE, CODEC, DUAL, HEADS, build_batch, build_codec,
                        build_model)

from semipose_mm.engine.statistics import teaching_statistics
from semipose_mm.models import HardAffine
from semipose_mm.models.outputs import SimCCVectors
from semipose_mm.structures import CodecGeometry, Draws, warp_points


@pytest.fixture(params=HEADS)
def head_type(request):
    return request.param


def targets_of(points, codec=None):
    """Targets of points (U, K, 2) by MMPose's codec."""
    encoded = (codec or build_codec()).encode(points.numpy())
    return SimCCVectors(
        torch.tensor(encoded['keypoint_x_labels']),
        torch.tensor(encoded['keypoint_y_labels']))


def taught(targets, loss):
    """The output that the loss likes best: log of its distribution."""
    return SimCCVectors(
        *(((t * loss.label_beta).log_softmax(-1) if loss.label_softmax else
           (t / t.sum(-1, keepdim=True)).clamp(min=1e-12).log()) / loss.beta
          for t in targets))


def test_labeled_loss_is_the_heads_own(head_type):
    model = build_model(head_type)
    inputs, samples = build_batch()
    losses = model.loss(inputs['labeled'], samples['labeled'])
    torch.manual_seed(1)
    stock = model.head.loss(
        model.extract_feat(inputs['labeled']), samples['labeled'])['loss_kpt']
    torch.testing.assert_close(losses['net0/loss_sup'], 0.5 * stock)


def test_a_perfect_output_has_confidence_1_and_its_points(head_type):
    model = build_model(head_type)
    points = torch.rand(2, 5, 2) * 40 + 10
    output = taught(targets_of(points), model.head.loss_module)
    found, confidence = model.output.peaks(output)
    assert (found - points).abs().max() <= 0.25  # half a bin
    torch.testing.assert_close(confidence, torch.ones(2, 5), atol=1e-3, rtol=0)
    # logits are free by a constant, which the confidence does not see
    moved = SimCCVectors(output.x + 3, output.y - 2)
    torch.testing.assert_close(model.output.peaks(moved)[1], confidence)


def test_flat_and_split_outputs_have_little_confidence(head_type):
    model = build_model(head_type)
    flat = SimCCVectors(torch.zeros(1, 5, 128), torch.zeros(1, 5, 192))
    assert model.output.peaks(flat)[1].max() < 0.25
    a, b = targets_of(torch.tensor([[[15., 20.]] * 5, [[45., 70.]] * 5]))
    both = SimCCVectors(a.mean(0, keepdim=True), b.mean(0, keepdim=True))
    split = taught(both, model.head.loss_module)
    assert model.output.peaks(split)[1].max() < 0.7


def test_targets_are_labels_of_the_warped_points(head_type):
    """Equal to what the codec makes of warped points."""
    model = build_model(head_type)
    points = torch.rand(6, 5, 2) * torch.tensor([64., 96.])
    points = (points * 2).round() / 2  # on bins
    output = taught(targets_of(points), model.head.loss_module)
    geometry = CodecGeometry((64, 96))
    view = HardAffine().view_warp(
        torch.linspace(0.8, 1.2, 6), torch.linspace(-60, 60, 6), geometry)
    target, weights = model.output.make_target(output, view)
    moved = warp_points(
        points.clamp(max=torch.tensor([63.5, 95.5])), view.matrix)
    encoded = build_codec().encode(moved.numpy())
    np.testing.assert_allclose(
        target.x, encoded['keypoint_x_labels'], atol=1e-6)
    np.testing.assert_allclose(
        target.y, encoded['keypoint_y_labels'], atol=1e-6)
    inside = torch.tensor(encoded['keypoint_weights'])
    assert 0 < inside.mean() < 1
    confidence = model.output.peaks(output)[1]
    torch.testing.assert_close(weights, confidence * inside)
    assert torch.equal(model.output.contains(target), inside.bool())


def test_image_and_points_move_alike():
    """A dot in an image is where its point is after the warp."""
    points = torch.tensor([[[20., 30.], [40., 60.], [31., 48.]]])
    image = torch.zeros(1, 3, 96, 64)
    for channel, (x, y) in enumerate(points[0].int().tolist()):
        image[0, channel, y - 1:y + 2, x - 1:x + 2] = 1.
    view = HardAffine().view_warp(
        torch.tensor([0.9]), torch.tensor([35.]), CodecGeometry((64, 96)))
    moved = view.images(image)[0]
    ys, xs = torch.arange(96.)[:, None], torch.arange(64.)
    mass = moved.sum((1, 2))
    centers = torch.stack([(moved * xs).sum((1, 2)) / mass, (moved * ys).sum(
        (1, 2)) / mass], -1)
    torch.testing.assert_close(
        centers, view.points(points)[0], atol=0.05, rtol=0)


def test_losses_gradients_and_statistics(head_type):
    model = build_model(head_type, **DUAL)
    losses = model.loss(*build_batch())
    assert sorted(losses) == [
        'net0/loss_sup', 'net0/loss_unsup', 'net1/loss_sup', 'net1/loss_unsup'
    ]
    losses['net0/loss_unsup'].backward()
    assert all(p.grad is None for p in model.peers.parameters())
    for layer in model.output.final_layers(model.head):
        assert layer.weight.grad.abs().sum() > 0
    stats = teaching_statistics(model.last_step)
    assert all(0 <= float(stats[name]) <= 1 for name in stats
               if 'peak' in name or 'agreement' in name)
    assert 'agreement/net0_net1' in stats


def test_a_student_that_agrees_has_the_least_loss(head_type):
    model = build_model(head_type)
    output = model.output
    points = torch.rand(3, 5, 2) * torch.tensor([63., 95.])
    target, weights = output.make_target(
        taught(targets_of(points), model.head.loss_module), None)
    best = taught(target, model.head.loss_module)
    least = output.loss(model.head, best, target, weights)
    for seed in range(3):
        noise = torch.Generator().manual_seed(seed)
        other = SimCCVectors(*(p + 0.1 * torch.randn(p.shape, generator=noise)
                               for p in best))
        assert output.loss(model.head, other, target, weights) > least


def test_unlabeled_partners_count_as_their_labeled_samples():
    """KLDiscretLoss sums over samples; more partners weigh no more."""
    model = build_model(
        'RTMCCHead',
        **dict(DUAL, warp=None, views=[dict(source='easy', ops=[])]),
        teacher_norm='eval')
    model.eval()  # equal images then have equal outputs
    inputs, samples = build_batch()
    one = model.loss(inputs, samples)
    double = dict(
        inputs,
        easy=inputs['easy'].repeat(2, 1, 1, 1),
        uniforms=inputs['uniforms'].repeat(2, 1))
    two = model.loss(double, samples)
    assert one['net0/loss_unsup'] > 0
    torch.testing.assert_close(two['net0/loss_unsup'], one['net0/loss_unsup'])


@pytest.mark.parametrize('flip_test', [False, True])
@pytest.mark.parametrize('output_heatmaps', [False, True])
def test_prediction_is_stock(head_type, flip_test, output_heatmaps):
    model = build_model(head_type, **DUAL).eval()
    model.test_cfg.update(flip_test=flip_test, output_heatmaps=output_heatmaps)
    inputs, samples = build_batch()
    with torch.no_grad():
        found = model.predict_networks(inputs['labeled'], samples['labeled'])
        stock = super(type(model),
                      model).predict(inputs['labeled'],
                                     copy.deepcopy(samples['labeled']))
    for a, b in zip(found['net0'], stock):
        np.testing.assert_array_equal(a.pred_instances.keypoints,
                                      b.pred_instances.keypoints)
        np.testing.assert_allclose(a.pred_instances.keypoint_scores,
                                   b.pred_instances.keypoint_scores)
        assert ('pred_fields' in a) == output_heatmaps
        if output_heatmaps:
            torch.testing.assert_close(a.pred_fields.heatmaps,
                                       b.pred_fields.heatmaps)


def test_ensemble_decodes_the_mean_distribution(head_type):
    model = build_model(head_type, **DUAL).eval()
    inputs, samples = build_batch()
    with torch.no_grad():
        found = model.predict_networks(inputs['labeled'], samples['labeled'])
        parts = [
            model.output.run(n, inputs['labeled']) for n in model.networks
        ]
        mean = model.output.mean(parts)
    for sample, expected in zip(found['ensemble'], model.head.decode(mean)):
        np.testing.assert_allclose(
            sample.pred_instances.keypoint_scores,
            expected.keypoint_scores,
            atol=1e-6)


def random_vectors(seed, num=3):
    generator = torch.Generator().manual_seed(seed)
    return SimCCVectors(*(torch.randn(num, 5, n, generator=generator)
                          for n in (128, 192)))


def test_means_are_those_of_what_the_loss_compares(head_type):
    output = build_model(head_type).output
    outputs = [random_vectors(seed) for seed in range(3)]
    assert output.mean(outputs[:1]) is outputs[0]
    for merged, expected in ((output.mean(outputs), lambda p: p.mean(0)),
                             (output.maximum(outputs), lambda p: p.amax(0))):
        for part, *parts in zip(merged, *outputs):
            p = expected((torch.stack(parts) * output.beta).softmax(-1))
            torch.testing.assert_close((part * output.beta).softmax(-1),
                                       p / p.sum(-1, keepdim=True))
    same = output.mean([outputs[0]] * 3)
    for a, b in zip(same, outputs[0]):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_a_sharper_network_does_not_decide_alone(head_type):
    """The other one keeps half of its mass, unlike in a mean of logits."""
    model = build_model(head_type)
    output, loss = model.output, model.head.loss_module
    one, other = (
        taught(targets_of(torch.full((1, 5, 2), place)), loss)
        for place in (10., 40.))
    sharper = SimCCVectors(*(3 * part for part in other))
    for part, mean, mine, theirs in zip(one, output.mean([one, sharper]), one,
                                        sharper):
        place = part.argmax(-1, keepdim=True)
        alone, merged, logits = ((vector * output.beta).softmax(-1).gather(
            -1, place) for vector in (part, mean, (mine + theirs) / 2))
        torch.testing.assert_close(merged, alone / 2, rtol=0.01, atol=0)
        assert (logits < 0.01 * alone).all()


def test_rendered_targets_weigh_seen_joints_alike(head_type):
    output = build_model(head_type).output
    vectors = random_vectors(0)
    warp = HardAffine()(Draws(torch.rand(3, 3)), output.codec)
    usual, weights = output.make_target(vectors, warp)
    target, seen = output.render_target(vectors, warp)
    assert all(map(torch.equal, target, usual))
    assert torch.equal(seen, (weights > 0).float())


def test_labels_move_with_their_images(head_type):
    """Equal to what the codec makes of warped points."""
    output = build_model(head_type).output
    points = (torch.rand(6, 5, 2) * torch.tensor([63., 95.]) * 2).round() / 2
    weights = torch.rand(6, 5)
    warp = HardAffine()(Draws(torch.rand(6, 3)), output.codec)
    target, moved_weights = output.warp_labels(
        targets_of(points), weights, warp)
    encoded = build_codec().encode(warp.points(points).numpy())
    for axis, part in zip('xy', target):
        np.testing.assert_allclose(
            part, encoded[f'keypoint_{axis}_labels'], atol=1e-6)
    torch.testing.assert_close(
        moved_weights, weights * torch.tensor(encoded['keypoint_weights']))


def test_flipped_back_vectors_point_where_the_images_do(head_type):
    output = build_model(head_type).output
    points = torch.rand(4, 5, 2) * 40 + 10
    mirrored = points.clone()
    mirrored[..., 0] = 63 - points[..., 0]
    seen = targets_of(mirrored[:, toys.FLIP_INDICES])
    back = output.flip_back(seen, toys.FLIP_INDICES, None)
    found, _ = output.peaks(back)
    assert (found - points).abs().max() <= 0.75  # bins of half a pixel


def test_vectors_are_not_warped_back(head_type):
    output = build_model(head_type).output
    warp = HardAffine()(Draws(torch.rand(3, 3)), output.codec)
    with pytest.raises(TypeError, match='model.teacher_pass.*PlainPass'):
        output.unwarp(random_vectors(0), warp)


def test_joint_losses_make_up_the_loss(head_type):
    model = build_model(head_type)
    model.head.loss_module.mask = None  # which joints count less
    found, target = random_vectors(0), targets_of(torch.rand(3, 5, 2) * 60)
    weights = torch.rand(3, 5)
    losses = model.output.joint_losses(model.head, found, target, weights)
    torch.testing.assert_close((losses * weights).sum() / 5,
                               model.output.loss(model.head, found, target,
                                                 weights))
    weights[2, 3] = 0
    losses = model.output.joint_losses(model.head, found, target, weights)
    assert losses.isinf().nonzero().tolist() == [[2, 3]]


def test_targets_and_losses_are_those_of_float32_under_autocast(head_type):
    model = build_model(head_type, **DUAL)
    output = taught(
        targets_of(torch.rand(3, 5, 2) * 60), model.head.loss_module)
    view = HardAffine()(Draws(torch.rand(3, 3)), model.output.codec)

    def run():
        target, weights = model.output.make_target(output, view)
        return *target, weights, model.output.loss(model.head, output, target,
                                                   weights)

    expected = run()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = run()
        losses = model.loss(*build_batch())
    assert all(torch.equal(*pair) for pair in zip(found, expected))
    assert all(loss.dtype == torch.float32 for loss in losses.values())


def test_labels_of_another_kind_name_the_pipeline(head_type):
    inputs, samples = toys.build_batch()
    with pytest.raises(ValueError, match='GenerateTarget.*SimCCLabel'):
        build_model(head_type).loss(inputs['labeled'], samples['labeled'])
    inputs, samples = build_batch()
    for sample in samples['labeled']:
        del sample.gt_fields
    with pytest.raises(ValueError, match='GenerateTarget.*heatmap codec'):
        toys.build_model().loss(inputs['labeled'], samples['labeled'])


@pytest.mark.parametrize('override, message', [
    (dict(loss=dict(type='KLDiscretLoss', use_target_weight=False)),
     'model.head.loss.use_target_weight'),
    (dict(loss=dict(type='JSDiscretLoss', _delete_=True)),
     'model.head.loss.type is JSDiscretLoss'),
    (dict(decoder=None), 'model.head.decoder is missing'),
])
def test_unusable_heads_name_the_key(override, message):
    cfg = copy.deepcopy(dict(BASE['RTMCCHead'], type='SemiPoseEstimator'))
    loss = override.get('loss')
    if loss:
        loss.pop('_delete_', None)
    cfg['head'].update(override)
    with pytest.raises((TypeError, ValueError), match=message):
        MODELS.build(cfg)


@pytest.mark.parametrize('override, name', [
    (dict(loss=dict(beta=1.)), 'loss.beta'),
    (dict(loss=dict(label_beta=1.)), 'loss.label_beta'),
    (dict(decoder=dict(CODEC, sigma=(2., 2.))), 'decoder.sigma'),
    (dict(out_channels=6), 'out_channels'),
])
def test_peers_that_differ_name_what_to_change(override, name):
    with pytest.raises(
            ValueError,
            match=rf'model.peers\[0\].head.{name} is .* Change model.peers'):
        build_model('RTMCCHead', **dict(DUAL, peers=[dict(head=override)]))
