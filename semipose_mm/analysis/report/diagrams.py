# Copyright (c) semipose_mm authors.
"""Diagrams of matplotlib as svg that takes its colors from the page."""
import io
import re
from contextlib import contextmanager
from html import escape
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy as np

#: Lines of more points are drawn as means of as many parts.
POINTS = 300
#: Colors of series that ``style.CSS`` defines, and their lines.
COLORS = 6
DASHES = ('solid', (0, (5, 2)), (0, (1, 1.5)), (0, (4, 1, 1, 1)))
_INK, _RULE = '#200000', '#200001'
_TEXTS = ('text.color', 'axes.labelcolor', 'xtick.color', 'ytick.color')


def series_color(number: int) -> str:
    """The placeholder of a series' color, that of text for -1."""
    return _INK if number < 0 else f'#1000{number % COLORS:02d}'


@contextmanager
def _figure(size: Tuple[float, float]) -> Iterator[Tuple[Any, Any]]:
    """A figure and its axes in the page's typography."""
    import matplotlib
    matplotlib.use('Agg')
    import matplotlib.pyplot as plt
    style = {
        'svg.fonttype': 'none',
        'svg.hashsalt': 'report',
        'font.size': 9,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.grid': True,
        'grid.color': _RULE,
        'grid.linewidth': 0.6,
        'axes.edgecolor': _RULE,
        'axes.axisbelow': True,
        **dict.fromkeys(_TEXTS, _INK)
    }
    with plt.rc_context(style):
        figure, axes = plt.subplots(figsize=size)
        try:
            yield figure, axes
        finally:
            plt.close(figure)


def _svg(figure: Any, name: str, alt: str) -> str:
    """The figure as an element of the page."""
    text = io.StringIO()
    figure.tight_layout(pad=0.4)
    figure.savefig(
        text, format='svg', transparent=True, metadata=dict(Date=None))
    svg = text.getvalue()
    svg = re.sub(
        r'<metadata>.*?</metadata>',
        '',
        svg[svg.index('<svg'):],
        flags=re.DOTALL)
    # ids of several diagrams on a page must differ
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(url\(#|href="#)', rf'\g<1>{name}-', svg)
    svg = re.sub(r'font: ([\d.]+)px [^;"]*', r'font-size: \1px', svg)
    svg = re.sub(r'#1000(\d\d)', lambda m: f'var(--c{int(m[1])})', svg)
    svg = svg.replace(_INK, 'currentColor').replace(_RULE, 'var(--rule)')
    width, height = figure.get_size_inches() * 96
    # the viewBox stays, the page sets the size
    return re.sub(
        r' width="[\d.]+pt"| height="[\d.]+pt"', '', svg, count=2).replace(
            '<svg',
            f'<svg class="diagram" role="img" aria-label="{escape(alt)}" '
            f'style="max-width:{width * 1.25:.0f}px"', 1).strip()


def thinned(x: np.ndarray, y: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Means of at most :data:`POINTS` parts of a line.

    Args:
        x (np.ndarray): (N,), ascending.
        y (np.ndarray): (N,); nan is left out.

    Returns:
        tuple: x and y of at most that many points.
    """
    known = ~np.isnan(y)
    x, y = x[known], y[known]
    if len(x) <= POINTS:
        return x, y
    parts = zip(np.array_split(x, POINTS), np.array_split(y, POINTS))
    return tuple(np.array([(a.mean(), b.mean()) for a, b in parts]).T)


def lines(name: str,
          alt: str,
          series: Dict[int, Tuple[Sequence[float], Sequence[float]]],
          labels: Tuple[str, str],
          marked: bool = False) -> str:
    """Lines against a common axis.

    Args:
        name (str): Part of the ids.
        alt (str): What is to be seen.
        series (dict): Number of a color to x and y.
        labels (tuple): Of both axes.
        marked (bool): Whether points have dots. Defaults to False
    """
    with _figure((3.2, 2.1)) as (figure, axes):
        for i, (x, y) in series.items():
            x, y = thinned(np.asarray(x, float), np.asarray(y, float))
            axes.plot(
                x,
                y,
                color=series_color(i),
                linestyle=DASHES[max(i, 0) % len(DASHES)],
                linewidth=1.6,
                marker='o' if marked or len(x) < 2 else None,
                markersize=3)
        axes.set(xlabel=labels[0], ylabel=labels[1])
        axes.locator_params(axis='x', nbins=5)
        return _svg(figure, name, alt)


def spans(name: str, alt: str, joints: Sequence[str],
          series: Dict[int, List[Tuple[float, float]]], label: str) -> str:
    """A dot for each joint and series, with a line to a higher value.

    Args:
        name (str): Part of the ids.
        alt (str): What is to be seen.
        joints (Sequence[str]): Names, from the top.
        series (dict): Number of a color to low and high values, nan where
            there are none.
        label (str): Of the axis of values.
    """
    height = 0.7 + len(joints) * max(0.2, 0.06 * len(series) + 0.08)
    with _figure((7.2, height)) as (figure, axes):
        for row, (i, pairs) in enumerate(series.items()):
            low, high = np.array(pairs, float).reshape(-1, 2).T
            places = np.arange(len(
                joints)) + (row -
                            (len(series) - 1) / 2) * 0.7 / max(len(series), 1)
            axes.hlines(
                places, low, high, color=series_color(i), linewidth=1.4)
            axes.plot(low, places, 'o', color=series_color(i), markersize=4)
        axes.set_yticks(range(len(joints)), joints)
        axes.set_ylim(len(joints) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(axis='y', visible=False)
        axes.set_xlabel(label)
        return _svg(figure, name, alt)
