# Copyright (c) semipose_mm authors.
"""Routes, views, and what of them is drawn."""
import pytest
import torch

from semipose_mm.models.teaching.plan import TeachingPlan, build_views
from semipose_mm.structures import CodecGeometry, Draws, count_draws

CODEC = CodecGeometry((64, 96), (16, 24), (4., 4.))
CROSSED = [dict(student=0, teachers=[1]), dict(student=1, teachers=[0])]
CUT = dict(source='easy', ops=[dict(type='JointCutout', num=2)])
WARP = dict(type='HardAffine')


def plan(views, warp=None, routes=CROSSED, share_warp=False):
    return TeachingPlan(routes, views, warp, share_warp,
                        dict(type='PlainPass'), [], [0, 1, 'ema0'])


def drawn(own, number=2):
    uniforms = torch.rand(number, 200, generator=torch.manual_seed(0))
    return own.draw(Draws(uniforms), CODEC, 5)


def test_uniforms_are_counted_for_every_route_and_view():

    def counted(*args, **kwargs):
        own = plan(*args, **kwargs)
        return count_draws(lambda draws: own.draw(draws, CODEC, 5))

    assert counted([CUT]) == 2 * 10
    assert counted([CUT, CUT], WARP) == 2 * (3 + 2 * 10)
    assert counted([CUT, CUT], WARP, share_warp=True) == 3 + 2 * 2 * 10
    some = [dict(CROSSED[0], views=[1]), CROSSED[1]]
    assert counted([CUT, CUT], routes=some) == 3 * 10


def test_views_have_a_warp_each_or_share_one():
    own = drawn(plan([CUT, CUT], WARP))
    assert not torch.equal(own.warps[0].matrix, own.warps[1].matrix)
    shared = drawn(plan([CUT, CUT], WARP, share_warp=True))
    assert shared.warps[0] is shared.warps[1]
    first = drawn(plan([dict(CUT, warp=False), CUT], WARP))
    assert first.warps[0] is None and first.warps[1] is not None


def test_routes_share_images_unless_an_operation_draws():
    assert not plan([dict(source='easy', ops=[])], WARP).views_differ
    assert plan([CUT]).views_differ


def test_teachers_are_numbers_then_names():
    routes = [dict(student=0, teachers=['ema0', 1])]
    assert plan([CUT], routes=routes).teachers == [1, 'ema0']


@pytest.mark.parametrize('route, message', [
    (dict(student=0, teachers=[]), 'must be dict'),
    (dict(student=0), 'must be dict'),
    (dict(student=0, teachers=[1], weight=1), 'must be dict'),
    (dict(student=2, teachers=[0]), 'names network 2'),
    (dict(student=0, teachers=['ema1']), "'ema1', but there are 0, 1, ema0"),
    (dict(student='ema0', teachers=[0]), 'only networks with a number'),
    (dict(student=0, teachers=[1], views=[1]), r'views is \[1\]'),
])
def test_bad_routes_name_the_entry(route, message):
    with pytest.raises(ValueError, match=rf'model.routes\[0\].*{message}'):
        plan([CUT], routes=[route])


@pytest.mark.parametrize(
    'view', [dict(ops=[]),
             dict(source='labeled'),
             dict(source='easy', op=[])])
def test_bad_views_name_the_entry(view):
    with pytest.raises(ValueError, match=r'model.views\[1\]'):
        build_views([dict(source='easy'), view], 'model.views')


def test_routes_need_a_view():
    with pytest.raises(ValueError, match='model.views'):
        plan([])


def test_missing_sources_and_too_few_uniforms_name_the_keys():
    inputs = dict(
        labeled=torch.zeros(1),
        easy=torch.zeros(1),
        uniforms=torch.zeros(1, 4))
    with pytest.raises(KeyError, match=r'model.views\[0\].source'):
        plan([dict(source='photo')]).check_inputs(inputs, CODEC, 5)
    with pytest.raises(ValueError, match='num_uniforms is 4.*need 20'):
        plan([CUT]).check_inputs(inputs, CODEC, 5)


def test_pixels_of_others_need_others():
    view = dict(source='easy', ops=[dict(type='CutMix')])
    inputs = dict(labeled=torch.zeros(1), easy=0, uniforms=torch.zeros(1, 99))
    with pytest.raises(ValueError, match='one in a batch.*drop_last=True'):
        plan([view]).check_inputs(inputs, CODEC, 5)


def test_supervised_batches_need_nothing():
    inputs = dict(labeled=torch.zeros(1), labeled_uniforms=torch.zeros(1, 4))
    plan([], routes=[]).check_inputs(inputs, CODEC, 5)
    plan([CUT], WARP, routes=[]).check_inputs(inputs, CODEC, 5)
    # routes do not concern labeled images of a stock dataset
    plan([CUT]).check_inputs(dict(labeled=0), CODEC, 5, plain=True)


@pytest.mark.parametrize('kwargs, key', [
    (dict(routes=dict(student=0, teachers=[1])),
     'model.routes must be a list'),
    (dict(routes=[dict(student=0, teachers=1)]), r'routes\[0\].teachers'),
    (dict(routes=[dict(student=0, teachers='ema0')]), r'routes\[0\].teachers'),
    (dict(routes=[dict(student=0, teachers=[1, 1])]), r'routes\[0\].teachers'),
    (dict(routes=[dict(student=0, teachers=[1], views=0)]), r'\[0\].views'),
    (dict(routes=[dict(CROSSED[0], target='MeanTarget')]),
     r'\[0\].target must'),
    (dict(routes=[dict(CROSSED[0], target=dict(type='HardAffine'))]),
     r'\[0\].target.type is .HardAffine.* another kind'),
    (dict(routes=[dict(CROSSED[0], select=dict(type='MeanTarget'))]),
     r'\[0\].select.type is .MeanTarget.* another kind'),
    (dict(routes=[
        dict(CROSSED[0], select=dict(type='ScoreSelection', threshold=1))
    ]), r'\[0\].select cannot be built'),
    (dict(
        routes=[dict(CROSSED[0], select=dict(type='ScoreSelection', thr='1'))
                ]), 'select.thr'),
    (dict(views=dict(source='easy')), 'model.views must be a list'),
    (dict(views=[dict(source='easy', warp='no')]), r'model.views\[0\]'),
    (dict(views=[dict(source='easy', ops=[dict(type='JointCutuot')])]),
     r'model.views\[0\].ops\[0\].type is .JointCutuot., .* not known'),
    (dict(views=[dict(source='easy', ops=[dict(type='HardAffine')])]),
     r'model.views\[0\].ops\[0\].type is .HardAffine.* another kind'),
    (dict(warp=dict(type='JointCutout')), 'model.warp.type'),
    (dict(share_warp='no'), 'model.share_warp'),
])
def test_entries_of_another_kind_name_the_key(kwargs, key):
    with pytest.raises(ValueError, match=key):
        plan(**dict(dict(views=[CUT]), **kwargs))
