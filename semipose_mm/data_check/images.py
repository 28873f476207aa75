# Copyright (c) semipose_mm authors.
"""Image files: whether they are there, whole, and of the size that is said."""
import os
import os.path as osp
import random
from typing import Dict, List, Optional, Sequence

from semipose_mm.data_files import ERROR, WARNING
from semipose_mm.data_files.images import (describe, image_fault, image_size,
                                           is_inside, read_whole, say_missing,
                                           size_fault)
from .parts import Part


class Folders:
    """Listings of folders, each read once."""

    def __init__(self) -> None:
        self._listed: Dict[str, Dict[str, bool]] = {}
        self._real: Dict[str, str] = {}

    def _links(self, folder: str) -> Dict[str, bool]:
        """Names in a folder, and whether they are links."""
        if folder not in self._listed:
            try:
                with os.scandir(folder or '.') as entries:
                    self._listed[folder] = {
                        one.name: one.is_symlink()
                        for one in entries
                    }
            except OSError:
                self._listed[folder] = {}
        return self._listed[folder]

    def exists(self, path: str) -> bool:
        """Whether a folder lists a file."""
        folder, name = osp.split(path)
        is_link = self._links(folder).get(name)
        # a link may lead nowhere
        return osp.exists(path) if is_link else is_link is not None

    def real(self, path: str) -> str:
        """The same path for every way that leads to a file."""
        folder, name = osp.split(path)
        if self._links(folder).get(name):
            return osp.realpath(path)
        if folder not in self._real:
            self._real[folder] = osp.realpath(folder or '.')
        return osp.join(self._real[folder], name)


def sample(paths: Sequence[str], num: Optional[int], seed: int) -> List[str]:
    """Draw paths.

    Args:
        paths (Sequence[str]): The paths.
        num (int, optional): How many to draw; None takes all.
        seed (int): Seed of the draw.

    Returns:
        list[str]: The paths, sorted.
    """
    paths = sorted(set(paths))
    if num is None or num >= len(paths):
        return paths
    return sorted(random.Random(seed).sample(paths, num))


def check_images(part: Part, others: Sequence[str], folders: Folders,
                 num: Optional[int], seed: int) -> None:
    """Check that images are there, and open some of them.

    Args:
        part (Part): The part; images that lead outside are taken out.
        others (Sequence[str]): Paths that are listed and not used.
        folders (Folders): The listings.
        num (int, optional): How many images to open; None opens all.
        seed (int): Seed of their choice.
    """
    section = part.section
    if '://' in part.folder:
        section.note('remote', f"images in '{part.folder}'", 'are not checked')
        return
    for path in list(section.paths):
        if part.roots and not is_inside(path, part.roots):
            del section.paths[path]
            # MMPose's own loading for the evaluation reads what is named
            section.add(
                ERROR if part.role in ('labeled', 'unlabeled') else WARNING,
                'outside',
                f"{part.key}.ann_file '{part.ann_file}', '{path}'",
                f'leads outside of {describe(part.roots)}',
                advice='allow_outside=True of the SemiPoseDataset allows it')
    there = [path for path in section.paths if folders.exists(path)]
    lost = [path for path in section.paths if not folders.exists(path)]
    _report(part, 'no image', {path: say_missing(path)
                               for path in lost}, len(section.paths))
    if there and not lost:
        section.ok(f"all {len(there):,} used images are in '{part.folder}'")
    for path in others:
        inside = not part.roots or is_inside(path, part.roots)
        if inside and not folders.exists(path):
            section.note('unused image', f"'{path}', which nothing uses",
                         'does not exist')
    chosen, broken, sizes = sample(there, num, seed), {}, {}
    for path in chosen:
        listed, fault = section.paths[path], _fault(path)
        if fault:
            broken[path] = fault
        elif listed:
            fault = size_fault(image_size(path), listed)
            if fault:
                sizes[path] = fault
    _report(part, 'broken image', broken, len(chosen))
    # more than half is a mistake in the file, not in images
    _report(part, 'image size', sizes, len(chosen))
    if chosen and not broken and not sizes:
        known = all(section.paths[path] for path in chosen)
        section.ok(
            f'{len(chosen):,} of {len(section.paths):,} images were opened '
            'and are whole' +
            (', of the size that the file says' if known else ''))


def _fault(path: str) -> Optional[str]:
    """What is wrong with an image, as far as decoding it tells."""
    fault = image_fault(path)
    if fault is None:
        try:
            read_whole(path)
        except Exception as error:  # PIL raises many kinds
            fault = f'cannot be read: {error}'
    return fault


def _report(part: Part, kind: str, faults: Dict[str, str], total: int) -> None:
    """Report images; unlabeled ones are left out, unless they are many."""
    many = len(faults) > min(part.max_bad, total / 2)
    for path, fault in faults.items():
        part.section.add(ERROR if many else WARNING, kind, f"'{path}'", fault)
