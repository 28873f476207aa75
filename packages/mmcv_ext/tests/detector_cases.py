# Copyright (c) semipose_mm authors.
"""Detectors of MMDetection's own configs, with drawn weights, on a picture.

Weights and picture come from numpy's ``RandomState``, whose streams never
change, and norms use the statistics of the picture, so that a network of
drawn weights tells one place from another.
"""
import numpy as np
import torch
from mmdet.apis import inference_detector, init_detector
from mmdet.utils import register_all_modules
from mmengine.hub import get_config

# config, factor of the class weights so that scores spread, kind of NMS
CASES = {
    'rtmdet': ('rtmdet/rtmdet_tiny_8xb32-300e_coco.py', 0.3, 'nms'),
    'faster_rcnn': ('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', 1., 'nms'),
    'soft_nms': ('faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py', 1., 'soft_nms'),
    'deform': ('dcnv2/faster-rcnn_r50-mdconv-c3-c5_fpn_1x_coco.py', 1., 'nms'),
}


def draw_picture():
    """Rectangles of many colors on a gradient, of shape (240, 320, 3)."""
    random = np.random.RandomState(0)
    y, x = np.mgrid[:240, :320]
    picture = np.stack([x * 0.6, y * 0.9, (x + y) * 0.4], axis=2)
    for _ in range(40):
        left, top = random.randint(0, 300), random.randint(0, 220)
        picture[top:top + random.randint(8, 80),
                left:left + random.randint(8, 80)] = random.randint(0, 255, 3)
    return picture.astype(np.uint8)


def draw_weights(model, factor):
    """Fill a model's weights."""
    random = np.random.RandomState(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() < 2:
                continue
            spread = parameter[0].numel()**-0.5
            if 'conv_offset' in name:
                spread *= 0.5
            if 'fc_cls' in name or 'rtm_cls' in name:
                spread *= factor
            parameter.copy_(
                torch.from_numpy(
                    np.float32(spread * random.randn(*parameter.shape))))
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.train()


def predict(name, device='cpu'):
    """Boxes, scores and labels that a detector finds in the picture.

    Args:
        name (str): Of ``CASES``.
        device (str): Where. Defaults to ``'cpu'``

    Returns:
        np.ndarray: One row (x1, y1, x2, y2, score, label) a box, in pixels.
    """
    register_all_modules()
    path, factor, kind = CASES[name]
    cfg = get_config(f'mmdet::{path}')
    cfg.model.backbone.init_cfg = None
    cfg.model.test_cfg.get('rcnn', cfg.model.test_cfg).nms.type = kind
    for step in cfg.test_dataloader.dataset.pipeline:
        if step['type'] in ('Resize', 'mmdet.Resize'):
            step['scale'] = (320, 320)
    model = init_detector(cfg, device=device, palette='random')
    draw_weights(model, factor)
    found = inference_detector(model, draw_picture()).pred_instances
    return torch.cat(
        [found.bboxes, found.scores[:, None], found.labels[:, None].float()],
        1).cpu().numpy()
