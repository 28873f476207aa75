# Copyright (c) semipose_mm authors.
"""MMPose's LoadImage, with the image check and the cache within."""
from typing import Optional

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmpose.datasets.transforms import LoadImage

from ...data_files.images import ImageFault, read_image, size_fault
from ..images.image_cache import ImageCache
from .twin import Twin

DECODERS = ('cv2', 'pillow', 'turbojpeg')


def reads_local_images(loader: LoadImageFromFile) -> bool:
    """Whether MMCV reads an image with a decoder for common formats.

    Args:
        loader (LoadImageFromFile): The loader.
    """
    backends = [
        args.get('backend', 'local')
        for args in (loader.backend_args, loader.file_client_args)
        if args is not None
    ]
    return (loader.imdecode_backend in DECODERS
            and all(backend in ('local', 'disk') for backend in backends))


class LeanLoadImage(Twin, LoadImage):
    """Load an image as :class:`LoadImage` does, from a file read once.

    A file that cannot be used raises an ``ImageFault``, and so does one of
    another size than ``img_shape``, if that is known before.
    """

    stock = LoadImage
    #: Images that are held in memory.
    cache: Optional[ImageCache] = None

    @classmethod
    def can_replace(cls, loader: LoadImage) -> bool:
        """Whether the result is that of a given loader."""
        return (super().can_replace(loader) and reads_local_images(loader)
                and loader.file_client_args is None
                and not loader.ignore_empty)

    @property
    def can_cache(self) -> bool:
        """bool: Whether the pixels are those that every cache holds."""
        return self.color_type == 'color' and self.imdecode_backend == 'cv2'

    def transform(self, results: dict) -> Optional[dict]:
        """Load the image.

        Args:
            results (dict): The result dict.

        Returns:
            dict: The result dict.
        """
        path = results.get('img_path')
        if 'img' in results or not isinstance(path, str) or '://' in path:
            return super().transform(results)
        image = None if self.cache is None else self.cache.get(path)
        if image is None:
            image = self._decode(path)
            if image is None:
                # for the words that MMPose has for it
                return super().transform(results)
            if self.cache is not None:
                self.cache.put(path, image)
        listed = results.get('img_shape')
        if listed is not None:
            fault = size_fault(image.shape[1::-1], listed[::-1])
            if fault is not None:
                raise ImageFault(path, fault)
        if self.to_float32:
            image = image.astype(np.float32)
        results['img'] = image
        results['img_shape'] = image.shape[:2]
        results['ori_shape'] = image.shape[:2]
        return results

    def _decode(self, path: str) -> Optional[np.ndarray]:
        """Decode an image; None if that fails."""
        content = read_image(path)
        try:
            return mmcv.imfrombytes(
                content, flag=self.color_type, backend=self.imdecode_backend)
        except Exception:  # the decoders raise many kinds
            return None
