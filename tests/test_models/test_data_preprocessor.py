# Copyright (c) semipose_mm authors.
"""Normalization of labeled and unlabeled images."""
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from toys import BASE

from semipose_mm.datasets import semi_collate

CFG = BASE['data_preprocessor']


def item(i, ratio=2):
    generator = torch.Generator().manual_seed(i)

    def images(*shape):
        return torch.randint(
            0, 256, shape, generator=generator, dtype=torch.uint8)

    return dict(
        inputs=dict(
            labeled=images(3, 6, 4),
            easy=images(ratio, 3, 6, 4),
            photo=images(ratio, 3, 6, 4),
            uniforms=torch.full((ratio, 7), i / 10)),
        data_samples=dict(
            labeled=PoseDataSample(metainfo=dict(img_id=i)),
            unlabeled=[
                PoseDataSample(metainfo=dict(img_id=(i, r)))
                for r in range(ratio)
            ]))


def test_partners_are_flattened_in_one_order():
    items = [item(i) for i in range(3)]
    out = MODELS.build(CFG)(pseudo_collate(items), True)
    inputs, samples = out['inputs'], out['data_samples']
    assert inputs['labeled'].shape == (3, 3, 6, 4)
    assert inputs['easy'].shape == inputs['photo'].shape == (6, 3, 6, 4)
    assert inputs['uniforms'].shape == (6, 7)
    ids = [s.img_id for s in samples['unlabeled']]
    assert ids == [(i, r) for i in range(3) for r in range(2)]
    assert [s.img_id for s in samples['labeled']] == [0, 1, 2]
    mean = torch.tensor(CFG['mean'])[:, None, None]
    std = torch.tensor(CFG['std'])[:, None, None]
    # the loader's own collate function gives the same batch
    collated = semi_collate([item(i) for i in range(3)])
    assert collated['inputs']['easy'].dtype == torch.uint8
    again = MODELS.build(CFG)(collated, True)
    for name, value in inputs.items():
        assert torch.equal(again['inputs'][name], value)
    assert [s.img_id for s in again['data_samples']['unlabeled']] == ids
    for u, (i, r) in enumerate(ids):
        rgb = items[i]['inputs']['easy'][r].flip(0).float()
        torch.testing.assert_close(inputs['easy'][u], (rgb - mean) / std)


@pytest.mark.parametrize('change', [
    dict(bgr_to_rgb=False),
    dict(mean=None, std=None),
    dict(pad_size_divisor=5, pad_value=7),
    dict(batch_augments=[dict(type='DarkerAugment')])
])
def test_images_are_normalized_as_by_the_stock_class(change):
    cfg = dict(CFG, **change)
    items = [item(i, ratio=1) for i in range(2)]
    out = MODELS.build(cfg)(semi_collate(items), True)
    stock = MODELS.build(dict(cfg, type='PoseDataPreprocessor'))
    for name in ('labeled', 'easy'):
        images = [i['inputs'][name].reshape(3, 6, 4) for i in items]
        expected = stock(
            dict(inputs=images, data_samples=[PoseDataSample()] * 2), True)
        assert torch.equal(out['inputs'][name], expected['inputs'])


@MODELS.register_module()
class DarkerAugment(torch.nn.Module):
    """An augmentation of batches."""

    def forward(self, inputs, data_samples):
        return inputs / 2, data_samples


def test_other_batches_are_left_to_the_stock_class():
    image = torch.randint(0, 256, (3, 6, 4), dtype=torch.uint8)
    data = dict(inputs=[image, image], data_samples=[PoseDataSample()] * 2)
    stock = MODELS.build(dict(CFG, type='PoseDataPreprocessor'))
    assert torch.equal(
        MODELS.build(CFG)(data)['inputs'],
        stock(data)['inputs'])


def test_items_without_partners():
    batch = pseudo_collate([item(0)])
    batch = dict(
        inputs=dict(labeled=batch['inputs']['labeled']),
        data_samples=dict(labeled=batch['data_samples']['labeled']))
    out = MODELS.build(CFG)(batch, True)
    assert list(out['inputs']) == ['labeled']
