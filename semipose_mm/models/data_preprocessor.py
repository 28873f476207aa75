# Copyright (c) semipose_mm authors.
"""Normalization of the semi-supervised batch."""
from typing import List, Union

import torch
import torch.nn.functional as F
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from torch import Tensor

from semipose_mm.structures import is_images, stack_labels


@MODELS.register_module()
class SemiPoseDataPreprocessor(PoseDataPreprocessor):
    """Normalize labeled and unlabeled images in the same way.

    A batch of :class:`SemiPoseDataset` has a dict of inputs: ``labeled`` and
    every unlabeled source are normalized like images in the parent class,
    and the partners of all samples lie in one dimension
    ``U = B * unlabeled_ratio``. Images and labels go to the device in a
    tensor each; data samples stay where they are. Any other batch
    (validation, test, a stock dataset) is left to the parent class.
    Parameters are those of :class:`mmpose.models.PoseDataPreprocessor`, so a
    base config keeps its ``mean``, ``std`` and ``bgr_to_rgb``;
    ``batch_augments`` may change images only, as labels are made before.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalize and move a batch to the device.

        Args:
            data (dict): ``inputs`` and ``data_samples`` from the dataloader,
                collated by ``semi_collate`` or by ``pseudo_collate``.
            training (bool): Whether batch augmentations are applied.
                Defaults to ``False``

        Returns:
            dict: ``inputs`` is a :class:`SemiPoseInputs` and
            ``data_samples`` a :class:`SemiPoseDataSamples`, or what the
            parent class returns.
        """
        inputs, samples = data['inputs'], data['data_samples']
        if not isinstance(inputs, dict):
            return super().forward(data, training)

        samples = dict(samples)
        labels = samples.get('labels') or stack_labels(samples['labeled'])
        samples['labels'] = {k: self._moved(v) for k, v in labels.items()}
        if samples.get('unlabeled') and isinstance(samples['unlabeled'][0],
                                                   (list, tuple)):
            samples['unlabeled'] = flatten_samples(samples['unlabeled'])
        batch = dict()
        for name, value in inputs.items():
            if not is_images(name):
                dims = 2 if name.endswith('uniforms') else 3
                batch[name] = self._moved(_joined(value, dims))
                continue
            images = self._normalized(self._moved(_joined(value, 4)))
            key = 'labeled' if name == 'labeled' else 'unlabeled'
            for augment in (self.batch_augments or ()) if training else ():
                images, samples[key] = augment(images, samples[key])
            batch[name] = images
        return dict(inputs=batch, data_samples=samples)

    def _moved(self, tensor: Tensor) -> Tensor:
        """A tensor on the device; from pinned memory nobody waits for it."""
        return tensor.to(self.device, non_blocking=True)

    def _normalized(self, images: Tensor) -> Tensor:
        """What the parent class makes of images (N, 3, H, W), at once."""
        if self._channel_conversion:
            images = images.flip(1)
        images = images.float()
        if self._enable_normalize:
            images = (images - self.mean) / self.std
        height, width = images.shape[-2:]
        divisor = self.pad_size_divisor
        if height % divisor or width % divisor:
            images = F.pad(
                images, (0, -width % divisor, 0, -height % divisor),
                value=self.pad_value)
        return images


def _joined(value: Union[Tensor, List[Tensor]], dims: int) -> Tensor:
    """One tensor of what a collate function has left apart.

    Args:
        value (Tensor | list[Tensor]): A batch, or tensors of its samples, of
            one row or of several.
        dims (int): Dimensions of a batch.
    """
    if isinstance(value, Tensor):
        return value
    return torch.cat([v if v.dim() == dims else v[None] for v in value])


def flatten_samples(partners: List[Union[list, tuple]]) -> list:
    """Order collated data samples like the images.

    Args:
        partners (list): ``unlabeled_ratio`` lists of B samples, as
            ``pseudo_collate`` makes them.

    Returns:
        list: B * unlabeled_ratio samples, all partners of the first labeled
        sample first.
    """
    return [sample for group in zip(*partners) for sample in group]
