# Copyright (c) semipose_mm authors.
"""How teachers see the easy view."""
import pytest
import torch
import toys
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from output_toys import KINDS, build, parts, random_output

from semipose_mm.models import FlippedPass, MultiViewPass, PlainPass
from semipose_mm.structures import CodecGeometry, Draws, count_draws

GEOMETRY = CodecGeometry((64, 96), (16, 24), (4., 4.))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def samples():
    return [PoseDataSample(metainfo=dict(flip_indices=toys.FLIP_INDICES))] * 3


def images():
    return torch.randn(3, 3, 96, 64)


def needed(passes):
    """Uniforms of a sample that a pass needs."""
    return count_draws(lambda draws: passes.draw(draws, GEOMETRY))


def drawn(passes):
    """What it makes of some."""
    return passes.draw(Draws(torch.rand(3, needed(passes))), GEOMETRY)


def see(images):
    """Heatmaps that are three channels of the images, reduced."""
    # MSRA's heatmap pixel i is input pixel 4 i
    return images[:, [0, 1, 1, 2, 2], ::4, ::4]


def test_a_plain_pass_is_the_network_in_float32(kind):
    output, seen = build(kind), random_output(kind, 0)
    found, = PlainPass()(lambda x: output.apply(torch.Tensor.half, seen),
                         output, images(), samples(), None)
    for part, expected in zip(parts(found), parts(seen)):
        assert torch.equal(part, expected.half().float())
    assert needed(PlainPass()) == 0


def test_a_flipped_pass_is_the_mean_of_both(kind):
    output = build(kind)
    given, pair = images(), [random_output(kind, seed) for seed in (0, 1)]
    shown = []

    def run(batch):
        shown.append(batch)
        return pair[len(shown) - 1]

    for shift in (None, False, True):
        shown.clear()
        found, = FlippedPass(shift)(run, output, given, samples(), None)
        assert torch.equal(shown[0], given)
        assert torch.equal(shown[1], given.flip(-1))
        expected = output.mean(
            [pair[0],
             output.flip_back(pair[1], toys.FLIP_INDICES, shift)])
        assert all(map(torch.equal, parts(found), parts(expected)))
    assert needed(FlippedPass()) == 0


def test_a_network_that_mirrors_with_its_images_sees_them_twice():
    """Symmetric images, up to the pixel that MSRA's heatmaps lose."""
    output, given = build('heatmaps'), smooth_images()[:, [0, 1, 1]]
    given = (given + given.flip(-1)) / 2
    found, = FlippedPass()(see, output, given, samples(), None)
    once, = FlippedPass(shift=False)(see, output, given, samples(), None)
    expected = see(given)
    error, unshifted = ((x - expected)[..., 1:].abs().mean()
                        for x in (found, once))
    assert error < 0.5 * unshifted


def test_samples_without_pairs_name_what_to_add(kind):
    with pytest.raises(KeyError, match='flip_indices.*meta_keys'):
        FlippedPass()(lambda x: random_output(kind, 0), build(kind), images(),
                      [PoseDataSample()], None)


def smooth_images():
    """One smooth blob in each channel, well within the image."""
    ys, xs = torch.arange(96.)[:, None], torch.arange(64.)
    centers = torch.rand(3, 3, 2, 1, 1) * 16
    return (-((xs - 24 - centers[:, :, 0])**2 +
              (ys - 40 - centers[:, :, 1])**2) / 200).exp()


@pytest.mark.parametrize('warp', [
    None,
    dict(type='HardAffine', scale=0.1, rotation=20.),
])
def test_views_are_mapped_back_to_the_easy_one(warp):
    """An equivariant network says the same of all views."""
    output = build('heatmaps')
    passes = MultiViewPass(num=4, warp=warp)
    assert needed(passes) == 3 * 3
    shown = []

    def run(batch):
        shown.append(batch)
        return see(batch)

    given = smooth_images()
    found = passes(run, output, given, samples(), drawn(passes))
    assert len(found) == 4
    assert torch.equal(shown[0], given)
    assert all((shown[0] - other).abs().max() > 0.1 for other in shown[1:])
    for view in found[1:]:
        inside = view > 0
        assert inside.float().mean() > 0.5
        error = (view - found[0])[inside].abs()
        assert error.mean() < 0.02


def test_places_that_a_view_does_not_show_are_those_of_the_easy_one():
    output, passes = build('heatmaps'), MultiViewPass(num=3)
    maps = torch.rand(3, 5, 1, 1).expand(-1, -1, 24, 16)
    for view in passes(lambda batch: maps, output, images(), samples(),
                       drawn(passes)):
        torch.testing.assert_close(view, maps, atol=1e-4, rtol=0)


def test_each_view_may_be_flipped_as_well():
    output = build('heatmaps')
    passes = MODELS.build(
        dict(type='MultiViewPass', num=3, of=dict(type='FlippedPass')))
    calls = []

    def run(batch):
        calls.append(batch)
        return random_output('heatmaps', len(calls))

    found = passes(run, output, images(), samples(), drawn(passes))
    assert len(found) == 3 and len(calls) == 6
    for plain, flipped in zip(calls[::2], calls[1::2]):
        assert torch.equal(plain.flip(-1), flipped)


def test_vectors_are_not_warped_back():
    passes = MultiViewPass()
    with pytest.raises(TypeError, match='model.teacher_pass of a SimCC head'):
        passes(lambda x: random_output('vectors', 0), build('vectors'),
               images(), samples(), drawn(passes))


def test_one_view_is_no_multi_view():
    with pytest.raises(ValueError, match='model.teacher_pass.num'):
        MultiViewPass(num=1)
