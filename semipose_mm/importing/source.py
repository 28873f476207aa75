# Copyright (c) semipose_mm authors.
"""What a reader returns, whatever tool the labels were made with."""
import os.path as osp
import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from semipose_mm.data_files import DataError
from semipose_mm.data_files.numbers import is_number
from semipose_mm.data_files.text import natural_key

#: Folders and beginnings of file names that name no video.
GENERIC = frozenset('images image imgs img frames frame labeled-data data '
                    'train val valid test png jpg'.split())
_NUMBER = re.compile(r'^(.*?)(?:(?<=[-_. ])|(?<=img)|(?<=image)|(?<=frame)|^)'
                     r'(\d+)$')
Pairs = List[Tuple[str, str]]


@dataclass
class Frame:
    """An image and its labels.

    Args:
        path (str): Absolute path of the image.
        people (list[list[float]]): x, y in pixels and visibility 0, 1 or 2 of
            each joint, flat, of every instance.
        video (str): Name of its video, or of what stands for one.
        number (int, optional): Number of the frame in its video.
        make (Callable, optional): Writes the image to a path, where there is
            no file of it.
        size (tuple[int, int]): Width and height in pixels, once it is known.
        digest (str): SHA-256 of the image, once it is known.
        weights (list[list[float] | None]): How much each joint of every
            instance counts in training, 0 to 1; None means 1.
    """
    path: str
    people: List[List[float]]
    video: str = ''
    number: Optional[int] = None
    make: Optional[Callable[[str], None]] = None
    size: Tuple[int, int] = (0, 0)
    digest: str = ''
    weights: List[Optional[List[float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Take video and number from the path, where nothing else tells."""
        video, number = video_of(self.path)
        # it names folders of copies, too
        parts = re.split(r'[\\/]+', self.video)
        self.video = '/'.join(
            one for one in parts if one not in ('', '.', '..')) or video
        if self.number is None:
            self.number = number
        self.weights = self.weights or [None] * len(self.people)

    @property
    def weighted(self) -> bool:
        """bool: Whether labels have weights, as pseudo-labels have."""
        return any(one is not None for one in self.weights)

    def relabel(self, other: 'Frame') -> None:
        """Take the labels of another frame."""
        self.people, self.weights = other.people, other.weights

    def drop_unlabeled(self) -> None:
        """Drop instances without a labeled joint."""
        kept = [max(one[2::3], default=0) > 0 for one in self.people]
        self.people = list(compress(self.people, kept))
        self.weights = list(compress(self.weights, kept))

    @property
    def key(self) -> Tuple[str, str]:
        """Tuple[str, str]: Video and file name: what an image is called."""
        return self.video, osp.basename(self.path)

    @property
    def order(self) -> tuple:
        """tuple: Orders the frames of a video."""
        # tools call frames img0012 or frame000012
        return (self.number is None, self.number
                or 0, natural_key(osp.basename(self.path)))


@dataclass
class Source:
    """Labels of one tool.

    Args:
        path (str): What was named.
        form (str): Its format, in words.
        names (list[str]): Names of the joints, in the order of the labels.
        skeleton (list[tuple[str, str]]): Lines to draw. Defaults to none.
        flip_pairs (list[tuple[str, str]], optional): What a mirror image
            exchanges, if the source says it.
        category (str): What is labeled.
        frames (list[Frame]): Images that have a label.
        left_out (Counter): Numbers of what is not used, by reason.
        files (list[str]): The files that were read.
    """
    path: str
    form: str
    names: List[str]
    skeleton: Pairs = field(default_factory=list)
    flip_pairs: Optional[Pairs] = None
    category: str = 'animal'
    frames: List[Frame] = field(default_factory=list)
    left_out: Counter = field(default_factory=Counter)
    files: List[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """str: What messages call it."""
        return f"SOURCE '{self.path}'"

    def add(self, people: Sequence[Sequence[float]], path: str,
            **known: Any) -> None:
        """Add an image, or count it where nothing in it is labeled.

        Args:
            people (Sequence): See :class:`Frame`.
            path (str): See :class:`Frame`.
            **known: What else is known, see :class:`Frame`.
        """
        frame = Frame(path, list(map(list, people)), **known)
        frame.drop_unlabeled()
        if frame.people:
            self.frames.append(frame)
        else:
            self.left_out['frames without a label'] += 1

    def flat(self, points: Dict[str, Sequence[float]]) -> List[float]:
        """An instance from x, y and visibility of joints by name."""
        return [
            value for name in self.names
            for value in points.get(name, (0., 0., 0))
        ]


def video_of(path: str) -> Tuple[str, Optional[int]]:
    """Video and number of a frame, as folder and file name tell.

    Args:
        path (str): The image.

    Returns:
        tuple[str, int | None]: The folder, without those such as ``images``,
        with what stands before the number in the name of the file; and the
        number at the end of that name, None without one.
    """
    folder, name = osp.split(osp.abspath(path))
    while osp.basename(folder).lower() in GENERIC:
        folder = osp.dirname(folder)
    video = osp.basename(folder) or 'images'
    found = _NUMBER.match(osp.splitext(name)[0])
    if not found:
        return video, None
    start = found.group(1).strip('-_. ')
    if start and start.lower() not in GENERIC:
        video += f'/{start}'
    return video, int(found.group(2))


def number_of(text: Any, where: str) -> Optional[float]:
    """A coordinate of a text file.

    Args:
        text (Any): What stands there.
        where (str): The file and the entry, for messages.

    Returns:
        float, optional: None where nothing or NaN stands.

    Raises:
        DataError: If it is no number.
    """
    text = str(text).strip()
    if text.lower() in ('', 'nan', 'none', 'na'):
        return None
    try:
        value = float(text)
    except ValueError:
        value = float('inf')
    if not is_number(value):
        raise DataError(f'{where} is {text!r}; it must be a finite number of '
                        'pixels, or empty')
    return value
