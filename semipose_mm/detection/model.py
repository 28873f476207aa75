# Copyright (c) semipose_mm authors.
"""A detector of MMDetection, the images for it and the boxes from it."""
import os.path as osp
from typing import ContextManager, Dict, List, Optional, Tuple

import torch
from mmcv.transforms import Compose
from mmdet.apis import init_detector
from mmdet.models import BaseDetector
from mmdet.utils import get_test_pipeline_cfg
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import CheckpointLoader
from torch.utils.data import DataLoader, Dataset

from semipose_mm.data_files import DataError
from semipose_mm.data_files.images import read_whole
from .input import ImageSource


def _own_scope(cfg: Config) -> ContextManager:
    """The registries of a detector, and the caller's again afterwards."""
    return DefaultScope.overwrite_default_scope(
        cfg.get('default_scope') or 'mmdet')


def build_detector(cfg: Config, checkpoint: str,
                   device: str) -> torch.nn.Module:
    """Build a detector with its weights.

    Args:
        cfg (Config): A config of MMDetection.
        checkpoint (str): A local checkpoint file, which is read without
            executing what it says.
        device (str): The device.

    Returns:
        nn.Module: The detector in evaluation mode.

    Raises:
        DataError: If the config is no detector's, or the checkpoint cannot
            be read, or belongs to another detector.
    """
    try:
        weights = CheckpointLoader.load_checkpoint(
            checkpoint, 'cpu', logger='silent')
    except (RuntimeError, EOFError) as error:
        raise DataError(
            f'checkpoint {checkpoint} cannot be read: {error}') from None
    if not isinstance(weights, dict):
        raise DataError(f'checkpoint {checkpoint} holds a '
                        f'{type(weights).__name__}, no weights')
    weights = weights.get('state_dict', weights)
    # the palette is not needed, and spares building the config's dataset;
    # given options, even empty ones, spare a look for `model.backbone`
    try:
        with _own_scope(cfg):
            model = init_detector(
                cfg,
                checkpoint,
                palette='random',
                device=device,
                cfg_options={})
    except KeyError as error:
        raise DataError(
            f'the config is no detector of MMDetection: {error}') from None
    if not isinstance(model, BaseDetector):
        raise DataError('the config is no detector of MMDetection: its model '
                        f'is a {type(model).__name__}')
    # MMEngine only logs what does not fit
    common = 0
    for name, value in model.state_dict().items():
        if name in weights:
            common += 1
            if weights[name].shape != value.shape:
                raise DataError(
                    f'{checkpoint} is not of this config: {name} is '
                    f'{tuple(weights[name].shape)} in the checkpoint and '
                    f'{tuple(value.shape)} in the model')
    if not common:
        raise DataError(f'{checkpoint} is not of this config: they have no '
                        'parameter in common')
    return model


def class_names(model: torch.nn.Module) -> Tuple[str, ...]:
    """The classes of a detector.

    Args:
        model (nn.Module): The detector.

    Returns:
        tuple[str]: Their names.
    """
    classes = model.dataset_meta.get('classes', ())
    # a lost comma makes a string of a tuple
    return (classes, ) if isinstance(classes, str) else tuple(classes)


class DetectionImages(Dataset):
    """Images after the test pipeline of a detector.

    Args:
        source (ImageSource): The images.
        cfg (Config): The detector's config.
    """

    def __init__(self, source: ImageSource, cfg: Config) -> None:
        self.source = source
        with _own_scope(cfg):
            self.pipeline = Compose(get_test_pipeline_cfg(cfg))

    def __len__(self) -> int:
        return len(self.source.names)

    def __getitem__(self, index: int) -> Dict:
        """Prepare an image.

        Args:
            index (int): Its position in the source.

        Returns:
            dict: ``index`` and either ``data``, what the pipeline returns,
            or ``reason``, why it cannot be read.
        """
        path = self.source.path(index)
        try:
            read_whole(path)
            data = self.pipeline(dict(img_path=path, img_id=index))
            if data is None:
                raise ValueError('the test pipeline returns nothing')
        except Exception as error:
            if isinstance(error, FileNotFoundError):
                text = 'no such file'
            else:
                text = f'{type(error).__name__}: {error}'
            text = ' '.join(text.replace(path, osp.basename(path)).split())
            return dict(index=index, reason=text[:300])
        return dict(index=index, data=data)


def make_loader(source: ImageSource, cfg: Config, indices: range,
                batch_size: int, workers: int) -> DataLoader:
    """Load images in batches.

    Args:
        source (ImageSource): All images.
        cfg (Config): The detector's config.
        indices (range): Positions of those to load.
        batch_size (int): Images of a batch.
        workers (int): Processes that decode; 0 decodes in this one.

    Returns:
        DataLoader: Gives lists of what :class:`DetectionImages` returns.
    """
    batches = [
        list(indices[i:i + batch_size])
        for i in range(0, len(indices), batch_size)
    ]
    return DataLoader(
        DetectionImages(source, cfg),
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=list)


class PersonFinder:
    """Boxes of one category for batches of images.

    Args:
        model (nn.Module): The detector.
        source (ImageSource): The images.
        label (int): The class, as the detector numbers it.
        score_thr (float): The lowest score.
        max_per_image (int, optional): The largest number of boxes of an
            image; those with the highest scores are kept.
    """

    def __init__(self, model: torch.nn.Module, source: ImageSource, label: int,
                 score_thr: float, max_per_image: Optional[int]) -> None:
        self.model = model
        self.source = source
        self.label = label
        self.score_thr = score_thr
        self.max_per_image = max_per_image

    def __call__(self, items: List[Dict]) -> List[Dict]:
        """Find boxes.

        Args:
            items (list[dict]): A batch of :class:`DetectionImages`.

        Returns:
            list[dict]: A record of the journal for each.
        """
        # images of different size would be padded, which changes the boxes
        groups = {}
        for item in items:
            if 'data' in item:
                shape = tuple(item['data']['inputs'].shape)
                groups.setdefault(shape, []).append(item)
        found = {}
        for group in groups.values():
            data = pseudo_collate([item['data'] for item in group])
            with torch.no_grad():
                results = self.model.test_step(data)
            for item, result in zip(group, results):
                found[item['index']] = result
        return [self._record(item, found) for item in items]

    def _record(self, item: Dict, found: Dict) -> Dict:
        """Make the record of an image."""
        index = item['index']
        record = dict(
            index=index,
            id=self.source.ids[index],
            file=self.source.names[index])
        if 'reason' in item:
            return dict(record, skipped=item['reason'])
        height, width = map(int, found[index].ori_shape[:2])
        listed = self.source.sizes[index]
        if listed is not None and tuple(listed) != (width, height):
            record['listed'] = list(listed)
        boxes = self._boxes(found[index].pred_instances, width, height)
        return dict(record, size=[width, height], boxes=boxes)

    def _boxes(self, instances, width: int, height: int) -> List[List[float]]:
        """Select, clip and round boxes; the best first."""
        keep = (instances.labels == self.label) & \
            (instances.scores >= self.score_thr)
        corners = instances.bboxes[keep].double().cpu()
        scores = instances.scores[keep].double().cpu()
        corners = corners[scores.argsort(descending=True, stable=True)]
        scores = scores.sort(descending=True, stable=True).values
        limit = corners.new_tensor([width, height, width, height])
        corners = corners.clamp(min=0).minimum(limit)
        boxes = []
        for (x1, y1, x2, y2), score in zip(corners.tolist(), scores.tolist()):
            # of rounded corners, so that no box leaves its image
            x, y = round(x1, 2), round(y1, 2)
            w, h = round(round(x2, 2) - x, 2), round(round(y2, 2) - y, 2)
            if w > 0 and h > 0:
                boxes.append([x, y, w, h, round(score, 4)])
        return boxes[:self.max_per_image]
