# Copyright (c) semipose_mm authors.
"""A detector of MMDetection that finds gray rectangles, perfectly."""
import os
import time

import cv2
import torch
from mmdet.models import BaseDetector
from mmdet.registry import MODELS
from mmengine.structures import InstanceData

#: Gray values of the classes.
GRAYS = (200, 100)
CONFIG = """
custom_imports = dict(imports=['toy_detector'])
default_scope = 'mmdet'
model = dict(type='ToyDetector',
             data_preprocessor=dict(type='DetDataPreprocessor'))
test_dataloader = dict(dataset=dict(type='NotThere', pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale_factor=2.0, interpolation='nearest'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'ori_shape',
                                          'img_shape', 'scale_factor'))]))
"""


def write_detector(folder):
    """Write config and checkpoint, ``toy.py`` and ``toy.pth``."""
    (folder / 'toy.py').write_text(CONFIG)
    torch.save(
        dict(
            state_dict=dict(scale=torch.ones(1)),
            meta=dict(dataset_meta=dict(classes=('person', 'dog')))),
        folder / 'toy.pth')


@MODELS.register_module()
class ToyDetector(BaseDetector):
    """Find rectangles; darker ones are of the second class.

    The score is the share of the image that a rectangle covers. Boxes are in
    the image's own pixels only with the weight of the checkpoint, which is 1.

    Args:
        delay (float): Seconds that an image takes, or as the environment
            variable TOY_DELAY says. Defaults to 0.
    """

    def __init__(self, delay=0., data_preprocessor=None, init_cfg=None):
        super().__init__(data_preprocessor, init_cfg)
        self.scale = torch.nn.Parameter(torch.zeros(1))
        self.delay = float(os.environ.get('TOY_DELAY', delay))

    def loss(self, batch_inputs, batch_data_samples):
        """There is nothing to learn."""

    def extract_feat(self, batch_inputs):
        """The picture as it is."""
        return batch_inputs

    def _forward(self, batch_inputs, batch_data_samples=None):
        return batch_inputs

    def predict(self, batch_inputs, batch_data_samples, rescale=True):
        """Find them in each picture."""
        results = []
        for picture, sample in zip(batch_inputs, batch_data_samples):
            time.sleep(self.delay)
            results.append(self._find(picture[0].numpy(), sample))
        return self.add_pred_to_datasample(batch_data_samples, results)

    def _find(self, picture, sample):
        boxes, scores, labels = [], [], []
        for label, gray in enumerate(GRAYS):
            mask = (abs(picture - gray) < 5).astype('uint8')
            for x, y, w, h, area in cv2.connectedComponentsWithStats(
                    mask)[2][1:]:
                boxes.append([x, y, x + w, y + h])
                scores.append(area / picture.size)
                labels.append(label)
        boxes = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
        factor = boxes.new_tensor(sample.scale_factor).repeat(2)
        return InstanceData(
            bboxes=(boxes / factor * self.scale).detach(),
            scores=torch.tensor(scores),
            labels=torch.tensor(labels, dtype=torch.int64))
