# Copyright (c) semipose_mm authors.
"""The networks of a checkpoint, asked for images with boxes."""
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.apis import init_model

from semipose_mm.data_files import DataError


def choose_networks(asked: Optional[Sequence[str]], model: torch.nn.Module,
                    config: str) -> List[str]:
    """Names of the networks that predict.

    Args:
        asked (Sequence[str], optional): ``--networks``: names, numbers or
            ``'all'``. None is the one that ``semipose test`` takes for
            selected.
        model (nn.Module): A ``PeerEstimator``, or an estimator of MMPose.
        config (str): The config, for messages.

    Returns:
        list[str]: ``'net0'``, names of teachers, ``'ensemble'``.

    Raises:
        DataError: If there is no such network.
    """
    known = getattr(model, 'network_names', ['net0'])
    if not asked:
        return [getattr(model, 'selected_network', 'net0')]
    if list(asked) == ['all']:
        return list(getattr(model, 'scored_networks', ['net0']))
    names = [f'net{name}' if name.isdigit() else name for name in asked]
    for name in names:
        if name not in known:
            raise DataError(f'--networks is {" ".join(asked)}, but of '
                            f'{config} it must be all or some of '
                            f'{" ".join(known)}')
    return list(dict.fromkeys(names))


class PoseNetworks:
    """Networks that predict the same crops in one pass.

    Images are prepared by the config's own test pipeline, so that a crop is
    that of ``semipose test`` and of MMPose's ``inference_topdown``.

    Args:
        cfg (Config): A top-down config, of MMPose or of ours.
        checkpoint (str): Checkpoint file or URL.
        device (str): Where they run.

    Attributes:
        model (nn.Module): The estimator in evaluation mode.
        meta (dict): Meta information of the data set.
        joints (list[str]): Names of the keypoints.
    """

    def __init__(self, cfg: Config, checkpoint: str, device: str) -> None:
        self.model = init_model(cfg.copy(), checkpoint, device=device)
        self.meta = self.model.dataset_meta
        names = self.meta['keypoint_id2name']
        self.joints = [names[i] for i in range(len(names))]
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        self.pipeline = Compose(cfg.test_dataloader.dataset.pipeline)

    def prepare(self, image: Union[str, np.ndarray],
                box: Sequence[float]) -> dict:
        """Cut a box out of an image.

        Args:
            image (str | np.ndarray): A file, or BGR (H, W, 3), uint8.
            box (Sequence[float]): x, y, width, height in pixels.

        Returns:
            dict: What the test pipeline returns.
        """
        x, y, width, height = box
        key = 'img_path' if isinstance(image, str) else 'img'
        return self.pipeline({
            **self.meta, key:
            image,
            'bbox':
            np.array([[x, y, x + width, y + height]], np.float32),
            'bbox_score':
            np.ones(1, np.float32)
        })

    def predict(self, items: Sequence[dict],
                names: Sequence[str]) -> np.ndarray:
        """Predict crops.

        Args:
            items (Sequence[dict]): Of :meth:`prepare`, B of them.
            names (Sequence[str]): Of :func:`choose_networks`, N of them.

        Returns:
            np.ndarray: (B, N, K, 3), x and y in pixels of the image, rounded
            to four decimals, and the score, rounded to six.

        Raises:
            DataError: If the data set describes another number of joints.
        """
        batch = dict(
            inputs=[item['inputs'] for item in items],
            data_samples=[item['data_samples'] for item in items])
        poses = np.stack(
            list(predict_batch(self.model, batch, names).values()), 1)
        if poses.shape[2] != len(self.joints):
            raise DataError(
                f'the network predicts {poses.shape[2]} joints, but its data '
                f'set describes {len(self.joints)}: check metainfo of the '
                'config')
        return poses


@torch.no_grad()
def predict_batch(model: torch.nn.Module, batch: dict,
                  names: Sequence[str]) -> Dict[str, np.ndarray]:
    """Predict a batch with several networks in one pass.

    Args:
        model (nn.Module): A ``PeerEstimator``, or an estimator of MMPose.
        batch (dict): ``inputs`` and ``data_samples`` of B crops.
        names (Sequence[str]): Of :func:`choose_networks`.

    Returns:
        dict: By name (B, K, 3), as :meth:`PoseNetworks.predict` gives them.
    """
    if not hasattr(model, 'predict_networks'):
        return {name: _poses(model.test_step(batch)) for name in names}
    batch = model.data_preprocessor(batch, False)
    found = model.predict_networks(batch['inputs'], batch['data_samples'],
                                   names)
    return {name: _poses(found[name]) for name in names}


def _poses(samples: Sequence[Any]) -> np.ndarray:
    """Coordinates and scores (B, K, 3) of data samples."""
    points = np.stack([s.pred_instances.keypoints[0] for s in samples])
    scores = np.stack([s.pred_instances.keypoint_scores[0] for s in samples])
    return np.concatenate([
        points[..., :2].astype(np.float64).round(4), scores[..., None].astype(
            np.float64).round(6)
    ], -1)
