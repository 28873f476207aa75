# Copyright (c) semipose_mm authors.
"""Routes, views and how uniforms are dealt out."""
import pytest
import torch

from semipose_mm.models.teaching import (Deal, Lectern, build_views,
                                         parse_routes)


def lectern(views, warp=None, routes=((0, [1]), (1, [0]))):
    parsed = parse_routes([dict(student=s, teachers=t) for s, t in routes],
                          num_networks=2)
    return Lectern(parsed, build_views(views), warp)


def test_uniforms_are_counted_for_every_route_and_view():
    cutout = dict(type='JointCutout', num=2)
    view = dict(source='easy', ops=[cutout])
    assert lectern([view]).num_uniforms == 2 * 10
    assert lectern([view, view],
                   dict(type='HardAffine')).num_uniforms == (2 * (3 + 2 * 10))


def test_routes_share_images_unless_an_operation_draws():
    assert not lectern([dict(source='easy', ops=[])],
                       dict(type='HardAffine')).views_differ
    assert lectern([dict(source='easy',
                         ops=[dict(type='JointCutout')])]).views_differ


@pytest.mark.parametrize('routes', [
    [dict(student=0, teachers=[])],
    [dict(student=0)],
    [dict(student=0, teachers=[1], weight=1)],
    [dict(student=2, teachers=[0])],
    [dict(student=0, teachers=['ema0'])],
])
def test_bad_routes_name_the_entry(routes):
    with pytest.raises(ValueError, match=r'model.routes\[0\]'):
        parse_routes(routes, num_networks=2)


@pytest.mark.parametrize(
    'view', [dict(ops=[]),
             dict(source='labeled'),
             dict(source='easy', op=[])])
def test_bad_views_name_the_entry(view):
    with pytest.raises(ValueError, match=r'model.views\[1\]'):
        build_views([dict(source='easy'), view])


def test_routes_need_a_view():
    with pytest.raises(ValueError, match='model.views'):
        lectern([])


def test_missing_sources_and_too_few_uniforms_name_the_keys():
    inputs = dict(easy=torch.zeros(1), uniforms=torch.zeros(1, 4))
    with pytest.raises(KeyError, match=r'model.views\[0\].source'):
        lectern([dict(source='photo')]).check_inputs(inputs)
    with pytest.raises(ValueError, match='num_uniforms is 4.*need 50'):
        lectern([dict(source='easy',
                      ops=[dict(type='JointCutout')])]).check_inputs(inputs)


def test_dealing_goes_through_the_columns():
    deal = Deal(torch.arange(6.).reshape(1, 6))
    assert deal.take(2).tolist() == [[0., 1.]]
    assert deal.take(3).tolist() == [[2., 3., 4.]]
