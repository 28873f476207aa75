# Copyright (c) semipose_mm authors.
"""UnlabeledPoseDataset: images and boxes, no keypoints."""
import logging
from copy import copy, deepcopy
from typing import Any, Callable, List, Optional, Sequence, Union

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.fileio import exists, join_path
from mmengine.logging import print_log
from mmengine.utils import is_abs
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS

from ..data_files import NOTE, WARNING, DataError, Findings
from ..data_files.images import allowed_roots
from .reading.box_index import BoxIndex, Reading
from .reading.unlabeled import Source, read_source
from .transforms import build_transforms


@DATASETS.register_module()
class UnlabeledPoseDataset(BaseDataset):
    """Top-down instances without keypoints.

    The instances come from one of these sources:

    - detection results: ``ann_file`` is a COCO-style image list and
      ``bbox_file`` a list of dicts with ``image_id``, ``category_id``,
      ``bbox`` (x, y, width, height) and ``score``;
    - an annotated COCO-style ``ann_file`` without ``bbox_file``: its boxes
      are used, its keypoints are not;
    - a plain image list, ``ann_file='*.txt'`` with a path a line, or no
      ``ann_file`` at all: all images below ``data_prefix['img']``, sorted.
      The whole image is the box.

    Boxes are clipped to the image where the list tells its size, as MMPose
    clips labeled ones. The instances carry keypoints that are zero and not
    visible, as MMPose's transforms expect some. Nothing is left behind for
    the evaluation, which may well use another annotation file.

    Args:
        ann_file (str): Path of the image list or annotation file. Defaults
            to ''.
        bbox_file (str, optional): Path of the detection results. It is taken
            as it is, as in MMPose; if there is no such file, it is looked
            for in ``data_root``. Defaults to None.
        category_ids (Sequence[int], optional): The categories whose boxes
            are used. Defaults to None, which means any.
        keypoints_only (bool): Whether only those annotations are used that
            have keypoints, whose positions are not read. The persons of the
            paper's subset protocol. Defaults to False.
        without_labels (bool): Whether only images without any labeled joint
            are used, by their annotated boxes or else as a whole: the rest
            of a file that is labeled in parts. Defaults to False.
        score_thr (float): The lowest score of a box. Defaults to 0.
        max_per_image (int, optional): The largest number of boxes of an
            image; those with the highest scores are kept. Defaults to None,
            which means all.
        data_root (str, optional): The root of ``ann_file`` and
            ``data_prefix``. Defaults to None.
        data_prefix (dict): The folder of the images. Defaults to
            ``dict(img='')``.
        metainfo (dict, optional): Meta information of the keypoints that
            would be labeled, raw or with ``from_file`` as in MMPose, or the
            parsed ``metainfo`` of another dataset. In a
            :class:`SemiPoseDataset`, that of the labeled dataset is used
            unless it is given. Defaults to None.
        indices (int | Sequence[int], optional): The first so many instances,
            or those with these indices. Defaults to None, which means all.
        serialize_data (bool): As in MMEngine, for subclasses whose records
            are a list: the instances of these sources are held in arrays,
            which workers share. Defaults to True.
        pipeline (list): The pipeline. Defaults to [].
        lazy_init (bool): Whether to read the source only when it is needed.
            Defaults to False.
        max_refetch (int): The largest number of other instances tried when
            the pipeline returns None. Defaults to 1000.
        allow_outside (bool): Whether file names in ``ann_file`` may lead out
            of ``data_root`` and ``data_prefix['img']``. Defaults to False.
    """

    def __init__(self,
                 ann_file: str = '',
                 bbox_file: Optional[str] = None,
                 category_ids: Optional[Sequence[int]] = None,
                 keypoints_only: bool = False,
                 without_labels: bool = False,
                 score_thr: float = 0.,
                 max_per_image: Optional[int] = None,
                 data_root: Optional[str] = None,
                 data_prefix: dict = dict(img=''),
                 metainfo: Optional[dict] = None,
                 indices: Optional[Union[int, Sequence[int]]] = None,
                 serialize_data: bool = True,
                 pipeline: List[Union[dict, Callable]] = [],
                 lazy_init: bool = False,
                 max_refetch: int = 1000,
                 allow_outside: bool = False) -> None:
        if not isinstance(data_prefix, dict) or 'img' not in data_prefix:
            raise ValueError('data_prefix of UnlabeledPoseDataset must be '
                             "dict(img='folder of the images'), but is "
                             f'{data_prefix}')
        if category_ids is not None and (isinstance(
                category_ids, str) or not isinstance(category_ids, Sequence)):
            raise ValueError('category_ids of UnlabeledPoseDataset must be '
                             'None (any) or a list of category ids, but is '
                             f'{category_ids!r}')
        if max_per_image is not None and (not isinstance(max_per_image, int)
                                          or max_per_image < 1):
            raise ValueError('max_per_image of UnlabeledPoseDataset must be '
                             'None (all) or a positive integer, but is '
                             f'{max_per_image!r}')
        self.bbox_file = bbox_file
        for name, given in (('keypoints_only', keypoints_only),
                            ('without_labels', without_labels)):
            if given and bbox_file:
                raise ValueError(f'{name} of UnlabeledPoseDataset is for '
                                 'annotations, but bbox_file is '
                                 f"'{bbox_file}', and detections have none")
        self.category_ids = category_ids
        self.keypoints_only = keypoints_only
        self.without_labels = without_labels
        self.score_thr = score_thr
        self.max_per_image = max_per_image
        self.allow_outside = allow_outside
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix=data_prefix,
            indices=indices,
            serialize_data=serialize_data,
            pipeline=build_transforms(pipeline),
            lazy_init=lazy_init,
            max_refetch=max_refetch)

    @classmethod
    def _load_metainfo(cls, metainfo: Optional[dict] = None) -> dict:
        """Parse the meta information unless it is parsed already."""
        metainfo = metainfo or deepcopy(cls.METAINFO)
        if not metainfo:
            raise ValueError(
                'UnlabeledPoseDataset needs to know the keypoints: set its '
                'metainfo to that of the labeled dataset, for example '
                "metainfo=dict(from_file='configs/_base_/datasets/coco.py')")
        if 'num_keypoints' in metainfo and 'flip_indices' in metainfo:
            return dict(metainfo)
        return parse_pose_metainfo(metainfo)

    def _join_prefix(self) -> None:
        """Join the paths with ``data_root``."""
        super()._join_prefix()
        path = self.bbox_file
        if path and self.data_root and not is_abs(path) and not exists(path):
            joined = join_path(self.data_root, path)
            if exists(joined):
                self.bbox_file = joined

    @property
    def serialize_data(self) -> bool:
        """bool: Whether the records are pickled, as MMEngine does it.

        A :class:`BoxIndex` is as compact, and shared, as it is.
        """
        # a subset of what is pickled has no list
        records = getattr(self, 'data_list', None)
        return self._serialize_lists and not isinstance(records, BoxIndex)

    @serialize_data.setter
    def serialize_data(self, value: bool) -> None:
        self._serialize_lists = value

    def load_data_list(self) -> Sequence[dict]:
        """Read the source.

        A subclass may return a list of dicts of its own, made of these.

        Returns:
            BoxIndex: A record an instance.
        """
        folder = self.data_prefix['img']
        source = Source(
            ann_file=self.ann_file,
            bbox_file=self.bbox_file or '',
            folder=folder,
            roots=() if self.allow_outside else allowed_roots(
                folder, self.data_root),
            category_ids=self.category_ids,
            keypoints_only=self.keypoints_only,
            without_labels=self.without_labels,
            score_thr=self.score_thr,
            max_per_image=self.max_per_image)
        if source.whole_images:
            self._refuse_box_options()
        findings = Findings()
        return self._report(read_source(source, findings), findings)

    def _report(self, reading: Reading, findings: Findings) -> BoxIndex:
        """Log what was read, and check that it is something."""
        source = self.bbox_file or self.ann_file or self.data_prefix['img']
        for severity, level in ((WARNING, logging.WARNING), (NOTE,
                                                             logging.INFO)):
            for line in findings.lines(severity):
                print_log(
                    f'UnlabeledPoseDataset: {line}',
                    logger='current',
                    level=level)
        left_out = ', '.join(f'{n} {why}'
                             for why, n in reading.left_out.items() if n)
        left_out = f'; left out: {left_out}' if left_out else ''
        num_boxes = len(reading.index)
        if not num_boxes:
            raise DataError(
                f"UnlabeledPoseDataset found no instance in '{source}'"
                f'{left_out}. Check ann_file, bbox_file, data_prefix, '
                'category_ids and score_thr')
        self._check_indices(num_boxes)
        print_log(
            f'UnlabeledPoseDataset: {num_boxes} boxes on '
            f"{reading.index.num_files} images from '{source}'{left_out}",
            logger='current')
        return reading.index

    def _get_unserialized_subset(self, indices: Union[Sequence[int],
                                                      int]) -> Any:
        """Take some of the instances."""
        if isinstance(self.data_list, BoxIndex) and isinstance(
                indices, (int, Sequence)):
            return self.data_list.take(indices)
        return super()._get_unserialized_subset(indices)

    def _refuse_box_options(self) -> None:
        """Refuse what only makes sense for boxes from a file."""
        given = dict(
            bbox_file=self.bbox_file or None,
            category_ids=self.category_ids,
            keypoints_only=self.keypoints_only or None,
            without_labels=self.without_labels or None,
            score_thr=self.score_thr or None,
            max_per_image=self.max_per_image)
        given = [key for key, value in given.items() if value is not None]
        if given:
            raise ValueError(
                f'{", ".join(given)} of UnlabeledPoseDataset cannot be used '
                f'with ann_file={self.ann_file!r}: boxes need a COCO-style '
                'json as ann_file; a .txt list or a folder takes the whole '
                'image as box')

    def _check_indices(self, num_records: int) -> None:
        """Check that ``indices`` leaves something and nothing is missing."""
        indices = self._indices
        if indices is None:
            return
        if isinstance(indices, int):
            fine = indices != 0
        else:
            fine = len(indices) > 0 and all(-num_records <= i < num_records
                                            for i in indices)
        if not fine:
            raise ValueError(
                f'indices of UnlabeledPoseDataset is {indices!r}; it must be '
                'a number of instances other than 0, or a list of indices '
                f'below {num_records}')

    def get_data_info(self, idx: int) -> dict:
        """Get an instance as MMPose's transforms expect it.

        Args:
            idx (int): The index of the instance.

        Returns:
            dict: The instance, with what the pipeline needs of the meta
            information.
        """
        data_info = super().get_data_info(idx)
        if isinstance(self.data_list, BoxIndex):
            size = self.data_list.image_size(idx)
            if size is not None:
                # as MMPose has it of detections, in turn; loading compares it
                data_info['img_shape'] = size[::-1]
        num_keypoints = self._metainfo['num_keypoints']
        data_info['bbox'] = np.array([data_info['bbox']], dtype=np.float32)
        data_info['bbox_score'] = np.array([data_info['bbox_score']],
                                           dtype=np.float32)
        data_info['keypoints'] = np.zeros((1, num_keypoints, 2), np.float32)
        data_info['keypoints_visible'] = np.zeros((1, num_keypoints),
                                                  np.float32)
        for key in ('dataset_name', 'upper_body_ids', 'lower_body_ids',
                    'flip_pairs', 'dataset_keypoint_weights', 'flip_indices',
                    'skeleton_links'):
            # KeypointConverter changes lists in place
            data_info[key] = copy(self._metainfo[key])
        return data_info


def set_allow_outside(cfg: dict) -> None:
    """Let the unlabeled datasets of a config read images anywhere.

    Args:
        cfg (dict): Config of a dataset or a combination; changed in place.
    """
    for part in cfg.get('datasets') or ():
        set_allow_outside(part)
    cls = cfg.get('type')
    cls = DATASETS.get(cls) if isinstance(cls, str) else cls
    if isinstance(cls, type) and issubclass(cls, UnlabeledPoseDataset):
        cfg.setdefault('allow_outside', True)
