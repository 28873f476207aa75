# Copyright (c) semipose_mm authors.
"""Drawing that the analysis tools share: crops, heatmaps, sheets."""
from typing import TYPE_CHECKING, List, Sequence

import cv2
import numpy as np

from semipose_mm.files import whole_files

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = 4
TITLE_HEIGHT = 22
CAPTION_HEIGHT = 16


def to_images(batch: 'Tensor', preprocessor) -> List[np.ndarray]:
    """Undo normalization.

    Args:
        batch (Tensor): Images (B, 3, H, W) as the network sees them.
        preprocessor (nn.Module): The data preprocessor that made them.

    Returns:
        list[np.ndarray]: BGR images (H, W, 3), uint8.
    """
    images = batch.float().cpu()
    if getattr(preprocessor, '_enable_normalize', False):
        mean, std = preprocessor.mean.cpu(), preprocessor.std.cpu()
        images = images * std + mean
    if getattr(preprocessor, '_channel_conversion', False):
        images = images.flip(1)
    images = images.clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return [np.ascontiguousarray(image) for image in images]


def overlay(image: np.ndarray, heatmaps: 'Tensor') -> np.ndarray:
    """Lay the highest of all joints' heatmaps over an image.

    Args:
        image (np.ndarray): BGR image (H, W, 3), uint8.
        heatmaps (Tensor): (K, h, w); 1 is drawn in full strength.

    Returns:
        np.ndarray: The picture (H, W, 3), uint8.
    """
    highest = heatmaps.float().amax(0).clamp(0, 1).cpu().numpy()
    highest = cv2.resize(highest, image.shape[1::-1])
    colors = cv2.applyColorMap((255 * highest).astype(np.uint8),
                               cv2.COLORMAP_JET)
    alpha = 0.35 + 0.4 * highest[..., None]
    return (image * (1 - alpha) + colors * alpha).astype(np.uint8)


def sheet(rows: Sequence[Sequence[np.ndarray]],
          titles: Sequence[str]) -> np.ndarray:
    """Arrange pictures of one size in rows under titled columns.

    Args:
        rows (Sequence): Rows of BGR pictures (H, W, 3), uint8.
        titles (Sequence[str]): A title for each column.

    Returns:
        np.ndarray: The sheet, BGR, uint8.
    """
    height, width = rows[0][0].shape[:2]
    canvas = np.full((TITLE_HEIGHT + len(rows) *
                      (height + MARGIN), len(titles) * (width + MARGIN), 3),
                     255, np.uint8)
    for c, title in enumerate(titles):
        size = cv2.getTextSize(title, cv2.FONT_HERSHEY_SIMPLEX, 1., 1)[0][0]
        cv2.putText(canvas, title, (c * (width + MARGIN), TITLE_HEIGHT - 7),
                    cv2.FONT_HERSHEY_SIMPLEX, min(0.5, width / size),
                    (0, ) * 3, 1, cv2.LINE_AA)
    for r, row in enumerate(rows):
        top = TITLE_HEIGHT + r * (height + MARGIN)
        for c, picture in enumerate(row):
            left = c * (width + MARGIN)
            canvas[top:top + height, left:left + width] = picture
    return canvas


def caption(picture: np.ndarray, text: str) -> None:
    """Write a line into a picture, on a strip at its lower edge.

    Args:
        picture (np.ndarray): BGR picture (H, W, 3), uint8, changed in place.
        text (str): The line; it is made as small as it must be to fit.
    """
    height, width = picture.shape[:2]
    size = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1., 1)[0][0]
    scale = min(0.4, (width - 8) / max(1, size))
    picture[-CAPTION_HEIGHT:] = 255
    cv2.putText(picture, text, (3, height - 5), cv2.FONT_HERSHEY_SIMPLEX,
                scale, (0, ) * 3, 1, cv2.LINE_AA)


def write_picture(path: str, picture: np.ndarray) -> None:
    """Write a BGR picture, whole or not at all.

    Args:
        path (str): The file; its ending says the format.
        picture (np.ndarray): BGR picture (H, W, 3), uint8.

    Raises:
        OSError: If it cannot be written; the file is named.
    """
    # the format comes from the ending, which the temporary name keeps
    with whole_files(path) as (temporary, ):
        try:
            written = cv2.imwrite(temporary, picture)
        except cv2.error:
            written = False
        if not written:
            raise OSError(f'the picture {path} cannot be written')
