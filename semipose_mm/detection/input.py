# Copyright (c) semipose_mm authors.
"""What is to be searched for boxes: a folder, an image list or a json."""
import hashlib
import os.path as osp
from typing import List, NamedTuple, Optional, Tuple

from ..data_files import DataError, Findings
from ..data_files.images import read_image_list, read_images
from ..data_files.text import entries_of, read_json


class ImageSource(NamedTuple):
    """Images in a fixed order.

    Attributes:
        root (str): Absolute path of the folder of the images.
        ids (list[int | str]): Ids of the images, unique.
        names (list[str]): File names, relative to ``root``.
        sizes (list[tuple]): (width, height) as the json has them, or None.
        categories (list[dict]): Categories of the json. Empty otherwise.
        has_list (bool): Whether the ids are those of a json.
    """
    root: str
    ids: List
    names: List[str]
    sizes: List[Optional[Tuple[float, float]]]
    categories: List[dict]
    has_list: bool

    def path(self, index: int) -> str:
        """The path of an image.

        Args:
            index (int): Its position.

        Returns:
            str: The path.
        """
        return osp.join(self.root, self.names[index])

    def digest(self) -> str:
        """What tells this list of images from any other.

        Returns:
            str: A SHA-256 of the root, the ids and the names.
        """
        digest = hashlib.sha256(repr(self.root).encode())
        for image_id, name in zip(self.ids, self.names):
            digest.update(f'{image_id!r} {name!r}\n'.encode(
                'utf-8', 'surrogateescape'))
        return digest.hexdigest()


def read_source(images: str,
                root: Optional[str],
                allow_outside: bool = False) -> ImageSource:
    """Read what the command line names.

    Args:
        images (str): A folder, a ``.txt`` list with a path a line, or a
            COCO-style ``.json``.
        root (str, optional): The folder that the names of a list are
            relative to. Defaults to the current folder.
        allow_outside (bool): Whether the names of a list may lead out of
            it. Defaults to False.

    Returns:
        ImageSource: The images. Those of a folder or a ``.txt`` list are
        sorted by name, once each, and numbered from 1; those of a json keep
        their order and ids.

    Raises:
        DataError: If there is no image, or the input cannot be read.
    """
    folder = osp.isdir(images)
    if folder and root is not None:
        raise DataError('--img-root is for lists of images, but '
                        f'{images} is a folder; leave it out')
    if not osp.exists(images):
        raise DataError(f'images: there is no file or folder {images}')
    if not folder and osp.splitext(images)[1].lower() not in ('.txt', '.json'):
        raise DataError(f'images is {images}, but must be a folder, a .txt '
                        'list or a COCO-style .json')
    root = images if folder else root or '.'
    try:
        source = _read('' if folder else images, root, allow_outside)
    except DataError as error:
        raise DataError(
            str(error).replace('allow_outside=True of the dataset',
                               '--allow-outside')) from None
    if not source.names:
        raise DataError(f'images: {images} holds no image')
    if not any(osp.exists(source.path(i)) for i in range(len(source.names))):
        raise DataError(
            f'none of the {len(source.names)} images of {images} exists; '
            f'the first was looked for at {source.path(0)}; check --img-root')
    return source


def _read(path: str, root: str, allow_outside: bool) -> ImageSource:
    """Read a list of images, or a folder if no list is given."""
    findings, roots = Findings(), () if allow_outside else (root, )
    if path.lower().endswith('.json'):
        return _read_json(path, root, roots, findings)
    images = read_image_list(path, 'images', root, findings, roots, False)
    names = sorted({_relative(one.name, root) for one in images.values()})
    return ImageSource(
        osp.abspath(root), list(range(1,
                                      len(names) + 1)), names,
        [None] * len(names), [], False)


def _relative(name: str, root: str) -> str:
    """A name relative to the root where it lies in it."""
    name = osp.normpath(name)
    if osp.isabs(name):
        relative = osp.relpath(name, osp.abspath(root))
        if relative.split(osp.sep)[0] != osp.pardir:
            return relative
    return name


def _read_json(path: str, root: str, roots: tuple,
               findings: Findings) -> ImageSource:
    """Read a COCO-style image list."""
    where, content = f"images '{path}'", read_json(path, 'images', findings)
    images = read_images(content, where, root, findings, roots)
    categories = [
        one for _, one in entries_of(content, 'categories', where, findings)
    ] if content.get('categories') else []
    for index, one in enumerate(categories):
        if not isinstance(one.get('id'), int) or not isinstance(
                one.get('name'), str):
            findings.error('categories', f'{where}, categories[{index}]',
                           'has no id and name')
    return ImageSource(
        osp.abspath(root), list(images), [one.name for one in images.values()],
        [one.size for one in images.values()], categories, True)
