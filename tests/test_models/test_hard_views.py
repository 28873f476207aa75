# Copyright (c) semipose_mm authors.
"""Properties of the operations of hard views."""
import pytest
import torch
import toys
from mmpose.registry import MODELS
from no_host import NoHost
from scipy.stats import beta

from semipose_mm.models import (BlockShuffle, CutMix, Cutout, JointCutOcclude,
                                JointCutout, LegacyCutMix, LegacyCutout,
                                LegacyJointCutOcclude, LegacyMixUp, MixUp)
from semipose_mm.models.hard_views.mixup import beta_variates
from semipose_mm.structures import Draws, count_draws

SIZES = [(192, 256), (256, 192), (128, 128)]  # (W, H)
UNKNOWN = -1e6
OPS = dict(
    JointCutout={},
    LegacyJointCutout=dict(num_candidates=24),
    JointCutOcclude={},
    LegacyJointCutOcclude=dict(num_candidates=24),
    Cutout={},
    LegacyCutout={},
    CutMix={},
    LegacyCutMix={},
    MixUp={},
    LegacyMixUp={},
    BlockShuffle=dict(grid=(4, 4)))
sizes = pytest.mark.parametrize('size', SIZES)
operations = pytest.mark.parametrize('name', OPS)


def build(name):
    return MODELS.build(dict(type=name, **OPS[name]))


def numbered(number, size):
    """Images that name their pixels: sample, row and column, from 1."""
    width, height = size
    shape = (number, height, width)
    names = (torch.arange(number).view(-1, 1,
                                       1), torch.arange(height).view(-1, 1),
             torch.arange(width))
    return torch.stack([name.expand(shape) for name in names], 1).float() + 1


def batch(size, number=6, joints=17, seed=0):
    """Images, joints in them and uniforms."""
    generator = torch.Generator().manual_seed(seed)
    peaks = torch.rand(number, joints, 2, generator=generator)
    uniforms = torch.rand(number, 256, generator=generator) * .998 + .001
    return numbered(number, size), peaks * torch.tensor(size), uniforms


def run(op, images, peaks, uniforms):
    out = op(images, peaks, Draws(uniforms))
    return out[0] if op.after_warp else out


@sizes
@operations
def test_a_function_of_its_draws_which_leaves_its_input(name, size):
    op = build(name)
    images, peaks, uniforms = batch(size)
    before = images.clone(), peaks.clone()
    out = run(op, images, peaks, uniforms)
    assert out.shape == images.shape and out.is_contiguous()
    assert not torch.equal(out, images)
    assert torch.equal(images, before[0]) and torch.equal(peaks, before[1])
    assert torch.equal(out, run(build(name), images, peaks, uniforms))
    other = uniforms.flip(0)
    assert not torch.equal(out, run(op, images, peaks, other))


@operations
def test_draws_are_counted_without_data(name):
    op = build(name)
    images, peaks, uniforms = batch(SIZES[0])
    needed = count_draws(lambda draws: op.draw(draws, 17))
    exact = uniforms[:, :needed]
    assert torch.equal(
        run(op, images, peaks, exact), run(op, images, peaks, uniforms))
    if not op.needs_donor:
        alone = run(op, images[:1], peaks[:1], exact[:1])
        assert torch.equal(alone, run(op, images, peaks, exact)[:1])


@operations
def test_nothing_waits_for_the_device(name):
    op = build(name)
    images, peaks, uniforms = batch(SIZES[0])
    expected = op(images, peaks, Draws(uniforms))  # builds what stays
    with NoHost():
        out = op(images, peaks, Draws(uniforms))
        if op.after_warp:
            out = out[1](out[0])
            expected = expected[1](expected[0])
    assert torch.equal(out, expected)


@sizes
@pytest.mark.parametrize('name', [n for n in OPS if 'Joint' in n])
def test_unknown_joints_change_nothing(name, size):
    op = build(name)
    if 'Legacy' in name:
        op.num_candidates = None  # channels that no label has
    images, peaks, uniforms = batch(size)
    unknown = torch.full_like(peaks, UNKNOWN)
    assert torch.equal(run(op, images, unknown, uniforms), images)
    some = peaks.clone()
    some[::2] = UNKNOWN
    out = run(op, images, some, uniforms)
    assert torch.equal(out[::2], images[::2])
    assert not torch.equal(out, images)


@sizes
def test_a_donors_joint_hides_the_joint(size):
    op = JointCutOcclude(num=1, jitter=0.)
    images, peaks, uniforms = batch(size)
    # so that no border is in the way
    peaks = (peaks * 0.6 + 0.2 * torch.tensor(size)).floor()
    drawn = op.draw(Draws(uniforms), 17)
    out = op.apply(images, peaks, drawn)
    for u, (image, joint, half) in enumerate(
            zip(out, drawn.joints[:, 0], drawn.half_sizes[:, 0].tolist())):
        donor, (x, y) = drawn.donors[u], peaks[u, joint].int()
        there = peaks[donor, drawn.donor_joints[u, 0]]
        expected = torch.stack([donor, there[1], there[0]]) + 1
        assert donor != u and torch.equal(image[:, y, x], expected)
        changed = image[0] != u + 1
        assert changed.sum() == 4 * half[0] * half[1]
        assert changed[y - half[1]:y + half[1], x - half[0]:x + half[0]].all()


def occlude_slowly(op, images, peaks, drawn):
    """Joint cut-occlude, pixel by pixel."""
    height, width = images.shape[-2:]
    out = images.clone()
    for u, donor in enumerate(drawn.donors.tolist()):
        for i in range(op.num):
            x, y = (peaks[u, drawn.joints[u, i]] +
                    drawn.jitter[u, i]).trunc().int().tolist()
            a, b = (peaks[donor, drawn.donor_joints[u, i]] +
                    drawn.donor_jitter[u, i]).trunc().int().tolist()
            half_x, half_y = drawn.half_sizes[u, i].tolist()
            for down in range(-half_y, half_y):
                for right in range(-half_x, half_x):
                    if 0 <= x + right < width and 0 <= a + right < width and \
                            0 <= y + down < height and 0 <= b + down < height:
                        out[u, :, y + down,
                            x + right] = images[donor, :, b + down, a + right]
    return out


@sizes
def test_only_pixels_of_both_images_are_pasted(size):
    op = JointCutOcclude(num=4)
    images, peaks, uniforms = batch(size)
    # many near and beyond the borders
    peaks = peaks * 1.4 - 0.2 * torch.tensor(size)
    drawn = op.draw(Draws(uniforms), 17)
    assert torch.equal(
        op.apply(images, peaks, drawn), occlude_slowly(op, images, peaks,
                                                       drawn))


@pytest.mark.parametrize(
    'op', [CutMix(), MixUp(), JointCutOcclude()],
    ids=lambda op: type(op).__name__)
def test_donors_are_other_samples_and_all_of_them(op):
    assert op.needs_donor
    seen = set()
    for seed in range(60):
        donors = op.draw(Draws(batch(SIZES[0], 4, seed=seed)[2]), 17).donors
        assert (donors != torch.arange(4)).all()
        seen.update(enumerate(donors.tolist()))
    assert len(seen) == 12


def test_released_donors():
    for op, unique in ((LegacyCutMix(), True), (LegacyMixUp(), True),
                       (LegacyJointCutOcclude(), False)):
        drawn = torch.stack([
            op.draw(Draws(batch(SIZES[0], 4, seed=seed)[2]), 17).donors
            for seed in range(40)
        ])
        assert (drawn == torch.arange(4)).any()
        permutations = (drawn.sort(-1).values == torch.arange(4)).all()
        assert bool(permutations) == unique


@sizes
def test_boxes_reach_all_of_the_image_only_when_corrected(size):
    images, peaks, _ = batch(size, 400, 1)
    uniforms = torch.rand(400, 20, generator=torch.manual_seed(0))
    images = torch.ones_like(images[:, :1])
    cut = [(run(op, images, peaks, uniforms) == 0).any(0)[0]
           for op in (Cutout(), LegacyCutout())]
    width, height = size
    assert cut[0].all()
    # limited by width along y, and by height along x
    reached = cut[1].any(1).sum(), cut[1].any(0).sum()
    assert reached == (min(height, width), min(height, width))


def test_boxes_have_the_number_and_sizes_given():
    images, peaks, uniforms = batch((192, 256), 50, 1)
    cut = run(Cutout(num=2, half_size=(3, 3)), images, peaks, uniforms) == 0
    areas = cut[:, 0].flatten(1).sum(1)
    assert areas.max() == 72 and areas.min() < 72, 'at the border'


@sizes
def test_cutmix_shows_the_same_place_of_another(size):
    op = CutMix(num=3)
    images, peaks, uniforms = batch(size)
    drawn = op.draw(Draws(uniforms), 17)
    out = op.apply(images, peaks, drawn)
    assert torch.equal(out[:, 1:], images[:, 1:])
    blank = Cutout(num=3).apply(images, peaks, drawn.boxes)[:, 0] == 0
    donors = drawn.donors[:, None, None] + 1
    assert torch.equal(out[:, 0], torch.where(blank, donors, images[:, 0]))


def test_beta_variates_are_scipys():
    uniforms = torch.linspace(1e-4, 1 - 1e-4, 9999)
    for alpha in (0.05, 0.2, 1.):
        expected = beta.ppf(uniforms.numpy(), alpha, alpha)
        error = (beta_variates(uniforms, alpha) - torch.tensor(expected)).abs()
        assert error.max() < 3e-5
    assert beta_variates(torch.tensor([0., 1.]), 0.2).tolist() == [0, 1]


def test_mixup_keeps_most_of_each_sample():
    images, peaks, uniforms = batch((192, 256), 50)
    op = MixUp()
    drawn = op.draw(Draws(uniforms), 17)
    assert drawn.shares.min() >= 0 and drawn.shares.max() <= 0.25
    assert len(drawn.shares.unique()) > 40
    out = op.apply(images, peaks, drawn)
    own = torch.arange(1., 51)
    wanted = own + drawn.shares * (drawn.donors + 1 - own)
    assert torch.allclose(out[:, 0, 0, 0], wanted)
    assert torch.allclose(out[:, 1:], images[:, 1:])
    one = LegacyMixUp().draw(Draws(uniforms), 17).shares
    assert len(one) == 50 and len(one.unique()) == 1


@sizes
def test_shuffled_features_are_put_back(size):
    images, peaks, uniforms = batch(size)
    shuffled, restore = BlockShuffle((4, 2))(images, peaks, Draws(uniforms))
    weight = torch.rand(5, 3, generator=torch.manual_seed(0))

    def network(x):
        """A 1x1 convolution, and a coarser one as a second stage."""
        fine = torch.einsum('oc,uchw->uohw', weight, x)
        return fine, torch.nn.functional.avg_pool2d(fine, 4)

    expected = network(images)
    shown = network(shuffled)
    assert not torch.equal(shown[0], expected[0])
    for kind in (tuple, list):
        restored = restore(kind(shown))
        assert type(restored) is kind
        assert all(map(torch.equal, restored, expected))
    assert torch.equal(restore(shown[1]), expected[1])


def test_blocks_keep_their_pixels_and_take_any_place():
    images, peaks, uniforms = batch((192, 256), 64)
    out = BlockShuffle((2, 3))(images, peaks, Draws(uniforms))[0]
    assert torch.equal(out[:, 0], images[:, 0]), 'no pixel of another sample'
    rows, columns = (out[:, i].reshape(64, 2, 128, 3, 64) - 1 for i in (1, 2))
    corner = rows[:, :, 0, :, 0] // 128 * 3 + columns[:, :, 0, :, 0] // 64
    inside = torch.arange(128).view(-1, 1, 1)
    assert torch.equal(rows % 128, inside.expand(64, 2, 128, 3, 64).float())
    corner = corner.flatten(1)
    assert torch.equal(corner.sort(-1).values, torch.arange(6.).expand(64, -1))
    assert all(len(place.unique()) == 6 for place in corner.T)


def test_gradients_of_features_come_back():
    op = BlockShuffle((2, 2))
    drawn = op.draw(Draws(batch(SIZES[0])[2]), 17)
    features = torch.rand(6, 4, 8, 6, requires_grad=True)
    seen = torch.rand(6, 4, 8, 6)
    (op.restore(features, drawn) * seen).sum().backward()
    assert torch.equal(features.grad, op.apply(seen, None, drawn))


def test_a_grid_that_does_not_divide_is_refused():
    images, peaks, uniforms = batch((192, 256))
    with pytest.raises(
            ValueError,
            match=r'ops\[\].grid of BlockShuffle is \(3, 3\), but must divide '
            'the 256 rows and 192 columns of the images'):
        BlockShuffle((3, 3))(images, peaks, Draws(uniforms))
    restore = BlockShuffle((4, 3))(images, peaks, Draws(uniforms))[1]
    with pytest.raises(ValueError, match='8 rows and 5 columns of the feat'):
        restore((torch.ones(6, 2, 8, 6), torch.ones(6, 2, 8, 5)))


@pytest.mark.parametrize('name, key, value', [
    ('JointCutOcclude', 'num', 0),
    ('JointCutOcclude', 'half_size', 10),
    ('JointCutOcclude', 'jitter', -1.),
    ('LegacyJointCutOcclude', 'num_candidates', 0),
    ('Cutout', 'num', 1.5),
    ('Cutout', 'half_size', (5, 2)),
    ('CutMix', 'half_size', (0, 2)),
    ('CutMix', 'num', True),
    ('MixUp', 'alpha', 0),
    ('MixUp', 'share', 1.5),
    ('BlockShuffle', 'grid', (1, 1)),
    ('BlockShuffle', 'grid', (4, )),
])
def test_bad_parameters_name_the_key(name, key, value):
    with pytest.raises(ValueError, match='^') as error:
        MODELS.get(name)(**{key: value})
    assert str(error.value).startswith(
        f'model.views[].ops[].{key} of {name} must be ')
    assert str(error.value).endswith(f'but got {value!r}')


def test_lists_as_configs_have_them():
    for name, kwargs in (('Cutout', dict(half_size=[3, 4])),
                         ('BlockShuffle', dict(grid=[2, 2]))):
        assert '(' in repr(MODELS.build(dict(type=name,
                                             **kwargs)))[len(name) + 1:]


@pytest.mark.parametrize(
    'op, text', [
        (JointCutOcclude(), 'JointCutOcclude(num=2, half_size=(10, 19), '
         'jitter=10.0)'),
        (LegacyCutMix(num=5), 'LegacyCutMix(num=5, half_size=(10, 19))'),
        (MixUp(), 'MixUp(alpha=0.2, share=0.25)'),
        (BlockShuffle(), 'BlockShuffle(grid=(4, 3))'),
    ],
    ids=str)
def test_repr_names_every_parameter(op, text):
    assert repr(op) == text


def test_operations_follow_each_other():
    """Joint cutout, then CutMix: what it brings has been cut, too."""
    images, peaks, uniforms = batch((192, 256))
    draws = Draws(uniforms)
    out = images
    for op in (JointCutout(num=5), CutMix(num=2)):
        out = op(out, peaks, draws)
    cut = JointCutout(num=5)(images, peaks, Draws(uniforms))
    later = Draws(uniforms[:, 25:])
    assert torch.equal(out, CutMix(num=2)(cut, peaks, later))


@pytest.mark.parametrize('legacy', ['', 'Legacy'])
def test_a_step_with_every_operation(legacy, device):
    """Nothing waits, from the second step on."""
    sequences = ('JointCutOcclude', 'Cutout'), ('JointCutout',
                                                'CutMix'), ('MixUp', )
    views = [
        dict(source='easy', ops=[dict(type=legacy + op) for op in ops])
        for ops in sequences
    ]
    views[2]['ops'].append(dict(type='BlockShuffle', grid=(3, 2)))
    model = toys.build_model(**dict(toys.DUAL, views=views)).to(device)
    batch = toys.to_device(toys.build_batch(num_uniforms=400), device)
    first = model(*batch, mode='loss')
    with NoHost():
        losses = model(*batch, mode='loss')
        sum(losses.values()).backward()
    assert losses.keys() == first.keys()
    assert all(loss.isfinite() for loss in losses.values())
    assert all(p.grad.isfinite().all() for p in model.parameters())
