# Copyright (c) semipose_mm authors.
"""Distributions made from uniforms."""
import torch

from semipose_mm.structures import (clipped_normal, uniform_choice,
                                    uniform_integers)

GRID = (torch.arange(20000) + 0.5) / 20000


def test_clipped_normal_puts_the_tails_on_the_bounds():
    values = clipped_normal(GRID, 1., 0.25, 0.75, 1.25)
    assert values.min() == 0.75 and values.max() == 1.25
    on_bounds = ((values == 0.75) | (values == 1.25)).float().mean()
    assert abs(on_bounds - 0.3173) < 1e-3
    assert abs(values.mean() - 1) < 1e-4


def test_choices_are_equally_likely_and_in_range():
    counts = torch.bincount(uniform_choice(GRID, 17), minlength=17)
    assert len(counts) == 17
    assert counts.max() - counts.min() <= 1
    assert uniform_choice(torch.tensor([1.]), 17).item() == 16


def test_integers_include_both_ends():
    values = uniform_integers(GRID, 10, 19)
    assert values.unique().tolist() == list(range(10, 20))
