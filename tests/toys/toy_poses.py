# Copyright (c) semipose_mm authors.
"""Poses and networks whose errors are known, for tests."""
import copy

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample
from torch.utils.data import Dataset

NUM_KEYPOINTS = 17


def keypoints(index):
    """The truth of an image: its joints lie on a line."""
    line = np.linspace(10, 90, NUM_KEYPOINTS) + index
    return np.stack([line, line], -1)[None].astype(np.float32)  # (1, K, 2)


@DATASETS.register_module()
class ToyPoseDataset(Dataset):
    """Five people in boxes of 100 pixels."""

    metainfo = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/coco.py'))
    metainfo['CLASSES'] = [dict(id=1, name='person')]

    def __len__(self):
        return 5

    def __getitem__(self, index):
        sample = PoseDataSample(
            metainfo=dict(
                id=index,
                img_id=index,
                img_path=f'{index}.jpg',
                category_id=1,
                ori_shape=(120, 120)))
        sample.gt_instances = InstanceData(
            keypoints=keypoints(index),
            keypoints_visible=np.ones((1, NUM_KEYPOINTS), np.float32),
            bboxes=np.array([[index, index, index + 100, index + 100]],
                            dtype=np.float32),
            bbox_scores=np.ones(1, dtype=np.float32),
            bbox_scales=np.full((1, 2), 125, dtype=np.float32))
        return dict(inputs=torch.zeros(3, 4, 4), data_samples=sample)


@MODELS.register_module()
class ToyNetworks(BaseModel):
    """Networks are off by numbers of pixels, the ensemble by the mean."""

    def __init__(self,
                 offsets,
                 test_cfg=dict(),
                 peers=None,
                 teachers=dict(),
                 data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.scale = torch.nn.Parameter(torch.ones(1))
        self.offsets = list(offsets)
        self.rules = dict(teachers)
        self.network = test_cfg.get('network', 0)
        self.calls = []

    @property
    def num_networks(self):
        return len(self.offsets)

    @property
    def selected_network(self):
        return self.network if isinstance(self.network, str) else \
            f'net{self.network}'

    @property
    def network_names(self):
        trained = [f'net{i}' for i in range(self.num_networks)]
        return trained + [*self.rules] + ['ensemble'] * (len(trained) > 1)

    @property
    def scored_networks(self):
        return [n for n in self.network_names if not n.startswith('snap')]

    def predict_networks(self, inputs, data_samples, names=None):
        assert torch.stack(list(inputs)).shape[1:] == (3, 4, 4)
        self.calls.append(
            (len(data_samples), self.training, torch.is_grad_enabled(),
             torch.is_autocast_enabled('cpu')))
        offsets = {f'net{i}': off for i, off in enumerate(self.offsets)}
        offsets.update(self.rules)
        offsets['ensemble'] = sum(self.offsets) / len(self.offsets)
        return {
            name: [self._predict(s, offsets[name]) for s in data_samples]
            for name in names or self.scored_networks
        }

    @staticmethod
    def _predict(sample, offset):
        sample = copy.deepcopy(sample)
        pred = keypoints(sample.img_id)
        pred[..., 0] += offset
        sample.pred_instances = InstanceData(
            keypoints=pred,
            keypoint_scores=np.ones((1, NUM_KEYPOINTS), np.float32))
        return sample

    def forward(self, inputs, data_samples, mode):
        assert mode == 'predict'
        return self.predict_networks(inputs, data_samples)['net0']


@MODELS.register_module()
class ToyStock(BaseModel):
    """A model of another kind: it only predicts."""

    def forward(self, inputs, data_samples, mode):
        return [ToyNetworks._predict(sample, 3) for sample in data_samples]
