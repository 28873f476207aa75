# Copyright (c) semipose_mm authors.
"""Image files: whether they are there, whole, and of the size that is said."""
import hashlib
import os
import os.path as osp
import random
from typing import Dict, List, Optional, Sequence, Tuple

from .findings import ERROR, NOTE, OK, Finding, some


class Folders:
    """Listings of folders, each read once."""

    def __init__(self) -> None:
        self._listed: Dict[str, Optional[Dict[str, bool]]] = {}
        self._real: Dict[str, str] = {}
        self._hashes: Dict[str, str] = {}

    def listing(self, folder: str) -> Optional[Dict[str, bool]]:
        """List a folder.

        Args:
            folder (str): The folder.

        Returns:
            dict[str, bool], optional: From the names in it to whether they
            are links. None if there is no such folder.
        """
        if folder not in self._listed:
            try:
                with os.scandir(folder or '.') as entries:
                    self._listed[folder] = {
                        e.name: e.is_symlink()
                        for e in entries
                    }
            except OSError:
                self._listed[folder] = None
        return self._listed[folder]

    def exists(self, path: str) -> bool:
        """Whether a folder lists a file."""
        folder, name = osp.split(path)
        names = self.listing(folder)
        if names is None or name not in names:
            return False
        # a link may lead nowhere
        return not names[name] or osp.exists(path)

    def real(self, path: str) -> str:
        """The path without links.

        Args:
            path (str): A file.

        Returns:
            str: The same for every way that leads to the file.
        """
        folder, name = osp.split(path)
        if (self.listing(folder) or {}).get(name):
            return osp.realpath(path)
        if folder not in self._real:
            self._real[folder] = osp.realpath(folder or '.')
        return osp.join(self._real[folder], name)

    def sha256(self, path: str) -> str:
        """Hash of a file; empty if it cannot be read."""
        if path not in self._hashes:
            try:
                with open(path, 'rb') as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
            except OSError:
                digest = ''
            self._hashes[path] = digest
        return self._hashes[path]


def check_exist(used: Sequence[str], others: Sequence[str], folder: str,
                folders: Folders) -> List[Finding]:
    """Check that images are there, by listing their folders.

    Args:
        used (Sequence[str]): Paths of the images that are used.
        others (Sequence[str]): Paths of those that are only listed.
        folder (str): The folder that the config names.
        folders (Folders): The listings.

    Returns:
        list[Finding]: The findings.
    """
    if folders.listing(osp.normpath(folder)) is None:
        return [Finding(ERROR, f'there is no folder {folder}')]
    gone = [path for path in used if not folders.exists(path)]
    found = []
    if gone:
        hint = _other_case(gone[0], folders)
        names = [osp.relpath(path, folder) for path in gone[:3]]
        found.append(
            Finding(
                ERROR, f'{len(gone):,} of {len(used):,} used images are not '
                f'in {folder}: {some(len(gone), names)}{hint}'))
    else:
        found.append(
            Finding(OK, f'all {len(used):,} used images are in {folder}'))
    gone = [path for path in others if not folders.exists(path)]
    if gone:
        found.append(
            Finding(
                NOTE, f'{len(gone):,} listed images that nothing uses are '
                'not there: '
                f'{some(len(gone), [osp.basename(p) for p in gone[:3]])}'))
    return found


def _other_case(path: str, folders: Folders) -> str:
    """A hint if a file differs from a name in its case or ending only."""
    folder, name = osp.split(path)
    stem = osp.splitext(name)[0].lower()
    for other in folders.listing(folder) or ():
        if osp.splitext(other)[0].lower() == stem:
            return f'; there is {other}'
    return ''


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


def check_readable(sizes: Dict[str, Optional[Tuple[float, float]]],
                   total: int) -> List[Finding]:
    """Open images and compare their sizes with those of the file.

    Args:
        sizes (dict): From path to (width, height) in pixels, or to None if
            the file tells no size.
        total (int): Number of images of which these are a sample.

    Returns:
        list[Finding]: The findings.
    """
    from semipose_mm.data_files.images import image_size, read_whole
    broken, other, turned = [], [], []
    for path, size in sizes.items():
        name = osp.basename(path)
        try:
            read_whole(path)
            actual = image_size(path)
        except Exception as error:  # PIL raises many kinds
            text = str(error).split('\n')[0].replace(repr(path), '')
            broken.append(f'{name}: {text.strip()}')
            continue
        if size is None or actual == tuple(size):
            continue
        text = (f'{name} is {actual[0]}x{actual[1]}, the file says '
                f'{size[0]:g}x{size[1]:g}')
        (turned if actual[::-1] == tuple(size) else other).append(text)
    found = []
    for names, text in ((broken, 'opened images cannot be read'),
                        (other, 'opened images have another size'),
                        (turned, 'opened images have width and height '
                         'exchanged (exif orientation counts)')):
        if names:
            found.append(Finding(ERROR, f'{text}: {some(len(names), names)}'))
    if sizes and not found:
        known = sum(size is not None for size in sizes.values())
        text = f'{len(sizes):,} of {total:,} images were opened and are whole'
        if known == len(sizes):
            text += ', of the size that the file says'
        found.append(Finding(OK, text))
    return found


def check_outside(paths: Sequence[str], roots: Sequence[str]) -> List[str]:
    """Find paths that leave the folders of their dataset.

    Args:
        paths (Sequence[str]): The paths.
        roots (Sequence[str]): The folders; none allow any path.

    Returns:
        list[str]: Those that do, sorted.
    """
    from semipose_mm.data_files.images import is_inside
    if not roots:
        return []
    return sorted(path for path in set(paths) if not is_inside(path, roots))


def check_overlap(ours: Sequence[str], theirs: Sequence[str], names: tuple,
                  folders: Folders, num: Optional[int], seed: int,
                  level: str) -> List[Finding]:
    """Look for images that two parts have in common.

    Images are the same if their paths lead to the same file, or if the
    contents of two files are equal. Contents are compared of files of the
    same length.

    Args:
        ours (Sequence[str]): Paths of the images of the first part.
        theirs (Sequence[str]): Those of the second part.
        names (tuple[str, str]): Names of the parts.
        folders (Folders): The listings.
        num (int, optional): The most files of the first part whose content
            is compared; None compares all.
        seed (int): Seed of their choice.
        level (str): Level of a common image.

    Returns:
        list[Finding]: The findings.
    """
    first = {folders.real(p): p for p in ours if folders.exists(p)}
    second = {folders.real(p): p for p in theirs if folders.exists(p)}
    if not first or not second:
        return []
    title = f'{names[0]} and {names[1]}'
    common, found = sorted(first.keys() & second.keys()), []
    if common:
        found.append(
            Finding(
                level, f'{title} have images in common: '
                f'{some(len(common), [osp.basename(p) for p in common])} of '
                f'{len(first):,} and {len(second):,}'))
    if level == NOTE:
        # information alone is not worth reading the files
        return found or [Finding(OK, f'{title} have no image file in common')]
    rest = [path for path in first if path not in second]
    other_names = {osp.basename(path) for path in second}
    alike = sum(osp.basename(path) in other_names for path in rest)
    by_size: Dict[int, List[str]] = {}
    if num != 0:
        for path in second:
            by_size.setdefault(_length(path), []).append(path)
    candidates = [path for path in rest if _length(path) in by_size] \
        if by_size else []
    chosen = sample(candidates, num, seed)
    equal = [(path, other) for path in chosen
             for other in by_size[_length(path)]
             if folders.sha256(path) == folders.sha256(other) != '']
    if equal:
        shown = [
            f'{osp.basename(a)} is {osp.basename(b)}' for a, b in equal[:3]
        ]
        found.append(
            Finding(
                level, f'{title} have files of equal content: '
                f'{some(len(equal), shown)}'))
    compared = (f'; contents of {len(chosen):,} of {len(candidates):,} files '
                'of equal length were compared') if num != 0 else \
        '; contents were not compared'
    if alike:
        found.append(
            Finding(
                NOTE, f'{title} have {alike:,} file names in common, in '
                f'different folders{compared}'))
    if not common and not equal:
        found.append(Finding(OK, f'{title} have no image in common{compared}'))
    return found


def _length(path: str) -> int:
    """Length of a file in bytes, -1 if it cannot be read."""
    try:
        return os.stat(path).st_size
    except OSError:
        return -1
