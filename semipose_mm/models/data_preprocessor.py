# Copyright (c) semipose_mm authors.
"""Normalization of the semi-supervised batch."""
from typing import List, Union

import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS

#: Keys of ``inputs`` that are not images of unlabeled samples.
_NOT_SOURCES = ('labeled', 'uniforms')


@MODELS.register_module()
class SemiPoseDataPreprocessor(PoseDataPreprocessor):
    """Normalize labeled and unlabeled images in the same way.

    A batch of :class:`SemiPoseDataset` has a dict of inputs: ``labeled`` and
    every unlabeled source are normalized as in the parent class, and the
    partners of all samples are flattened to one dimension
    ``U = B * unlabeled_ratio``. Any other batch (validation, test, a stock
    dataset) is left to the parent class. Parameters are those of
    :class:`mmpose.models.PoseDataPreprocessor`, so a base config keeps its
    ``mean``, ``std`` and ``bgr_to_rgb``.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Normalize and move a batch to the device.

        Args:
            data (dict): ``inputs`` and ``data_samples`` from the dataloader.
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

        def normalize(images: List[torch.Tensor], data_samples: list):
            return super(SemiPoseDataPreprocessor, self).forward(
                dict(inputs=images, data_samples=data_samples), training)

        labeled = normalize(inputs['labeled'], samples['labeled'])
        new_inputs = dict(labeled=labeled['inputs'])
        new_samples = dict(labeled=labeled['data_samples'])
        if 'uniforms' in inputs:
            uniforms = torch.cat(list(inputs['uniforms']))
            new_inputs['uniforms'] = self.cast_data(uniforms)
            unlabeled = flatten_samples(samples['unlabeled'])
            for source in inputs:
                if source in _NOT_SOURCES:
                    continue
                images = [img for stack in inputs[source] for img in stack]
                out = normalize(images, unlabeled)
                new_inputs[source] = out['inputs']
                new_samples['unlabeled'] = out['data_samples']
        return dict(inputs=new_inputs, data_samples=new_samples)


def flatten_samples(partners: List[Union[list, tuple]]) -> list:
    """Order collated data samples like the images.

    Args:
        partners (list): ``unlabeled_ratio`` lists of B samples, as the
            collate function makes them.

    Returns:
        list: B * unlabeled_ratio samples, all partners of the first labeled
        sample first.
    """
    return [sample for group in zip(*partners) for sample in group]
