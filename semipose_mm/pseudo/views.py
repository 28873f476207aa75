# Copyright (c) semipose_mm authors.
"""Every network sees every image several times: larger, smaller, mirrored."""
from typing import List, Sequence, Union

import numpy as np
from mmengine.config import Config
from mmpose.codecs import UDPHeatmap

from semipose_mm.data_files import DataError
from semipose_mm.launch.testing import set_flip_test
from semipose_mm.prediction.networks import PoseNetworks, choose_networks


class ViewNetworks(PoseNetworks):
    """The networks of a checkpoint, each asked for several views of a box.

    A view is the box at a scale, and its mirror image. A mirrored pose is
    brought back as points, so that nothing is rounded to pixels of a heatmap.

    Args:
        cfg (Config): A top-down config. The flip test of its ``test_cfg`` is
            switched off, as mirror images are views of their own.
        checkpoint (str): Checkpoint file or URL.
        device (str): Where they run.
        networks (Sequence[str], optional): ``--networks``. None is all that
            ``semipose test`` scores, without the ensemble, which is no other
            opinion.
        scales (Sequence[float]): Sizes of the views in parts of the box.
        flip (bool): Whether there are mirror images of all of them.
        config (str): The config, for messages.

    Attributes:
        names (list[str]): What :meth:`predict` predicts, V of them.

    Raises:
        DataError: If there is no such network, or only one prediction.
    """

    def __init__(self, cfg: Config, checkpoint: str, device: str,
                 networks: Sequence[str], scales: Sequence[float], flip: bool,
                 config: str) -> None:
        cfg = cfg.copy()
        set_flip_test('off', cfg)
        super().__init__(cfg, checkpoint, device)
        asked = choose_networks(networks or ['all'], self.model, config)
        self._asked = asked if networks else [
            name for name in asked if name != 'ensemble'
        ]
        self._scales = list(scales)
        self._flips = [False, True] if flip else [False]
        self.names = [
            f'{name} x{scale:g}{" mirrored" if flipped else ""}'
            for scale in self._scales for flipped in self._flips
            for name in self._asked
        ]
        if len(self.names) < 2:
            raise DataError(
                f'{config} has one network, and there is one view, so nothing '
                'can agree: give several --scales, or set --flip on')
        codec = self.model.head.decoder
        # of UDP the centers of the first and last pixel are the edges
        self._pixel = 0. if isinstance(codec, UDPHeatmap) else 1.

    def prepare(self, image: Union[str, np.ndarray],
                box: Sequence[float]) -> List[dict]:
        """Cut the views out of an image.

        Args:
            image (str | np.ndarray): A file, or BGR (H, W, 3), uint8.
            box (Sequence[float]): x, y, width, height in pixels.

        Returns:
            list[dict]: What the test pipeline returns for each scale.
        """
        x, y, w, h = box
        return [
            super(ViewNetworks, self).prepare(image,
                                              (x - (s - 1) * w / 2, y -
                                               (s - 1) * h / 2, s * w, s * h))
            for s in self._scales
        ]

    def predict(self, items: Sequence[List[dict]],
                names: Sequence[str]) -> np.ndarray:
        """Predict all views.

        Args:
            items (Sequence[list[dict]]): Of :meth:`prepare`, B of them.
            names (Sequence[str]): :attr:`names`, V of them.

        Returns:
            np.ndarray: (B, V, K, 3), x and y in pixels of the image, and the
            score.
        """
        assert list(names) == self.names
        found = []
        for number in range(len(self._scales)):
            crops = [one[number] for one in items]
            for flipped in self._flips:
                if not flipped:
                    found.append(super().predict(crops, self._asked))
                    continue
                mirrored = [
                    dict(one, inputs=one['inputs'].flip(-1)) for one in crops
                ]
                found.append(
                    self._back(super().predict(mirrored, self._asked), crops))
        return np.concatenate(found, 1)

    def _back(self, poses: np.ndarray, crops: Sequence[dict]) -> np.ndarray:
        """Poses (B, N, K, 3) of mirrored crops, in their images."""
        samples = [one['data_samples'] for one in crops]
        center, scale, size = (
            np.array([getattr(s, key)[0] for s in samples])
            for key in ('input_center', 'input_scale', 'input_size'))
        poses = poses[:, :, list(self.meta['flip_indices'])]
        edges = 2 * center - self._pixel * scale / size
        poses[..., 0] = edges[:, None, None] - poses[..., 0]
        return poses
