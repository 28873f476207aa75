# Copyright (c) semipose_mm authors.
"""How much images are alike: frames of one camera, or photographs."""
import random
from typing import Iterable, List, Optional

import cv2
import numpy as np

#: Images that are looked at, and fewest that tell anything.
SAMPLE, FEWEST = 200, 20
#: Pixels of a side of what is compared.
SIDE = 16
#: Between photographs (LSPET, COCO, generated people: 0.53 to 0.55) and frames
#: of videos (mouse9, mirror_mouse: 0.94 and 0.90).
ALIKE = 0.75


def image_likeness(paths: Iterable[str]) -> Optional[float]:
    """Measure how much images are alike, by :func:`likeness` of some.

    Args:
        paths (Iterable[str]): Files of images; those that cannot be read do
            not count.

    Returns:
        float, optional: In [-1, 1]; None with too few images.
    """
    paths = sorted(set(paths))
    chosen = random.Random(0).sample(paths, min(SAMPLE, len(paths)))
    found: List[np.ndarray] = []
    for path in chosen:
        image = cv2.imread(path, cv2.IMREAD_REDUCED_GRAYSCALE_4)
        if image is not None:
            found.append(
                cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return likeness(np.stack(found)) if len(found) >= FEWEST else None


def likeness(images: np.ndarray) -> float:
    """The median over images of the correlation with the nearest other one.

    Args:
        images (np.ndarray): Gray images (N, H, W), N at least 2.

    Returns:
        float: In [-1, 1]; brightness and contrast do not matter, and an image
        of one gray value is like no other.
    """
    flat = images.reshape(len(images), -1).astype(float)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    alike = flat @ flat.T
    np.fill_diagonal(alike, -1)
    return float(np.median(alike.max(1)))
