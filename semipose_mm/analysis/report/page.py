# Copyright (c) semipose_mm authors.
"""Parts of the page, and the page of parts."""
import base64
import re
from html import escape
from typing import Dict, List, NamedTuple, Optional, Sequence

import cv2
import numpy as np

from semipose_mm.data_files import DataError
from .diagrams import COLORS
from .style import CSS

#: Bytes that the page may have.
LARGEST = 10_000_000
#: Qualities of pictures, of which the first is taken that is small enough.
QUALITIES = (85, 65, 45, 25)


class Section(NamedTuple):
    """A part of the page.

    Attributes:
        anchor (str): Its id, which is that of all reports.
        title (str): Its heading.
        body (str): Html.
        parts (tuple): Anchors and titles of its own headings.
    """
    anchor: str
    title: str
    body: str
    parts: Sequence[tuple] = ()


class Page:
    """Sections, and what lies beside them.

    Args:
        folder (str): Name of the folder of csv files, beside the page.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.sections: List[Section] = []
        self.files: Dict[str, bytes] = {}
        self._pictures: List[np.ndarray] = []

    def add(self,
            anchor: str,
            title: str,
            *parts: str,
            headings: Sequence[tuple] = ()) -> None:
        """Add a section of html parts, see :class:`Section`."""
        self.sections.append(
            Section(anchor, title, '\n'.join(parts), headings))

    def source(self, name: str, content: bytes, told: str = '') -> str:
        """Put a file beside the page, and link to it.

        Args:
            name (str): Its name.
            content (bytes): What it holds.
            told (str): Html that is said of it. Defaults to ``''``
        """
        self.files[name] = content
        path = f'{self.folder}/{name}'
        told = f'{told} ' if told else ''
        return (f'<p class="source">{told}Numbers: <a href="{escape(path)}">'
                f'{escape(path)}</a></p>')

    def picture(self, image: np.ndarray, alt: str) -> str:
        """An image element, which is encoded when the page is written.

        Args:
            image (np.ndarray): BGR (H, W, 3), uint8.
            alt (str): What is to be seen.
        """
        self._pictures.append(image)
        height, width = image.shape[:2]
        return (f'<img src="{{{{picture {len(self._pictures) - 1}}}}}" '
                f'alt="{escape(alt)}" width="{width}" height="{height}">')

    def html(self, title: str, lead: str, end: str) -> bytes:
        """The page.

        Args:
            title (str): Its heading.
            lead (str): Html below it.
            end (str): Html of the last lines.

        Raises:
            DataError: If it is too large.
        """
        text = _frame(title, lead, end, self.sections)
        for quality in QUALITIES:
            page = re.sub(
                r'{{picture (\d+)}}', lambda found: _data_uri(
                    self._pictures[int(found[1])], quality), text).encode()
            if len(page) <= LARGEST:
                return page
        raise DataError(f'the page has {len(page):,} bytes, but may have '
                        f'{LARGEST:,}: show fewer pictures by --num')


def _data_uri(picture: np.ndarray, quality: int) -> str:
    _, content = cv2.imencode('.webp', picture,
                              [cv2.IMWRITE_WEBP_QUALITY, quality])
    return f'data:image/webp;base64,{base64.b64encode(content).decode()}'


def _frame(title: str, lead: str, end: str,
           sections: Sequence[Section]) -> str:
    contents = ''.join(
        f'<li><a href="#{one.anchor}">{escape(one.title)}</a>' +
        ('<ol>' + ''.join(f'<li><a href="#{anchor}">{escape(text)}</a></li>'
                          for anchor, text in one.parts) +
         '</ol>' if one.parts else '') + '</li>' for one in sections)
    body = '\n'.join(
        f'<section aria-labelledby="{one.anchor}">\n<h2 id="{one.anchor}">'
        f'{escape(one.title)}</h2>\n{one.body}\n</section>'
        for one in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - semipose report</title>
<style>{CSS}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<div class="layout">
<header>
<p class="kicker">semipose report</p>
<h1>{escape(title)}</h1>
{lead}
</header>
<nav aria-label="Contents"><h2>Contents</h2><ol>{contents}</ol></nav>
<main id="main">
{body}
<footer>{end}</footer>
</main>
</div>
</body>
</html>
"""


def heading(anchor: str, title: str) -> str:
    """A heading within a section."""
    return f'<h3 id="{anchor}">{escape(title)}</h3>'


def text(content: str, kind: Optional[str] = None) -> str:
    """A paragraph of plain text, perhaps of a class."""
    start = f'<p class="{kind}">' if kind else '<p>'
    return f'{start}{escape(content)}</p>'


def table(caption: str,
          head: Sequence[str],
          rows: Sequence[Sequence[str]],
          kind: str = '',
          texts: int = 1) -> str:
    """A table whose rows begin with a name.

    Args:
        caption (str): What it is.
        head (Sequence[str]): Titles of the columns.
        rows (Sequence[Sequence[str]]): Cells in html, the first one plain.
        kind (str): Class of the table. Defaults to ``''``
        texts (int): Columns that are not numbers. Defaults to 1
    """

    def side(column: int) -> str:
        return ' class="text"' if column < texts else ''

    titles = ''.join(f'<th scope="col"{side(i)}>{escape(title)}</th>'
                     for i, title in enumerate(head))
    lines = '\n'.join(f'<tr><th scope="row">{escape(row[0])}</th>' +
                      ''.join(f'<td{side(i)}>{cell}</td>'
                              for i, cell in enumerate(row[1:], 1)) + '</tr>'
                      for row in rows)
    titles = f'<thead><tr>{titles}</tr></thead>' if head else ''
    return (f'<div class="scroll" role="region" tabindex="0" '
            f'aria-label="{escape(caption)}"><table class="{kind}"><caption>'
            f'{escape(caption)}</caption>{titles}<tbody>\n{lines}\n</tbody>'
            '</table></div>')


def panel(diagram: str, caption: str) -> str:
    """A diagram with what it shows above."""
    return (f'<figure><figcaption>{escape(caption)}</figcaption>{diagram}'
            '</figure>')


def legend(names: Dict[str, int]) -> str:
    """Names of series, with their colors and lines."""
    lines = ('solid', 'dashed', 'dotted', 'dashed')
    items = ''.join(
        f'<li style="--c:var(--c{i % COLORS});--line:{lines[i % 4]}">'
        f'{escape(name)}</li>' for name, i in names.items())
    return f'<ul class="legend" aria-label="Colors">{items}</ul>'


def dots(names: Sequence[str], colors: Sequence[Sequence[int]]) -> str:
    """Names of joints by the colors of their dots: red, green and blue."""
    alike: Dict[tuple, List[str]] = {}
    for name, rgb in zip(names, colors):
        alike.setdefault(tuple(rgb), []).append(name)
    items = ''.join(f'<li style="--c:rgb({",".join(map(str, rgb))})">'
                    f'{escape(", ".join(own))}</li>'
                    for rgb, own in alike.items())
    return ('<ul class="legend dots" aria-label="Colors of joints">'
            f'{items}</ul>')
