# Copyright (c) semipose_mm authors.
"""Networks that teach and are not trained."""
import copy

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from toys import BASE, DUAL, build_batch, build_model

from semipose_mm.models.networks import own_state
from semipose_mm.models.teaching.followers import Follower
from semipose_mm.models.teaching.teachers import (EMATeacher, SnapshotTeacher,
                                                  build_rules, freeze_weights)

EMA = dict(type='EMATeacher', of=0, momentum=0.9)
SNAP = dict(type='SnapshotTeacher', of=1, every=2)
TAUGHT = dict(
    DUAL,
    teachers=dict(ema0=EMA, snap1=SNAP),
    routes=[
        dict(student=0, teachers=['snap1']),
        dict(student=1, teachers=['ema0', 0])
    ])


def stock(seed=1, **overrides):
    """A plain network of the toys, and its config."""
    cfg = copy.deepcopy(dict(BASE, type='TopdownPoseEstimator'))
    for key, value in overrides.items():
        cfg[key].update(value)
    torch.manual_seed(seed)
    net = MODELS.build(cfg)
    for param in net.parameters():
        if param.dim() > 1:
            torch.nn.init.kaiming_normal_(param)
    return net, cfg


# ------------------------------------------------------------------- rules


def start_that_is_left(rule, iterations, steps=None):
    """Share of the first weights after some steps, all by default."""
    left = 1.
    for i in range(steps or iterations):
        left *= rule.kept(i, iterations)
    return left


def test_a_fixed_momentum_remembers_the_start():
    left = start_that_is_left(EMATeacher(0, 0.999, warm_up=False), 1000)
    assert left == pytest.approx(0.999**1000) and 0.36 < left < 0.37
    assert start_that_is_left(EMATeacher(0, 0.999), 1000) == 0


def test_the_share_that_is_kept():
    rule = EMATeacher(0, 0.9)
    # at first the mean of all weights so far
    assert [rule.kept(i, 100) for i in range(3)] == [0, 0.5, 1 - 1 / 3]
    assert rule.kept(9, 100) == pytest.approx(0.9) == rule.kept(50, 100)
    # by iteration alone, however often it is asked
    assert rule.kept(1, 100) == 0.5 == rule.kept(1, 7)


@pytest.mark.parametrize('iterations', [200, 20000])
def test_windows_reach_back_over_a_share_of_the_training(iterations):
    rule = EMATeacher(0, windows=20, warm_up=False)
    assert rule.kept(0, iterations) == 1 - 20 / iterations
    left = start_that_is_left(rule, iterations, iterations // 20)
    # 1 / e, up to how long a step is
    assert left == pytest.approx(0.3679, abs=0.025)
    # shorter than the window: the student itself
    assert rule.kept(5, 10) == 0


class Noted:
    """A follower that only notes what it is told."""

    def __init__(self):
        self.told = []

    def copy(self):
        self.told.append('copy')

    def average(self, kept):
        self.told.append(kept)


def test_when_a_snapshot_is_taken():
    noted, rule = Noted(), SnapshotTeacher(0, 3)
    counts = []
    for i in range(7):
        rule.update(noted, i, 7)
        counts.append(len(noted.told))
    rule.end_epoch(noted)
    assert counts == [0, 0, 1, 1, 1, 2, 2] and len(noted.told) == 2
    noted, rule = Noted(), SnapshotTeacher(0, 'epoch')
    rule.update(noted, 0, 7)
    assert noted.told == []
    rule.end_epoch(noted)
    assert noted.told == ['copy']


def test_an_average_is_told_what_to_keep():
    noted, rule = Noted(), EMATeacher(0, 0.75)
    rule.update(noted, 1, 10)
    rule.end_epoch(noted)
    assert noted.told == [0.5]


@pytest.mark.parametrize('cfg, message', [
    (dict(type='EMATeacher', of=0), 'one of momentum .* and windows'),
    (dict(EMA, windows=3), 'one of momentum .* and windows'),
    (dict(EMA, momentum=0.1), r'momentum of EMATeacher .* \[0.5, 1\).*0.1'),
    (dict(EMA, momentum=1), r'momentum of EMATeacher .* \[0.5, 1\)'),
    (dict(type='EMATeacher', of=0, windows=0), 'windows of EMATeacher'),
    (dict(EMA, of=2), r'model.teachers.t.of is 2, but .* 0 to 1'),
    (dict(EMA, norm='batch'), "norm of EMATeacher must be .* 'batch'"),
    (dict(SNAP, every=0), 'every of SnapshotTeacher .* got 0'),
    (dict(SNAP, every='day'), "every of SnapshotTeacher .* got 'day'"),
    (dict(SNAP, every=1.5), 'every of SnapshotTeacher .* got 1.5'),
])
def test_parameters_that_are_not_allowed(cfg, message):
    with pytest.raises(ValueError, match=message):
        build_rules(dict(t=cfg), 2)


@pytest.mark.parametrize('name',
                         ['net0', 'ensemble', 'average', 'a b', 'half', ''])
def test_names_that_are_not_allowed(name):
    with pytest.raises(ValueError, match='model.teachers has the name'):
        build_rules({name: EMA}, 1)


# --------------------------------------------------------------- followers


def test_frozen_weights_are_the_same_state():
    net, _ = stock()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    names = {name for name, _ in net.named_parameters()}
    freeze_weights(net)
    assert not list(net.parameters()) and net.weight_names == names
    after = net.state_dict()
    # in another order, as torch lists parameters first
    assert sorted(after) == sorted(before)
    assert all(torch.equal(after[k], v) for k, v in before.items())
    assert not any(b.requires_grad for b in net.buffers())


def test_the_average_is_the_formula():
    teacher, student = freeze_weights(stock(1)[0]), stock(2)[0]
    with torch.no_grad():
        for buffer in student.buffers():
            buffer.copy_(torch.rand(buffer.shape) * 9)
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    follower = Follower(teacher, student)
    follower.average(0.75)
    theirs, counters = student.state_dict(), 0
    for key, own in teacher.state_dict().items():
        if own.is_floating_point():
            torch.testing.assert_close(own,
                                       0.75 * before[key] + 0.25 * theirs[key])
        else:
            counters += 1
            assert torch.equal(own, theirs[key])
    assert counters > 10
    follower.copy()
    assert all(
        torch.equal(v, theirs[k]) for k, v in teacher.state_dict().items())
    # nothing of it is shared
    follower.average(0.5)
    with torch.no_grad():
        student.head.final_layer.weight.zero_()
    assert teacher.head.final_layer.weight.abs().max() > 0


def test_tensors_that_are_replaced_are_followed():
    """As by ``to`` with another layout."""
    teacher, student = freeze_weights(stock(1)[0]), stock(2)[0]
    follower = Follower(teacher, student)
    for net in (teacher, student):
        net.to(memory_format=torch.channels_last)
    follower.copy()
    theirs = student.state_dict()
    assert all(
        torch.equal(v, theirs[k]) for k, v in teacher.state_dict().items())


def test_network_0_is_followed_without_the_others():
    model = build_model(**TAUGHT)
    follower = Follower(model.network('ema0'), model)
    follower.copy()
    own = own_state(model)
    assert own.keys() == model.network('ema0').state_dict().keys()
    assert all(
        torch.equal(own[k], v)
        for k, v in model.network('ema0').state_dict().items())


# --------------------------------------------------------------- estimator


def test_teachers_are_in_the_state_dict_and_not_trained():
    model = build_model(**TAUGHT)
    assert not [n for n, _ in model.named_parameters() if 'teachers.' in n]
    state = model.state_dict()
    for name in ('ema0', 'snap1'):
        own = {k for k in state if k.startswith(f'teachers.{name}.')}
        assert own == {f'teachers.{name}.{k}' for k in own_state(model)}
    again = build_model(seed=9, **TAUGHT)
    again.load_state_dict(state)
    assert all(torch.equal(v, state[k]) for k, v in again.state_dict().items())


def test_names_of_networks():
    model = build_model(**dict(
        TAUGHT,
        teachers=dict(
            TAUGHT['teachers'],
            big=dict(type='FrozenTeacher', config='a.py', checkpoint='a'))))
    assert model.network_keys == [0, 1, 'ema0', 'snap1', 'big']
    assert model.network_names == [
        'net0', 'net1', 'ema0', 'snap1', 'big', 'ensemble'
    ]
    assert model.scored_networks == ['net0', 'net1', 'ema0', 'ensemble']


@pytest.mark.parametrize('network', ['ema0', 'snap1'])
def test_a_teacher_predicts(network):
    model = build_model(**TAUGHT)
    model.eval().test_cfg['network'] = network
    assert model.selected_network == network
    inputs, samples = build_batch()
    with torch.no_grad():
        found = model.predict(inputs['labeled'], samples['labeled'])
        alone, _ = stock()
        alone.load_state_dict(model.network(network).state_dict())
        expected = alone.eval().predict(inputs['labeled'],
                                        build_batch()[1]['labeled'])
        both = model.predict_networks(inputs['labeled'], samples['labeled'],
                                      [network, 'ensemble'])
    assert list(both) == [network, 'ensemble']
    for one, other, third in zip(found, expected, both[network]):
        for result in (one, third):
            torch.testing.assert_close(
                torch.tensor(result.pred_instances.keypoints),
                torch.tensor(other.pred_instances.keypoints),
                atol=1e-3,
                rtol=0)


def test_teachers_teach():
    """Gradients of a student are those of targets that its teacher makes."""
    model = build_model(**TAUGHT)
    inputs, samples = build_batch()
    before = model.loss(inputs, samples)
    with torch.no_grad():
        for buffer in model.network('snap1').buffers():
            if buffer.dim() > 1:
                buffer.mul_(1.5)
    after = model.loss(inputs, samples)
    assert before['net0/loss_unsup'] != after['net0/loss_unsup']
    assert before['net1/loss_unsup'] == after['net1/loss_unsup']
    sum(after.values()).backward()
    assert model.head.final_layer.weight.grad.abs().max() > 0


@pytest.mark.parametrize('norm, tracked', [('eval', 0), ('train', 1)])
def test_batch_norm_of_a_teacher(norm, tracked):
    teachers = dict(ema0=dict(EMA, norm=norm), snap1=dict(SNAP, norm=norm))
    model = build_model(**dict(TAUGHT, teachers=teachers))
    model.train().loss(*build_batch())
    for name in teachers:
        assert model.network(name).backbone.bn1.num_batches_tracked == tracked


def test_a_plain_checkpoint_goes_to_teachers(monkeypatch):
    lines = []
    monkeypatch.setattr('semipose_mm.models.peer_estimator.print_log',
                        lambda text, *args, **kwargs: lines.append(text))
    model, (net, _) = build_model(**TAUGHT), stock()
    model.load_state_dict(net.state_dict())
    for name in ('ema0', 'snap1'):
        own = model.network(name).state_dict()
        assert all(torch.equal(own[k], v) for k, v in net.state_dict().items())
    assert lines[2:] == [
        'Checkpoint: teacher ema0 is not in it and takes what network 0 does',
        'Checkpoint: teacher snap1 is not in it and takes what network 1 does'
    ]
    # one of all networks leaves nothing to say
    del lines[:]
    model.load_state_dict(model.state_dict())
    assert lines == []


def test_a_checkpoint_without_teachers_goes_to_the_network_they_follow():
    model, dual = build_model(**TAUGHT), build_model(seed=5, **DUAL)
    model.load_state_dict(dual.state_dict(), strict=False)
    for name, net in zip(('ema0', 'snap1'), dual.networks):
        own = model.network(name).state_dict()
        assert all(torch.equal(own[k], v) for k, v in own_state(net).items())


def test_entries_of_another_shape_are_not_given_to_teachers():
    model, (net, _) = build_model(**TAUGHT), stock(head=dict(out_channels=17))
    before = model.network('ema0').head.final_layer.weight.clone()
    state = net.state_dict()
    with pytest.raises(RuntimeError) as info:
        model.load_state_dict(state)
    assert 'size mismatch for head.' in str(info.value)
    assert 'size mismatch for teachers.' not in str(info.value)
    own = model.network('ema0')
    assert torch.equal(own.head.final_layer.weight, before)
    assert torch.equal(own.backbone.conv1.weight, net.backbone.conv1.weight)


# ------------------------------------------------------------------ frozen


@pytest.fixture(scope='module')
def frozen(tmp_path_factory):
    """A network of Bottleneck blocks with heatmaps of the same size."""
    folder = tmp_path_factory.mktemp('frozen')
    net, cfg = stock(3, backbone=dict(depth=50), head=dict(in_channels=256))
    torch.save(dict(state_dict=net.state_dict(), meta={}), folder / 'big.pth')
    Config(dict(model=cfg)).dump(folder / 'big.py')
    return net, dict(
        type='FrozenTeacher',
        config=str(folder / 'big.py'),
        checkpoint=str(folder / 'big.pth'))


def distilled(cfg, **kwargs):
    """One student that a frozen network teaches."""
    return build_model(
        teachers=dict(big=cfg),
        routes=[dict(student=0, teachers=['big'])],
        views=DUAL['views'],
        **kwargs)


def test_a_larger_network_teaches(frozen):
    net, cfg = frozen
    model = distilled(cfg)
    state = set(model.state_dict())
    inputs, samples = build_batch()
    losses = model.train().loss(inputs, samples)
    sum(losses.values()).backward()
    assert set(losses) == {'net0/loss_sup', 'net0/loss_unsup'}
    # nothing of it is trained or saved
    assert set(model.state_dict()) == state
    assert all('teachers.' not in key for key in state)
    with torch.no_grad():
        expected = net.eval()(inputs['easy'], None, mode='tensor')
    torch.testing.assert_close(model.last_step.easy['big'][0], expected)
    assert model.head.final_layer.weight.grad.abs().max() > 0


@pytest.mark.parametrize('norm', ['eval', 'train'])
def test_a_frozen_network_predicts_by_running_statistics(frozen, norm):
    net, cfg = frozen
    model = distilled(dict(cfg, norm=norm)).train()
    model.loss(*build_batch())
    tracked = model.network('big').backbone.bn1.num_batches_tracked
    assert tracked == (norm == 'train')
    model.eval()
    assert not any(m.training for m in model.network('big').modules())
    model.train()
    assert model.network('big').backbone.bn1.training


def test_its_files_are_read_when_it_is_needed():
    cfg = dict(type='FrozenTeacher', config='no.py', checkpoint='no.pth')
    model = distilled(cfg).eval()
    inputs, samples = build_batch()
    with torch.no_grad():
        model.predict(inputs['labeled'], samples['labeled'])
        assert list(
            model.predict_networks(inputs['labeled'],
                                   samples['labeled'])) == ['net0']
    with pytest.raises(ValueError, match='teachers.big.config is .no.py.'):
        model.train().loss(inputs, samples)


def written(folder, **overrides):
    """Files of another plain network."""
    net, cfg = stock(4, **overrides)
    torch.save(dict(state_dict=net.state_dict()), folder / 'other.pth')
    Config(dict(model=cfg)).dump(folder / 'other.py')
    return str(folder / 'other.py'), str(folder / 'other.pth')


def test_files_that_do_not_fit(frozen, tmp_path):
    _, cfg = frozen
    config, checkpoint = written(tmp_path)
    (tmp_path / 'broken.pth').write_bytes(b'PK\x03\x04')
    (tmp_path / 'ours.py').write_text("model = dict(type='SemiPoseEstimator')")
    (tmp_path / 'empty.py').write_text('')
    (tmp_path / 'broken.py').write_text('model = dict(')
    codec = dict(BASE['head']['decoder'], heatmap_size=(32, 48))
    (tmp_path / 'large').mkdir()
    large = written(
        tmp_path / 'large',
        head=dict(
            decoder=codec,
            deconv_out_channels=(16, 16, 16, 16),
            deconv_kernel_sizes=(4, 4, 4, 4)))
    for name in ('dark', 'deep'):
        (tmp_path / name).mkdir()
    dark = written(
        tmp_path / 'dark',
        data_preprocessor=dict(BASE['data_preprocessor'], mean=[0, 0, 0]))
    deep = written(
        tmp_path / 'deep',
        backbone=dict(depth=101),
        head=dict(in_channels=256))
    where = r'model\.teachers\.big'
    for changes, message in (
        (dict(checkpoint=checkpoint), rf'{where}.checkpoint .*other.pth is not'
         rf' of {where}.config: (size mismatch for|.* is missing)'),
        (dict(config=config), rf'{where}.checkpoint .*big.pth is not of '),
        (dict(checkpoint='no.pth'), rf"{where}.checkpoint is 'no.pth'"),
        (dict(checkpoint=str(tmp_path / 'broken.pth')),
         rf'{where}.checkpoint is .*broken.pth.*cannot be read'),
        (dict(config=str(tmp_path / 'ours.py')),
         rf"{where}.config has model.type 'SemiPoseEstimator'"),
        (dict(config=str(tmp_path / 'empty.py')),
         rf'{where}.config has model.type None'),
        (dict(config=str(tmp_path / 'broken.py')),
         rf'{where}.config is .*broken.py.* cannot be read'),
        (dict(config=large[0], checkpoint=large[1]), where),
        (dict(config=dark[0], checkpoint=dark[1]),
         rf'{where}.config normalizes images by .*but model.data_preproc'),
        (dict(checkpoint=deep[1]),
         rf'{where}.checkpoint .* is not of {where}.config: it has backbone'),
    ):
        with pytest.raises((ValueError, TypeError), match=message) as info:
            distilled(dict(cfg, **changes)).network('big')
        assert '\n' not in str(info.value), changes
