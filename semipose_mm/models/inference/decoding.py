# Copyright (c) semipose_mm authors.
"""MMPose's codecs decode sample by sample on the CPU; here, in batch.

Each decoder finds the joints on the device of the output, in the
codec's own pixels, and scales what has come to the host by the codec's
formula. Results are the codec's, but for rounding.
"""
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Optional, Tuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmpose.codecs import MSRAHeatmap, SimCCLabel, UDPHeatmap
from mmpose.codecs.base import BaseKeypointCodec
from torch import Tensor

from semipose_mm.models.outputs.constants import on_device


class BatchDecoder(ABC):
    """Decodes what a codec of one kind decodes.

    Args:
        codec (BaseKeypointCodec): The codec.
    """

    def __init__(self, codec: BaseKeypointCodec) -> None:
        self.codec = codec

    @abstractmethod
    def locate(self, output) -> Tensor:
        """Find the joints in an output in float32.

        Returns:
            Tensor: (B, K, 3) x and y in the codec's pixels and the score;
            (B, K, 4) with the visibility, if the codec decodes it.
        """

    @abstractmethod
    def to_input(self, points: np.ndarray) -> np.ndarray:
        """Turn points (B, K, 2) of the codec into input pixels."""


class MSRADecoder(BatchDecoder):
    """As ``MSRAHeatmap.decode``, ``unbiased`` or not."""

    def locate(self, output: Tensor) -> Tensor:
        """See :meth:`BatchDecoder.locate`."""
        points, scores = _heatmap_maximum(output)
        shift = self._dark if self.codec.unbiased else self._quarter
        return _joined(points + shift(output, *points.unbind(-1)), scores)

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """See :meth:`BatchDecoder.to_input`."""
        return points * self.codec.scale_factor

    @staticmethod
    def _quarter(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """A quarter of a pixel towards the higher neighbour."""
        h, w = maps.shape[-2:]
        right, left, below, above = _gather(
            maps.flatten(2), y * w + x, (1, -1, w, -w))
        # the limits are MMPose's
        dx = torch.where((x > 1) & (x < w - 1) & (y > 0), right - left, 0.)
        dy = torch.where((y > 1) & (y < h - 1) & (x > 0), below - above, 0.)
        slope = torch.stack([dx, dy], -1)
        return 0.25 * torch.where(slope.isnan(), slope, slope.sign())

    def _dark(self, maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """A Newton step on the logarithm of the smoothed map (DARK)."""
        h, w = maps.shape[-2:]
        logs = _blur(maps, self.codec.blur_kernel_size).clamp(min=1e-10).log()
        steps = (0, 1, -1, w, -w, 2, -2, 2 * w, -2 * w, w + 1, 1 - w, w - 1,
                 -w - 1)
        (here, right, left, below, above, right2, left2, below2, above2,
         below_right, above_right, below_left,
         above_left) = _gather(logs.flatten(2), y * w + x, steps)
        dx, dy = 0.5 * (right - left), 0.5 * (below - above)
        dxx = 0.25 * (right2 - 2 * here + left2)
        dyy = 0.25 * (below2 - 2 * here + above2)
        dxy = 0.25 * (below_right - above_right - below_left + above_left)
        inside = (x > 1) & (x < w - 2) & (y > 1) & (y < h - 2)
        curved = dxx * dyy - dxy**2 != 0
        step = _newton_step(dx, dy, dxx.double(), dxy.double(), dyy.double())
        return torch.where((inside & curved)[..., None], step, 0.)


class UDPDecoder(BatchDecoder):
    """As ``UDPHeatmap.decode`` of gaussian heatmaps."""

    def locate(self, output: Tensor) -> Tensor:
        """See :meth:`BatchDecoder.locate`."""
        num, h, w = output.shape[1:]
        points, scores = _heatmap_maximum(output)
        logs = _blur(output, self.codec.blur_kernel_size).clamp(1e-3, 50).log()
        # a map without a peak reads at -1, which may be another map's end
        row = w + 2
        flat = F.pad(logs, (1, 1, 1, 1), mode='replicate').flatten(1)
        first = torch.arange(num, device=output.device) * (row * (h + 2))
        x, y = points.unbind(-1)
        here, right, left, below, above, below_right, above_left = _gather(
            flat, first + (y + 1) * row + x + 1,
            (0, 1, -1, row, -row, row + 1, -row - 1))
        dx, dy = 0.5 * (right - left), 0.5 * (below - above)
        dxx = right - 2 * here + left
        dyy = below - 2 * here + above
        dxy = 0.5 * (
            below_right - right - below + here + here - left - above +
            above_left)
        epsilon = np.finfo(np.float32).eps.item()
        step = _newton_step(dx, dy,
                            dxx.double() + epsilon, dxy.double(),
                            dyy.double() + epsilon)
        return _joined(points + step, scores)

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """See :meth:`BatchDecoder.to_input`."""
        w, h = self.codec.heatmap_size
        return points / [w - 1, h - 1] * self.codec.input_size


class SimCCDecoder(BatchDecoder):
    """As ``SimCCLabel.decode`` with all of its options."""

    def locate(self, output: Tuple[Tensor, Tensor]) -> Tensor:
        """See :meth:`BatchDecoder.locate`."""
        codec = self.codec
        (x_scores, x), (y_scores, y) = (part.max(-1) for part in output)
        scores = _smaller(x_scores, y_scores)
        points = torch.stack([x, y], -1)
        points = torch.where((scores <= 0)[..., None], -1, points)
        if codec.use_dark:
            # the codec reads the visibility from the logarithms, too
            output = [
                _blur(part, kernel).clamp(1e-3, 50).log()
                for part, kernel in zip(output, _simcc_kernels(codec))
            ]
            points = points - torch.stack([
                _newton_step_1d(part, place)
                for part, place in zip(output, points.unbind(-1))
            ], -1)
        values = [scores]
        if codec.decode_visibility:
            values.append(
                _smaller(*((part * codec.decode_beta *
                            float(sigma)).softmax(-1).amax(-1)
                           for part, sigma in zip(output, codec.sigma))))
        return _joined(points, *values)

    def to_input(self, points: np.ndarray) -> np.ndarray:
        """See :meth:`BatchDecoder.to_input`."""
        return points / np.float32(self.codec.simcc_split_ratio)


def build_decoder(codec: BaseKeypointCodec) -> Optional[BatchDecoder]:
    """The decoder in batch of a codec.

    Args:
        codec (BaseKeypointCodec): A head's decoder.

    Returns:
        BatchDecoder: ``None`` for any codec whose way to decode is not known
        here, such as a subclass.
    """
    if type(codec) is MSRAHeatmap:
        if not codec.unbiased or _can_blur(codec.blur_kernel_size):
            return MSRADecoder(codec)
    elif type(codec) is UDPHeatmap:
        if codec.heatmap_type == 'gaussian' and _can_blur(
                codec.blur_kernel_size):
            return UDPDecoder(codec)
    elif type(codec) is SimCCLabel:
        if not codec.use_dark or all(map(_can_blur, _simcc_kernels(codec))):
            return SimCCDecoder(codec)
    return None


def _joined(points: Tensor, *values: Tensor) -> Tensor:
    """Points (B, K, 2) and values (B, K) in one tensor (B, K, 2 + n)."""
    values = [value[..., None] for value in values]
    return torch.cat([points.to(values[0].dtype), *values], -1)


def _heatmap_maximum(maps: Tensor) -> Tuple[Tensor, Tensor]:
    """Pixels (B, K, 2) and heights; -1 where nothing is above 0."""
    heights, index = maps.flatten(2).max(-1)
    w = maps.shape[-1]
    points = torch.stack(
        [index % w, torch.div(index, w, rounding_mode='floor')], -1)
    return torch.where((heights <= 0)[..., None], -1, points), heights


def _smaller(first: Tensor, second: Tensor) -> Tensor:
    """The smaller one, and the first where either is nan."""
    return torch.where(first > second, second, first)


def _gather(flat: Tensor, index: Tensor, steps: Tuple[int, ...]):
    """Values (B, K) some steps beside an index (B, K).

    Args:
        flat (Tensor): (B, K, n), or (B, n) for all joints of a sample.
        index (Tensor): Where to begin.
        steps (tuple): Where to go; the ends are joined, as numpy joins them.

    Returns:
        tuple: For each step.
    """
    places = index[..., None] + on_device(steps, flat.device)
    places = places % flat.shape[-1]
    if flat.dim() == 2:
        found = flat.gather(1, places.flatten(1)).view_as(places)
    else:
        found = flat.gather(2, places)
    return found.unbind(-1)


def _can_blur(kernel: int) -> bool:
    """Whether MMPose can smooth by a kernel of this size."""
    return kernel >= 3 and kernel % 2 == 1


def _simcc_kernels(codec: SimCCLabel) -> Tuple[int, int]:
    """Sizes of the kernels by which a SimCC codec smooths x and y."""
    sizes = (int((sigma * 20 - 7) // 3) for sigma in codec.sigma)
    return tuple(size - (size % 2 == 0) for size in sizes)


@lru_cache(maxsize=None)
def _blur_matrix(size: int, kernel: int, device: torch.device) -> Tensor:
    """``cv2.GaussianBlur`` of a vector with zeros about it, as a matrix."""
    weights = cv2.getGaussianKernel(kernel, 0, cv2.CV_32F)[:, 0]
    reach = kernel // 2
    padded = np.zeros((size, size + 2 * reach))
    for i in range(size):
        padded[i, i:i + kernel] = weights
    with torch.inference_mode(False):
        return torch.tensor(padded[:, reach:-reach].copy(), device=device)


def _blur(output: Tensor, kernel: int) -> Tensor:
    """Smooth maps (B, K, h, w) or vectors (B, K, n) and keep their maxima."""
    # in double precision, as TF32 would come into float32's products
    blurred = output.double() @ _blur_matrix(output.shape[-1], kernel,
                                             output.device)
    axes = (-1, )
    if output.dim() == 4:
        axes = (-2, -1)
        blurred = _blur_matrix(output.shape[-2], kernel,
                               output.device) @ blurred
    blurred = blurred.float()
    return blurred * (
        output.amax(axes, keepdim=True) / blurred.amax(axes, keepdim=True))


def _newton_step(dx: Tensor, dy: Tensor, dxx: Tensor, dxy: Tensor,
                 dyy: Tensor) -> Tensor:
    """Where the gradient (B, K) vanishes, seen from here: (B, K, 2)."""
    determinant = dxx * dyy - dxy**2
    return torch.stack([(dxy * dy - dyy * dx) / determinant,
                        (dxy * dx - dxx * dy) / determinant], -1).float()


def _newton_step_1d(logs: Tensor, place: Tensor) -> Tensor:
    """What to take from places (B, K) on vectors (B, K, n)."""
    padded = F.pad(logs, (2, 2), mode='replicate')
    here, right, left, right2, left2 = _gather(padded, place + 2,
                                               (0, 1, -1, 2, -2))
    return 0.5 * (right - left) / (1e-9 + 0.25 * (right2 - 2 * here + left2))
