# Copyright (c) semipose_mm authors.
"""Where the images of a source lie, whatever its paths say."""
import os
import os.path as osp
from typing import Dict, List, Optional, Sequence

from semipose_mm.data_files import DataError
from semipose_mm.data_files.images import name_on_disk, say_missing
from semipose_mm.data_files.label_folder import is_label_folder
from semipose_mm.data_files.text import IMAGES

#: Folders above that of a file of labels in which its names may begin.
ABOVE = 2


class ImageFinder:
    """Finds images by the names that a file of labels has for them.

    A name is taken below the folders that are named, that of the file and
    those above it; then its last parts are looked for below the first two.

    Args:
        path (str): The file of labels.
        places (Sequence[str]): Folders that are named by ``--images``.
    """

    def __init__(self, path: str, places: Sequence[str]) -> None:
        self.path = path
        folder = osp.dirname(osp.abspath(path))
        self._given = tuple(osp.join(osp.abspath(one), '') for one in places)
        self._searched = [*map(osp.abspath, places), folder]
        self._roots = list(self._searched)
        for _ in range(ABOVE):
            folder = osp.dirname(folder)
            self._roots.append(folder)
        self._known: Optional[Dict[str, List[str]]] = None

    def find(self, name: str, where: str) -> str:
        """Find an image.

        Args:
            name (str): Its name.
            where (str): The file and the entry, for messages.

        Returns:
            str: Its absolute path.

        Raises:
            DataError: If there is none, or more than one.
        """
        for root in self._roots:
            path = osp.join(root, name_on_disk(name, root))
            if osp.isfile(path):
                return osp.normpath(path)
        parts = name.replace('\\', '/').split('/')
        found = self._index().get(parts[-1], [])
        has_folder = len(parts) > 1
        if has_folder or self._given:
            # frames of other videos have the same names
            last = '/' + '/'.join(parts[-2:])
            found = [
                one for one in found if has_folder and one.endswith(last)
                or one.startswith(self._given)
            ]
        for length in range(2, len(parts) + 1):
            tail = '/' + '/'.join(parts[-length:])
            found = [one for one in found if one.endswith(tail)] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(f"{where}: image '{name}' may be {found[0]} or "
                            f'{found[1]}: name its folder by --images')
        first = osp.join(self._roots[0], name)
        raise DataError(f"{where}: image '{name}' {say_missing(first)}: name "
                        'the folder that it lies in by --images')

    def _index(self) -> Dict[str, List[str]]:
        """Paths of all images below the first folders, by file name."""
        if self._known is None:
            self._known = {}
            for root in dict.fromkeys(self._searched):
                for folder, inner, files in os.walk(root):
                    inner.sort()
                    if is_label_folder(folder):  # has links to these images
                        inner.clear()
                        continue
                    for one in sorted(files):
                        path = osp.join(folder, one)
                        paths = self._known.setdefault(one, [])
                        if osp.splitext(one)[1].lower() in IMAGES and \
                                path not in paths:
                            paths.append(path)
        return self._known
