# Copyright (c) semipose_mm authors.
"""A file of labels: its images, its category, and what of it is used."""
import json
import os.path as osp
from collections import Counter
from typing import Any, Dict, Iterable, NamedTuple, Optional, Sequence, Set

from semipose_mm.data_files import Findings
from semipose_mm.data_files.box_fit import check_boxes
from semipose_mm.data_files.categories import choose_labels, names_by_id
from semipose_mm.data_files.image_folders import Wanted, find_image_folder
from semipose_mm.data_files.images import Image, read_images
from semipose_mm.data_files.labels import Labels, labels_of
from semipose_mm.data_files.numbers import is_id
from semipose_mm.data_files.text import entries_of, read_json
from semipose_mm.datasets.reading.reports import describe_left_out
from .base import ConfigFault
from .request import Request
from .writing import Stage


class Part(NamedTuple):
    """Labeled instances for training or for validation.

    Attributes:
        ann_file (str): The annotation file, as the config names it.
        images (str): Folder of its images.
        num (int): Instances that are used.
        num_images (int): Their images.
        told (str): Categories, and what is left out of how many, in words.
    """
    ann_file: str
    images: str
    num: int
    num_images: int
    told: str


class LabelFile:
    """A file of labels while it is read.

    Args:
        path (str): The file.
        option (str): The option that names it.
        given (str, optional): The folder of its images, if it is named.
        request (Request): All options.
        findings (Findings): Learns what is wrong or doubtful.

    Attributes:
        ids (list): Ids of the categories that are learned.
        folder (str): Folder of the images.
        labels (Labels): What it holds.
        changed (bool): Whether what is used differs from the file.
    """

    def __init__(self, path: str, option: str, given: Optional[str],
                 request: Request, findings: Findings) -> None:
        self.path, self.option = path, option
        self.where = f"{option} '{path}'"
        self.findings = findings
        content = read_json(path, option, findings)
        if isinstance(content, list):
            raise ConfigFault(f'{self.where} holds detections, but labels '
                              "have 'images', 'annotations' and 'categories'")
        self.content: Dict[str, Any] = content
        images = read_images(content, self.where, '', findings)
        self.folder = image_folder(path, self.where, images.values(), option,
                                   given, request, findings)
        entries = entries_of(content, 'annotations', self.where, findings)
        self.categories = [
            one for one in content.get('categories') or ()
            if isinstance(one, dict)
        ]
        counts = Counter(
            one.get('category_id') for _, one in entries
            if one.get('keypoints') and is_id(one.get('category_id')))
        if not counts:
            raise ConfigFault(f'{self.where} has no annotation with '
                              f'keypoints among {len(entries)}')
        self.ids = choose_labels(counts, self.categories, request.category,
                                 '--category', self.where, findings)
        self.labels = Labels(self.where)
        self.changed = False

    @property
    def names(self) -> Dict[Any, str]:
        """dict: Name of each category that is learned by its id."""
        known = names_by_id(self.categories)
        return {one: known.get(one, '') for one in self.ids}

    @property
    def category(self) -> Optional[dict]:
        """dict: The entry of the first category that is learned."""
        return next(
            (one for one in self.categories if one.get('id') == self.ids[0]),
            None)

    def read(self, num_joints: int) -> None:
        """Read the labels.

        Args:
            num_joints (int): Number of joints that they must have.
        """
        entries = self.content['annotations']
        for one in entries:
            if isinstance(one, dict) and one.get('category_id') not in \
                    self.ids:
                one.pop('keypoints', None)  # of other joints
        before = [dict(one) for one in entries if isinstance(one, dict)]
        names = [one.get('file_name') for one in self.content['images']]
        self.labels = labels_of(self.content, self.where, self.findings,
                                num_joints, self.folder)
        own = [
            one for one in self.labels.raw['annotations']
            if one.get('category_id') in self.ids
        ]
        self.labels.raw['annotations'] = own
        for one in before:
            one.setdefault('iscrowd', 0)
        self.changed = own != before or names != [
            one.get('file_name') for one in self.labels.raw['images']
        ]
        self.entries = self.labels.used(self.ids)
        if not self.entries:
            raise ConfigFault(f'{self.where} has no usable instance: '
                              f'{self.told([])}')
        check_boxes(*self.labels.arrays(self.entries), self.where,
                    self.findings)

    def order(self, names: Sequence[str], others: bool = False) -> None:
        """Bring the keypoints into an order by their names.

        Args:
            names (Sequence[str]): Names in that order.
            others (bool): Whether the file may have other names, in the same
                order. Defaults to False.
        """
        labels, quiet = self.labels, Findings(strict=False)
        if not labels.names or labels.check_order(names, quiet) and others:
            return
        content = labels.reordered(names)
        if content['annotations'] != labels.raw['annotations']:
            self.findings.warn(
                'order of keypoints', self.where,
                f'has the keypoints in the order {", ".join(labels.names)}; '
                f'they are reordered by name, to {", ".join(names)}')
            labels.raw, self.changed = content, True
            labels.categories = content['categories']

    def part(self,
             stage: Stage,
             ending: str,
             images: Optional[Set] = None,
             num_images: int = 0) -> Part:
        """Describe what is used, and write it unless the file will do.

        Args:
            stage (Stage): Where it is written.
            ending (str): Ending of the file.
            images (set, optional): Ids of the images. Defaults to None, all.
            num_images (int): Number of used images of the file, for words.
        """
        ann_file, content = osp.abspath(self.path), self.labels.raw
        if images is not None:
            content = dict(content)
            for field, key in (('images', 'id'), ('annotations', 'image_id')):
                content[field] = [
                    one for one in content[field] if one.get(key) in images
                ]
        if images is not None or self.changed:
            ann_file = stage.write(ending, json.dumps(content).encode())
        if images is None and self.changed:
            self.findings.note(
                'mended', self.where, 'stays as it is; the config reads '
                f'{stage.stem}{ending}, a copy with what is said above, one '
                'category, and area and num_keypoints of all')
        used = [
            one for one in self.entries
            if images is None or one.image_id in images
        ]
        return Part(ann_file, self.folder, len(used),
                    len({one.image_id
                         for one in used}), self.told(used))

    def told(self, used: Sequence) -> str:
        """Say what is used, so that numbers add up."""
        left_out = dict(self.labels.left_out(self.ids))
        if used and len(used) < len(self.entries):
            left_out['of the other part'] = len(self.entries) - len(used)
        return (f'{name_categories(self.names)}; {len(used)} of '
                f'{self.labels.total} annotations{name_left_out(left_out)}')

    def image_paths(self, entries: Sequence) -> Set[str]:
        """Real paths of the images of some instances."""
        images = self.labels.images
        return {osp.realpath(images[one.image_id].path) for one in entries}


def name_left_out(left_out: Dict[str, int]) -> str:
    """Say what is left out, to be put behind what is used."""
    return describe_left_out(left_out, ', without ')


def name_categories(names: Dict[Any, str]) -> str:
    """Say which categories are used."""
    word = 'category' if len(names) == 1 else 'categories'
    return f'{word} ' + ', '.join(f'{key} {name!r}' if name else str(key)
                                  for key, name in names.items())


def image_folder(path: str, where: str, images: Iterable[Image], option: str,
                 given: Optional[str], request: Request,
                 findings: Findings) -> str:
    """Find the folder of the images of a file, see :mod:`image_folders`."""
    images = list(images)
    if not images:
        raise ConfigFault(f'{where} lists no images')
    wanted = Wanted(path, where, [one.name for one in images],
                    [one.size for one in images], f'{option}-images')
    folder = find_image_folder(wanted, given, request.images, findings)
    assert folder is not None  # findings raise
    return folder
