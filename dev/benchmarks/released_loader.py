# Copyright (c) semipose_mm authors.
"""What the released code's loader does for a pair, for comparison.

Written anew from a description of https://github.com/xierc/Semi_Human_Pose:
none of its code is here. Per image it copies the record, decodes with
``cv2.imread`` and no exif rotation, mirrors by a NumPy view, warps, turns the
crop into a normalized float tensor, moves the joints and encodes 24 union
channels one by one, for unlabeled images as well, and fills a mask of the
person that nothing uses. With RandAugment the unlabeled image goes through
all of that a second time, with the same scale, rotation and flip.
"""
from copy import deepcopy
from typing import Callable, List, Optional, Sequence, Tuple

import cv2
import numpy as np
import torch
from mmpose.structures.bbox import get_warp_matrix
from PIL import Image
from torchvision import transforms

UNION = 24
SCALE, ROTATION, ROTATED, FLIPPED = 0.25, 30., 0.6, 0.5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PADDING = 1.25


class ReleasedLoader:
    """Pairs as the released code loads them.

    Args:
        labeled (Sequence[dict]): Data infos of labeled instances.
        unlabeled (Sequence[dict]): Data infos of unlabeled instances.
        size (tuple[int, int]): Width and height of the crop.
        augment (Callable, optional): What RandAugment does to the crop, a
            PIL image. Defaults to None, for no RandAugment.
        sigma (float): Of the targets. Defaults to 2
        stride (int): Crop pixels of a heatmap pixel. Defaults to 4
    """

    def __init__(self,
                 labeled: Sequence[dict],
                 unlabeled: Sequence[dict],
                 size: Tuple[int, int],
                 augment: Optional[Callable] = None,
                 sigma: float = 2,
                 stride: int = 4) -> None:
        self.size = size
        self.sigma = sigma
        self.stride = stride
        self.labeled = [self._record(info) for info in labeled]
        self.unlabeled = [self._record(info) for info in unlabeled]
        finish = [
            transforms.ToTensor(),
            transforms.Normalize(mean=MEAN, std=STD)
        ]
        self.easy = transforms.Compose(finish)
        self.hard = augment and transforms.Compose(
            [Image.fromarray, augment, *finish])

    def _record(self, info: dict) -> dict:
        """An entry of the annotation list."""
        x, y, right, bottom = info['bbox'][0]
        width, height = right - x, bottom - y
        aspect = self.size[0] / self.size[1]
        scale = np.array(
            [max(width, height * aspect),
             max(height, width / aspect)]) * PADDING
        joints, visible = np.zeros((2, UNION, 3))
        known = info['keypoints'].shape[1]
        joints[:known, :2] = info['keypoints'][0]
        visible[:known] = (info['keypoints_visible'][0] > 0)[:, None]
        return dict(
            image=info['img_path'],
            center=np.array([x + width / 2, y + height / 2]),
            scale=scale,
            joints=joints,
            visible=visible,
            box=np.array([[x, y], [x, bottom], [right, bottom], [right, y]]),
            flips=info['flip_indices'])

    def pair(self, labeled: int, unlabeled: int) -> List[tuple]:
        """Load a labeled image and an unlabeled one.

        Args:
            labeled (int): Index of the labeled instance.
            unlabeled (int): Index of the unlabeled instance.

        Returns:
            list[tuple]: Image, target, weights and meta of the labeled crop,
            the easy one, and with RandAugment the distorted one.
        """
        params = self._draw()
        samples = [
            self._sample(self.labeled[labeled], self._draw(), self.easy),
            self._sample(self.unlabeled[unlabeled], params, self.easy)
        ]
        if self.hard:
            samples.append(
                self._sample(self.unlabeled[unlabeled], params, self.hard))
        return samples

    @staticmethod
    def _draw() -> Tuple[float, float, bool]:
        """Scale, rotation and flip."""
        scale = np.clip(1 + SCALE * np.random.randn(), 1 - SCALE, 1 + SCALE)
        rotation = 0.
        if np.random.rand() <= ROTATED:
            rotation = np.clip(ROTATION * np.random.randn(), -2 * ROTATION,
                               2 * ROTATION)
        return scale, rotation, np.random.rand() <= FLIPPED

    def _sample(self, record: dict, params: Tuple[float, float, bool],
                finish: Callable) -> tuple:
        """One image, from the disk to the tensors."""
        record, (scale, rotation, flip) = deepcopy(record), params
        image = cv2.imread(record['image'],
                           cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        joints, visible = record['joints'], record['visible']
        center, box = record['center'], record['box']
        if flip:
            image, last = image[:, ::-1], image.shape[1] - 1
            for points in (joints, box):
                points[:, 0] = last - points[:, 0]
            center[0] = last - center[0]
            order = list(record['flips'])
            joints[:len(order)] = joints[order]
            visible[:len(order)] = visible[order]
        matrix = get_warp_matrix(
            center, record['scale'] * scale, rotation, output_size=self.size)
        crop = finish(
            cv2.warpAffine(image, matrix, self.size, flags=cv2.INTER_LINEAR))
        for points, used in ((joints, visible[:, 0] > 0), (box, [True] * 4)):
            for point, move in zip(points, used):
                if move:
                    point[:2] = matrix @ (point[0], point[1], 1.)
        target, weight = self._encode(joints, visible)
        meta = dict(
            image=record['image'],
            joints=joints,
            visible=visible,
            center=center,
            scale=scale,
            rotation=rotation,
            mask=torch.from_numpy(self._mask(box)))
        return crop, torch.from_numpy(target), torch.from_numpy(weight), meta

    def _encode(self, joints: np.ndarray,
                visible: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Gaussian heatmaps, joint by joint."""
        width, height = (side // self.stride for side in self.size)
        target = np.zeros((UNION, height, width), np.float32)
        weight = visible[:, :1].astype(np.float32)
        radius = int(3 * self.sigma)
        for index, joint in enumerate(joints):
            x, y = (int(value / self.stride + 0.5) for value in joint[:2])
            left, top = x - radius, y - radius
            right, bottom = x + radius + 1, y + radius + 1
            if left >= width or top >= height or right < 0 or bottom < 0:
                weight[index] = 0
                continue
            grid = np.arange(-radius, radius + 1, dtype=np.float32)
            blob = np.exp(-(grid**2 + grid[:, None]**2) / (2 * self.sigma**2))
            if weight[index] > 0.5:
                ys = slice(max(0, top), min(bottom, height))
                xs = slice(max(0, left), min(right, width))
                target[index, ys, xs] = blob[ys.start - top:ys.stop - top,
                                             xs.start - left:xs.stop - left]
        return target, weight

    def _mask(self, box: np.ndarray) -> np.ndarray:
        """Inside and outside of the box."""
        mask = np.zeros((self.size[1], self.size[0]), np.float32)
        inside = cv2.fillPoly(mask, [box.astype(np.int32)], 1)
        return np.stack([inside, 1 - inside])
