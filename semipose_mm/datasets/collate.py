# Copyright (c) semipose_mm authors.
"""Batches that leave a worker in a few tensors instead of hundreds."""
from typing import Sequence

from mmengine.registry import FUNCTIONS
from torch import Tensor
from torch.utils.data import default_collate

from semipose_mm.structures import LABEL_FIELDS, is_images, stack_labels

#: Inputs that an item has once, not once for each partner.
PLAIN = ('labeled', 'labeled_uniforms')


@FUNCTIONS.register_module()
def semi_collate(items: Sequence[dict]) -> dict:
    """Collate items of :class:`SemiPoseDataset`.

    Every tensor that leaves a worker costs a file descriptor and the
    training process the time to map it, so images of a kind and labels of a
    kind are put into one.

    Args:
        items (Sequence[dict]): B items.

    Returns:
        dict: ``inputs`` with ``labeled`` (B, 3, H, W), ``easy`` and further
        sources (U, 3, H, W) in uint8, ``uniforms`` (U, N), partners of the
        first sample first, and ``labeled_uniforms`` (B, N);
        ``data_samples`` with ``labeled`` (B), ``unlabeled`` (U) and
        ``labels`` as ``stack_labels`` makes them.

    Raises:
        ValueError: If the items differ in their shapes.
    """
    inputs = dict()
    for name in items[0]['inputs']:
        values = [item['inputs'][name] for item in items]
        _check_shapes(name, values)
        inputs[name] = _stacked(values, flat=name not in PLAIN)
    labeled = [item['data_samples']['labeled'] for item in items]
    samples = dict(labeled=labeled, labels=stack_labels(labeled))
    for sample in labeled:
        for field in LABEL_FIELDS:
            sample.pop(field, None)
    if 'unlabeled' in items[0]['data_samples']:
        samples['unlabeled'] = [
            sample for item in items
            for sample in item['data_samples']['unlabeled']
        ]
    return dict(inputs=inputs, data_samples=samples)


def _check_shapes(name: str, values: Sequence[Tensor]) -> None:
    """Refuse inputs of several shapes."""
    shapes = sorted({tuple(value.shape) for value in values})
    if len(shapes) == 1:
        return
    sizes = sorted({shape[-2:] for shape in shapes})
    if is_images(name) and len(sizes) > 1:
        raise ValueError(
            f'train_dataloader.dataset gives images {name!r} of the sizes '
            f'(height, width) {sizes}; its pipelines must crop to one, by '
            'TopdownAffine')
    raise ValueError(
        f'train_dataloader.dataset gives {name!r} of the shapes {shapes}; the '
        'items of a batch must be equal in channels, in unlabeled_ratio and '
        'in num_uniforms')


def _stacked(values: Sequence[Tensor], flat: bool) -> Tensor:
    """Rows of all samples.

    In a worker, ``default_collate`` stacks right into shared memory, where
    the result of ``torch.stack`` would have to be copied.
    """
    batch = default_collate(list(values))
    return batch.flatten(0, 1) if flat else batch
