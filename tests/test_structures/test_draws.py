# Copyright (c) semipose_mm authors.
"""Distributions made from uniforms."""
import torch

from semipose_mm.structures import Draws, count_draws

GRID = ((torch.arange(20000) + 0.5) / 20000)[:, None]


def test_columns_are_handed_out_in_order():
    draws = Draws(torch.arange(12.).reshape(2, 6))
    assert draws.uniform(2).tolist() == [[0., 1.], [6., 7.]]
    assert draws.uniform(1, 3).tolist() == [[[2., 3., 4.]], [[8., 9., 10.]]]
    assert draws.used == 5 and len(draws) == 2
    assert draws.uniform(0, 2).shape == (2, 0, 2)
    assert count_draws(lambda d:
                       (d.normal(2), d.donors(), d.choice(3, 2, num=4))) == 9


def test_normal_variates_have_their_tails_on_the_bounds():
    values = Draws(GRID).normal(1, mean=1., std=0.25, low=0.75, high=1.25)
    assert values.min() == 0.75 and values.max() == 1.25
    on_bounds = ((values == 0.75) | (values == 1.25)).float().mean()
    assert abs(on_bounds - 0.3173) < 1e-3
    assert abs(values.mean() - 1) < 1e-4
    assert abs(Draws(GRID).normal(1, std=3.).std() - 3) < 1e-2


def test_choices_are_equally_likely_and_in_range():
    counts = torch.bincount(Draws(GRID).choice(num=17), minlength=17)
    assert len(counts) == 17
    assert counts.max() - counts.min() <= 1
    assert Draws(torch.tensor([[1.]])).choice(num=17).tolist() == [16]


def test_integers_include_both_ends():
    values = Draws(GRID).integers(1, low=10, high=19)
    assert values.unique().tolist() == list(range(10, 20))


def test_orders_are_permutations_and_all_occur():
    draws = Draws(torch.rand(600, 3, generator=torch.manual_seed(0)))
    orders = draws.permutation(3)
    assert (orders.sort(-1).values == torch.arange(3)).all()
    assert len(orders.unique(dim=0)) == 6


def test_donors_are_all_the_others():
    number = 5
    grid = torch.linspace(0.001, 0.999, 400).expand(number, -1)
    donors = Draws(grid).donors(400)
    for i, row in enumerate(donors):
        assert sorted(
            row.unique().tolist()) == [j for j in range(number) if j != i]
    assert Draws(grid[:1]).donors().tolist() == [0]
