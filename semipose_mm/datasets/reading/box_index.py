# Copyright (c) semipose_mm authors.
"""Boxes of images in a few arrays, which processes share."""
import json
import os
from collections.abc import Sequence
from typing import (Any, Dict, Iterable, List, NamedTuple, Optional, Tuple,
                    Union)

import numpy as np

from ...data_files.box_fit import relative_size

# names from a json or the file system may hold what is no proper UTF-8
CODEC = dict(encoding='utf-8', errors='surrogatepass')


class Texts(NamedTuple):
    """Strings as bytes in one array.

    Args:
        prefix (str): What all of them begin with.
        data (np.ndarray): The bytes of what follows, uint8.
        ends (np.ndarray): Where each ends, after a leading 0.
    """

    prefix: str
    data: np.ndarray
    ends: np.ndarray

    @classmethod
    def pack(cls, texts: List[str]) -> 'Texts':
        """Pack strings.

        Args:
            texts (list[str]): The strings.

        Returns:
            Texts: The same.
        """
        prefix = os.path.commonprefix(texts)
        parts = [text[len(prefix):].encode(**CODEC) for text in texts]
        ends = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=ends[1:])
        return cls(prefix, np.frombuffer(b''.join(parts), np.uint8), ends)

    def get(self, index: int) -> str:
        """Get a string.

        Args:
            index (int): Its number.

        Returns:
            str: The string.
        """
        part = self.data[self.ends[index]:self.ends[index + 1]]
        return self.prefix + part.tobytes().decode(**CODEC)

    def count_different(self) -> int:
        """Count those that are different.

        Returns:
            int: Their number.
        """
        data, ends = self.data.tobytes(), self.ends.tolist()
        return len({data[a:b] for a, b in zip(ends, ends[1:])})


class Record(dict):
    """A record of a :class:`BoxIndex`, where a change would be lost.

    All copies of it are plain dicts.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse a change."""
        raise TypeError(
            'a record of UnlabeledPoseDataset cannot be changed, as it is '
            'made anew each time; let load_data_list return '
            '[dict(record, bbox=...) for record in super().load_data_list()]')

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple:
        """Pickle and copy a plain dict."""
        return dict, (dict(self), )


class BoxIndex(Sequence):
    """The boxes of a dataset: a sequence of records that is never changed.

    A record is made when it is asked for, with the keys ``img_path``,
    ``img_id``, ``id`` (index of the entry in its file), ``bbox`` (x1, y1,
    x2, y2) and ``bbox_score``. A slice of it is an index again.

    Args:
        paths (Texts): Paths of the images.
        image_ids (np.ndarray | Texts): Ids of the images: whole numbers, or
            any as json.
        images (np.ndarray): Number of the image of each box.
        entries (np.ndarray): Index of each box in its file.
        boxes (np.ndarray): The boxes, float32 in shape (N, 4).
        scores (np.ndarray): Their scores, float32.
        sizes (np.ndarray): Width and height of each image, float32 in shape
            (M, 2), NaN where they are not known.
    """

    COLUMNS = ('images', 'entries', 'boxes', 'scores')

    def __init__(self, paths: Texts, image_ids: Union[np.ndarray, Texts],
                 images: np.ndarray, entries: np.ndarray, boxes: np.ndarray,
                 scores: np.ndarray, sizes: np.ndarray) -> None:
        self.paths = paths
        self.image_ids = image_ids
        self.images = images
        self.entries = entries
        self.boxes = boxes
        self.scores = scores
        self.sizes = sizes

    @property
    def relative_size(self) -> float:
        """float: Side of the boxes as a share of that of their images."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return relative_size(
            np.hstack((sides, sides)), self.sizes[self.images])

    @classmethod
    def build(cls, paths: Sequence, image_ids: Sequence, images: np.ndarray,
              entries: np.ndarray, boxes: np.ndarray, scores: np.ndarray,
              sizes: np.ndarray) -> 'BoxIndex':
        """Build an index of those images that have boxes.

        Args:
            paths (Sequence[str]): Paths of the images.
            image_ids (Sequence[int | str]): Their ids.
            images (np.ndarray): Number of the image of each box.
            entries (np.ndarray): Index of each box in its file.
            boxes (np.ndarray): The boxes, in shape (N, 4).
            scores (np.ndarray): Their scores.
            sizes (np.ndarray): Width and height of each image, in shape
                (M, 2), NaN where they are not known.

        Returns:
            BoxIndex: The index.
        """
        used, images = np.unique(images, return_inverse=True)
        ids = [image_ids[i] for i in used]
        if all(isinstance(i, int) and abs(i) < 1 << 63 for i in ids):
            ids = np.array(ids, np.int64)
        else:
            ids = Texts.pack([json.dumps(i) for i in ids])
        return cls(
            Texts.pack([paths[i] for i in used]), ids, images.astype(np.int32),
            np.asarray(entries, np.int32),
            np.asarray(boxes, np.float32).reshape(-1, 4),
            np.asarray(scores, np.float32),
            np.asarray(sizes, np.float32).reshape(-1, 2)[used])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Union[int, slice]) -> Any:
        """Make the record of a box, or take a slice."""
        if isinstance(index, slice):
            return self.take(index)
        image = self.images[index]
        ids = self.image_ids
        return Record(
            img_path=self.paths.get(image),
            img_id=json.loads(ids.get(image))
            if isinstance(ids, Texts) else ids[image].item(),
            id=self.entries[index].item(),
            bbox=tuple(self.boxes[index].tolist()),
            bbox_score=self.scores[index].item())

    def __deepcopy__(self, memo: dict) -> 'BoxIndex':
        """Nothing of it changes."""
        return self

    def take(self, indices: Union[int, slice, Iterable[int]]) -> 'BoxIndex':
        """Take some of the boxes.

        Args:
            indices (int | slice | Iterable[int]): The first so many, the
                last ones if negative, or those with these indices.

        Returns:
            BoxIndex: The boxes; the images are shared.
        """
        if isinstance(indices, slice):
            rows = indices
        elif isinstance(indices, int):
            rows = slice(indices) if indices >= 0 else slice(indices, None)
        else:
            rows = np.array(list(indices), np.int64)
        columns = (getattr(self, name)[rows] for name in self.COLUMNS)
        return BoxIndex(self.paths, self.image_ids, *columns, self.sizes)

    def image_size(self, index: int) -> Optional[Tuple[float, float]]:
        """Get the size of a box's image, as its file says.

        Args:
            index (int): Number of the box.

        Returns:
            tuple[float, float], optional: Width and height in pixels; None
            if the file does not say.
        """
        width, height = self.sizes[self.images[index]].tolist()
        return None if width != width else (width, height)

    @property
    def num_files(self) -> int:
        """int: Number of different image files."""
        return self.paths.count_different()

    @property
    def nbytes(self) -> int:
        """int: Bytes of all arrays."""
        arrays = [getattr(self, name) for name in self.COLUMNS]
        for texts in (self.paths, self.image_ids):
            arrays += texts[1:] if isinstance(texts, Texts) else [texts]
        return sum(array.nbytes for array in [*arrays, self.sizes])


class Reading(NamedTuple):
    """What reading a source gave.

    Args:
        index (BoxIndex): The boxes.
        left_out (dict[str, int]): Numbers of what was left out, by reason.
    """

    index: BoxIndex
    left_out: Dict[str, int]
