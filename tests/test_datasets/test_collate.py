# Copyright (c) semipose_mm authors.
"""Batches in few tensors."""
import numpy as np
import pytest
import torch
import toys
from mmpose.structures import PoseDataSample
from torch.utils.data import DataLoader

from semipose_mm.datasets import semi_collate
from semipose_mm.structures import stack_labels


def item(seed, ratio=2, size=(6, 4)):
    generator = torch.Generator().manual_seed(seed)

    def images(*shape):
        return torch.randint(
            0, 256, (*shape, 3, *size), generator=generator, dtype=torch.uint8)

    return dict(
        inputs=dict(
            labeled=images(),
            easy=images(ratio),
            randaug=images(ratio),
            uniforms=torch.rand(ratio, 7, generator=generator)),
        data_samples=dict(
            labeled=toys.labeled_sample(np.random.default_rng(seed)),
            unlabeled=[
                PoseDataSample(metainfo=dict(img_id=(seed, r)))
                for r in range(ratio)
            ]))


class Items(torch.utils.data.Dataset):
    """Items for a loader with workers."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return item(index)


def test_a_batch_has_one_tensor_of_a_kind():
    items = [item(seed) for seed in range(3)]
    batch = semi_collate([item(seed) for seed in range(3)])
    inputs, samples = batch['inputs'], batch['data_samples']
    assert {
        k: tuple(v.shape)
        for k, v in inputs.items()
    } == dict(
        labeled=(3, 3, 6, 4),
        easy=(6, 3, 6, 4),
        randaug=(6, 3, 6, 4),
        uniforms=(6, 7))
    for u in range(6):
        assert torch.equal(inputs['easy'][u],
                           items[u // 2]['inputs']['easy'][u % 2])
    assert [s.img_id for s in samples['unlabeled']] == [(i, r)
                                                        for i in range(3)
                                                        for r in range(2)]
    expected = stack_labels([i['data_samples']['labeled'] for i in items])
    assert set(expected) == {'heatmaps', 'keypoint_weights'}
    for name, value in expected.items():
        assert torch.equal(samples['labels'][name], value)
    # they would travel twice
    assert not any('gt_fields' in s or 'gt_instance_labels' in s
                   for s in samples['labeled'])
    assert all('gt_instances' in s for s in samples['labeled'])


def test_workers_give_the_same():
    expected = [semi_collate([item(2 * i), item(2 * i + 1)]) for i in (0, 1)]
    loader = DataLoader(
        Items(), batch_size=2, num_workers=1, collate_fn=semi_collate)
    for batch, other in zip(loader, expected):
        for name, value in other['inputs'].items():
            assert torch.equal(batch['inputs'][name], value)


def test_supervised_items():
    items = [item(seed) for seed in range(2)]
    for part in items:
        part['inputs'] = dict(labeled=part['inputs']['labeled'])
        del part['data_samples']['unlabeled']
    batch = semi_collate(items)
    assert list(batch['inputs']) == ['labeled']
    assert sorted(batch['data_samples']) == ['labeled', 'labels']


def test_crops_of_two_sizes_are_named():
    with pytest.raises(ValueError, match=r'labeled.*\(5, 4\), \(6, 4\)'):
        semi_collate([item(0), item(1, size=(5, 4))])


def test_other_shapes_are_named():
    items = [item(0), item(1)]
    items[1]['inputs']['uniforms'] = torch.rand(2, 5)
    with pytest.raises(
            ValueError,
            match=r"gives 'uniforms' of the shapes \[\(2, 5\), \(2, 7\)\]; "
            '.*num_uniforms') as caught:
        semi_collate(items)
    assert 'TopdownAffine' not in str(caught.value)
    with pytest.raises(ValueError, match=r"'easy'.*\(1, 3, 6, 4\).*_ratio"):
        semi_collate([item(0), item(1, ratio=1)])
