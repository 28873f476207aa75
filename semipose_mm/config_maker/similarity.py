# Copyright (c) semipose_mm authors.
"""How similar images are: frames of one camera, or photographs."""
import random
from typing import Iterable, NamedTuple, Optional

import cv2
import numpy as np

from semipose_mm.data_files.images import ImageFault, read_image
from semipose_mm.videos.choosing import thumbnail

#: Images that are looked at, and fewest that tell anything: the fewer there
#: are, the less similar is the nearest one.
SAMPLE, FEWEST = 200, 100
#: Between photographs (LSPET, COCO, generated people) and frames of videos
#: (mouse9, mirror_mouse); docs/make_config.md has what was measured.
ALIKE = 0.65


class Similarity(NamedTuple):
    """What :func:`image_similarity` measures.

    Attributes:
        median (float): See :func:`nearest_correlation`.
        number (int): Images that were compared.
    """
    median: float
    number: int


def image_similarity(paths: Iterable[str]) -> Optional[Similarity]:
    """Measure how similar up to 200 images are.

    Args:
        paths (Iterable[str]): Files of images; those that cannot be read, or
            have one color, do not count.

    Returns:
        Similarity, optional: None if fewer than 100 count.
    """
    paths = sorted(set(paths))
    chosen = random.Random(0).sample(paths, min(SAMPLE, len(paths)))
    found = [one for one in map(_thumbnail, chosen) if one is not None]
    if len(found) < FEWEST:
        return None
    return Similarity(nearest_correlation(np.stack(found)), len(found))


def _thumbnail(path: str) -> Optional[np.ndarray]:
    """A small gray picture with an image's content, if it has any."""
    try:
        content = np.frombuffer(read_image(path), np.uint8)
        image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except (ImageFault, cv2.error):
        return None
    small = None if image is None else thumbnail(image)
    return small if small is not None and small.std() > 0 else None


def nearest_correlation(images: np.ndarray) -> float:
    """The median over images of the correlation with the nearest other one.

    Args:
        images (np.ndarray): Gray images (N, P) of P pixels that are not all
            the same, N at least 2.

    Returns:
        float: In [-1, 1]; brightness and contrast do not matter.
    """
    correlation = np.corrcoef(images)
    np.fill_diagonal(correlation, -1)
    return float(np.median(correlation.max(1)))
