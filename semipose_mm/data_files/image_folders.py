# Copyright (c) semipose_mm authors.
"""The folder that file names of a list are relative to: found, not guessed."""
import os
import os.path as osp
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple
from unicodedata import normalize

from .findings import Findings
from .images.check import image_size, size_fault
from .images.names import name_on_disk

#: Folders of files about images, whose parent is the root of a data set.
_NOTES = frozenset('annotations annotation annots annot anns ann labels label '
                   'json jsons gt splits'.split())
#: How deep below the root of a data set images are looked for, and in how
#: many folders.
DEPTH, MAX_FOLDERS = 4, 5000
#: Images whose sizes are compared with those that a file has.
NUM_SIZES = 16
#: Ways to name a split.
SPLITS = dict(
    train='train training trn',
    val='val valid validation dev eval minival',
    test='test testing tst',
    unlabeled='unlabeled unlabelled unl')
_SPLIT_OF = {
    word: split
    for split, words in SPLITS.items()
    for word in words.split()
}
Size = Optional[Tuple[float, float]]


class Wanted(NamedTuple):
    """A list of images whose folder is looked for.

    Args:
        path (str): The file with the list.
        where (str): The option or key and the file, for messages.
        names (Sequence[str]): Its file names.
        sizes (Sequence): Width and height in pixels of each, or None.
        option (str): The option by which the folder can be named.
    """
    path: str
    where: str
    names: Sequence[str]
    sizes: Sequence[Size]
    option: str


class _Listing:
    """Files of folders, each read once.

    Args:
        names (Sequence[str]): The names to look for.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._files: Dict[str, Set[str]] = {}
        self._wanted: Dict[str, Set[str]] = {}
        self.total = len(set(names))
        for name in dict.fromkeys(names):
            folder, file = osp.split(name.replace('\\', '/'))
            self._wanted.setdefault(folder, set()).add(_form(file))

    def files(self, folder: str) -> Set[str]:
        """Names of the files in a folder; none if it cannot be read."""
        if folder not in self._files:
            try:
                self._files[folder] = set(map(_form, os.listdir(folder)))
            except OSError:
                self._files[folder] = set()
        return self._files[folder]

    def missing(self, folder: str) -> List[str]:
        """Wanted names that are not in a folder."""
        return [
            osp.join(inner, name) for inner, names in self._wanted.items()
            for name in sorted(
                names - self.files(osp.normpath(osp.join(folder, inner))))
        ]


def _form(name: str) -> str:
    """A name whose letters with marks have one form."""
    return name if name.isascii() else normalize('NFC', name)


def find_image_folder(wanted: Wanted, given: Optional[str],
                      places: Sequence[str],
                      findings: Findings) -> Optional[str]:
    """Find the folder in which all images of a list lie.

    Of several, the sizes in the list and then its name decide: that of a
    folder whose words are those of the file, such as ``train2017`` for
    ``person_keypoints_train2017.json``.

    Args:
        wanted (Wanted): The list.
        given (str, optional): The folder, if somebody names it.
        places (Sequence[str]): Folders to look into before those near the
            file.
        findings (Findings): Learns if there is none, or more than one.

    Returns:
        str, optional: Absolute path with a slash at its end; None if there is
        no such folder.
    """
    listing = _Listing(wanted.names)
    if given is not None:
        found = [osp.abspath(given)]
    elif all(osp.isabs(name) for name in wanted.names):
        found = [osp.commonpath([osp.dirname(name) for name in wanted.names])]
    else:
        found = []
        # a data set's own folder may be named like one of annotations
        own = dict.fromkeys(
            (data_root(wanted.path), osp.dirname(osp.abspath(wanted.path))))
        for roots in (places, *([one] for one in own)):
            near = list(
                dict.fromkeys(
                    one for root in roots
                    for one in _folders(osp.abspath(root))))
            fitting = [one for one in near if not listing.missing(one)]
            if fitting:
                return _choose(wanted, fitting, near, listing, findings)
            found = list(dict.fromkeys(found + near))
    if found and not listing.missing(found[0]):
        return osp.join(found[0], '')
    _say_missing(wanted, found, listing, findings)
    return None


def data_root(path: str) -> str:
    """The folder of the data set that a file belongs to.

    Args:
        path (str): The file.

    Returns:
        str: Its folder; the parent of a folder for annotations.
    """
    folder = osp.dirname(osp.abspath(path))
    for one in (folder, osp.dirname(folder)):
        if _words(osp.basename(one)) & _NOTES:
            return osp.dirname(one)
    return folder


def _folders(root: str) -> List[str]:
    """A folder and those in it, without data sets of their own."""
    found, seen = [], set()
    for folder, inner, files in os.walk(root, followlinks=True):
        real = osp.realpath(folder)
        depth = folder[len(root):].count(os.sep)
        if real in seen or depth and _is_data_set(inner, files):
            inner.clear()
            continue
        seen.add(real)
        found.append(folder)
        if depth >= DEPTH or len(found) > MAX_FOLDERS:
            inner.clear()
        inner[:] = sorted((one for one in inner if one[0] != '.'),
                          key=lambda one:
                          (osp.islink(osp.join(folder, one)), one))
    return found


def _is_data_set(folders: Sequence[str], files: Sequence[str]) -> bool:
    """Whether what lies in a folder has annotations of its own."""
    return any(_words(one) & _NOTES
               for one in folders) or bool(folders) and any(
                   one.endswith('.json') for one in files)


def _words(name: str) -> Set[str]:
    """Words and numbers of a name, splits in one way to write them."""
    found = re.findall('[0-9]+|[^\\W0-9_]+', _form(name).casefold())
    return {_SPLIT_OF.get(one, one) for one in found}


def _splits(folder: str) -> Set[str]:
    """Splits that a folder is named by."""
    return _words(osp.basename(folder)) & SPLITS.keys()


def _choose(wanted: Wanted, fitting: List[str], found: List[str],
            listing: _Listing, findings: Findings) -> Optional[str]:
    """Choose between folders that hold all images."""
    told = _told(wanted.path)
    splits = told & SPLITS.keys()
    left = [one for one in fitting if _same_sizes(wanted, one)] or fitting
    rules = [lambda one: _named(one, told)]
    if splits:
        rules.append(lambda one: not _splits(one) - splits)
    for rule in rules:
        if len(left) > 1:
            left = [one for one in left if rule(one)] or left
    others = []
    if splits and _splits(left[0]) - splits:
        # a folder of the right name may lack images
        others = [
            one for one in found
            if one not in left and _named(one, told) and _splits(one)
        ]
    if any(len(listing.missing(one)) < listing.total for one in others):
        _say_missing(wanted, others, listing, findings)
    elif len(left) > 1 or others:
        but = f', but none in {others[0]}' if others else ''
        findings.error(
            'image folders',
            wanted.where,
            f'lists images that lie in {" and in ".join(left[:6])}{but}',
            advice=f'Name the right folder by {wanted.option}')
    else:
        return osp.join(left[0], '')
    return None


def _told(path: str) -> Set[str]:
    """Words by which a file and its folders in the data set are named."""
    return _words(osp.splitext(osp.relpath(path, data_root(path)))[0])


def _named(folder: str, told: Set[str]) -> bool:
    """Whether a folder has its name from words of a file."""
    words = _words(osp.basename(folder))
    return bool(words) and words <= told


def _same_sizes(wanted: Wanted, folder: str) -> bool:
    """Whether some images, spread over the list, have the sizes it tells."""
    known = [(name, size) for name, size in zip(wanted.names, wanted.sizes)
             if size]
    for name, size in known[::max(1, len(known) // NUM_SIZES)]:
        path = osp.join(folder, name_on_disk(name, folder))
        try:
            if size_fault(image_size(path), size):
                return False
        except Exception:  # PIL raises many kinds on broken headers
            return False
    return True


def _say_missing(wanted: Wanted, folders: List[str], listing: _Listing,
                 findings: Findings) -> None:
    """Name the image that is really missing, and where."""
    told = _told(wanted.path)
    best = min(
        folders,
        key=lambda one: (len(listing.missing(one)), not _named(one, told)))
    missing = listing.missing(best)
    path = osp.join(best, missing[0])
    if len(missing) == listing.total:
        findings.error(
            'images',
            wanted.where, f'lists {len(missing)} images, such as '
            f'{missing[0]}, of which none lies in {_some(folders)}',
            advice=f'Name their folder by {wanted.option}')
        return
    stem = osp.splitext(osp.basename(path))[0].casefold()
    others = sorted(
        one for one in listing.files(osp.dirname(path))
        if osp.splitext(one)[0].casefold() == stem)
    instead = f'; there is {", ".join(others[:3])}' if others else ''
    more = f' and {len(missing) - 1} more are' if len(missing) > 1 else ' is'
    findings.error(
        'images',
        wanted.where,
        f'lists {missing[0]}, but it{more} missing in {best}{instead}',
        # whose folder is a part of its name
        advice='' if osp.isabs(missing[0]) else
        f'Another folder is named by {wanted.option}')


def _some(folders: Sequence[str], limit: int = 6) -> str:
    text = ', '.join(folders[:limit])
    more = len(folders) - limit
    return text + (f' and {more} more' if more > 0 else '')
