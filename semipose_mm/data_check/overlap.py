# Copyright (c) semipose_mm authors.
"""Images and folders that parts of the data have in common."""
import os.path as osp
from collections import defaultdict
from typing import Dict, List, Optional, Set

import numpy as np

from semipose_mm.data_files import ERROR, NOTE, Findings
from semipose_mm.data_files.box_fit import compare_sizes, relative_size
from semipose_mm.data_files.copies import Copies
from semipose_mm.data_files.image_folders import Wanted, find_image_folder
from semipose_mm.data_files.images import read_image_list, read_images
from .images import Folders, sample
from .parts import COCO, ROLES, UNLABELED, Part, Parts
from .report import Section
from .using import Files

_PAIRS = (('labeled', 'val', ERROR), ('unlabeled', 'val', ERROR),
          ('labeled', 'test', ERROR), ('unlabeled', 'test', ERROR),
          ('val', 'test', NOTE), ('labeled', 'unlabeled', NOTE))


def compare_parts(parts: Parts, files: Files, folders: Folders,
                  num: Optional[int], seed: int, section: Section) -> None:
    """Compare boxes, folders and images of the parts.

    Images are the same if their paths lead to the same file, or if the
    contents of two files are equal. Contents are compared of files of the
    same length.

    Args:
        parts (Parts): The datasets.
        files (Files): Their files.
        folders (Folders): The listings.
        num (int, optional): The most files of a part whose content is
            compared; None compares all.
        seed (int): Seed of their choice.
        section (Section): Learns what is in common.
    """
    _compare_boxes(parts)
    _check_folders(parts, files)
    found = {
        role: {
            folders.real(path)
            for part in parts.of(role)
            for path in part.section.paths if folders.exists(path)
        }
        for role in ROLES
    }
    for one, other, level in _PAIRS:
        if found[one] and found[other]:
            _check_pair(f'{one} and {other}', found[one], found[other], level,
                        num, seed, section)


def _compare_boxes(parts: Parts) -> None:
    """Compare labeled boxes with those that are to be learned from."""

    def size(found: List[Part]) -> float:
        return relative_size(
            *(np.concatenate([getattr(part, name) for part in found])
              for name in ('boxes', 'sizes')))

    labeled = [part for part in parts.of('labeled') if len(part.boxes)]
    known = set().union(*(part.categories for part in labeled))
    for part in parts.of('unlabeled'):
        if known and part.categories and not known & part.categories:
            part.section.warn(
                'category names', f'{part.key}.category_ids',
                f'are those of {sorted(part.categories)}, but labels are of '
                f'{sorted(known)}')
        if labeled and len(part.boxes):
            compare_sizes(size(labeled), size([part]), part.key, part.section)


def _check_folders(parts: Parts, files: Files) -> None:
    """Look for better folders where several files share the same one."""
    sharing: Dict[str, List[Part]] = defaultdict(list)
    for part in parts.parts:
        listed = part.ann_file.lower().endswith(('.json', '.txt'))
        if listed and part.reader in (COCO, UNLABELED):
            sharing[osp.realpath(part.folder)].append(part)
    for real, group in sharing.items():
        if len({osp.realpath(part.ann_file) for part in group}) < 2:
            continue
        for part in group:
            quiet = Findings(strict=False)
            if part.ann_file.endswith('.txt'):
                images = read_image_list(
                    part.ann_file, '', part.folder, quiet, exist=False)
            else:
                images = read_images(
                    files.content(part.ann_file, '', quiet), '', '', quiet)
            names = [one.name for one in images.values()]
            if not names:
                continue
            wanted = Wanted(part.ann_file, '', names,
                            [one.size for one in images.values()], '')
            best = find_image_folder(wanted, None, [], quiet)
            if best and osp.realpath(best) != real:
                others = [one.key for one in group if one is not part]
                part.section.warn(
                    'image folder', f'{part.key}.data_prefix',
                    f"leads to '{part.folder}', where {' and '.join(others)} "
                    f'reads its images, too; by sizes and names those of '
                    f"'{part.ann_file}' are in '{best}'")


def _check_pair(title: str, first: Set[str], second: Set[str], level: str,
                num: Optional[int], seed: int, section: Section) -> None:
    """Compare the files, all of which are there, of two parts."""
    common = sorted(first & second)
    if common:
        section.add(
            level, title, title,
            f'have images in common: {len(common)} of {len(first):,} '
            f"and {len(second):,}, such as '{common[0]}'")
    if level == NOTE:
        # information alone is not worth reading the files
        if not common:
            section.ok(f'{title} have no image file in common')
        return
    rest, names = sorted(first - second), set(map(osp.basename, second))
    alike = sum(osp.basename(path) in names for path in rest)
    looked_at, known = (rest, sorted(second)) if num != 0 else ((), ())
    copies = Copies(known)
    candidates = [path for path in looked_at if copies.possible(path)]
    chosen = sample(candidates, num, seed)
    equal = [(path, other) for path in chosen for other in copies.of(path)]
    if equal:
        section.add(
            level, title + ' equal', title,
            f'have files of equal content: {len(equal)}, such as '
            f"'{equal[0][0]}' and '{equal[0][1]}'")
    compared = (f'; contents of {len(chosen):,} of {len(candidates):,} files '
                'of equal length were compared') if num != 0 else \
        '; contents were not compared'
    if alike:
        section.note(
            title, title, f'have {alike:,} file names in common, in '
            f'different folders{compared}')
    if not common and not equal:
        section.ok(f'{title} have no image in common{compared}')
