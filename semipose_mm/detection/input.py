# Copyright (c) semipose_mm authors.
"""What is to be searched for boxes: a folder, an image list or a json."""
import hashlib
import os.path as osp
from typing import List, NamedTuple, Optional, Tuple


class InputError(ValueError):
    """A mistake that one line explains."""


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
        InputError: If there is no image, or the input cannot be read.
    """
    if osp.isdir(images):
        if root is not None:
            raise InputError('--img-root is for lists of images, but '
                             f'{images} is a folder; leave it out')
        source = _numbered(images, _scan(images))
    elif not osp.isfile(images):
        raise InputError(f'images: there is no file or folder {images}')
    elif images.endswith('.txt'):
        source = _numbered(root or '.', _read_lines(images, root or '.'))
    elif images.endswith('.json'):
        source = _read_json(images, root or '.')
    else:
        raise InputError(f'images is {images}, but must be a folder, a .txt '
                         'list or a COCO-style .json')
    if not allow_outside:
        _refuse_outside(source, images)
    if not source.names:
        raise InputError(f'images: {images} holds no image')
    if not any(osp.exists(source.path(i)) for i in range(len(source.names))):
        raise InputError(
            f'none of the {len(source.names)} images of {images} exists; '
            f'the first was looked for at {source.path(0)}; check --img-root')
    return source


def _refuse_outside(source: ImageSource, images: str) -> None:
    """Refuse names that lead out of the root."""
    from semipose_mm.datasets.image_paths import check_name
    for index, name in enumerate(source.names):
        try:
            check_name(name, source.path(index), [source.root],
                       f'images: {images}')
        except ValueError as error:
            raise InputError(
                str(error).replace('allow_outside=True of the dataset',
                                   '--allow-outside')) from None


def _numbered(root: str, names: List[str]) -> ImageSource:
    """Number names from 1 in sorted order."""
    names = sorted(set(names))
    ids = list(range(1, len(names) + 1))
    return ImageSource(
        osp.abspath(root), ids, names, [None] * len(names), [], False)


def _scan(folder: str) -> List[str]:
    """List the images in a folder and those in it."""
    from semipose_mm.datasets.image_files import scan_images
    return scan_images(folder)


def _read_lines(path: str, root: str) -> List[str]:
    """Read the names of a list, relative to the root where they lie in it."""
    try:
        with open(path, encoding='utf-8') as file:
            lines = [line.strip() for line in file.read().splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f'images: {path} cannot be read: {error}') from None
    names = []
    for line in filter(None, lines):
        name = osp.normpath(line)
        if osp.isabs(name):
            relative = osp.relpath(name, osp.abspath(root))
            inside = relative.split(osp.sep)[0] != osp.pardir
            name = relative if inside else name
        names.append(name)
    return names


def _read_json(path: str, root: str) -> ImageSource:
    """Read a COCO-style image list."""
    from semipose_mm.datasets.json_entries import load_json
    from semipose_mm.datasets.unlabeled_sources import read_images
    try:
        content = load_json(path, 'ann_file')
        entries = read_images(content, path, '')
    except ValueError as error:
        # the reader names the config's key
        raise InputError(str(error).replace('ann_file:', 'images:',
                                            1)) from None
    categories = content.get('categories') or []
    if not isinstance(categories, list) or not all(
            isinstance(c, dict) and isinstance(c.get('id'), int)
            and isinstance(c.get('name'), str) for c in categories):
        raise InputError(f"images: 'categories' of {path} must be a list of "
                         'dicts with id and name')
    return ImageSource(
        osp.abspath(root), list(entries), [e.path for e in entries.values()],
        [e.size for e in entries.values()], categories, True)
