# Copyright (c) semipose_mm authors.
"""SemiPoseDataset: an item is a labeled sample and its unlabeled partners."""
from copy import deepcopy
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmengine.dataset import Compose
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from .fetching import fetch
from .images.bad_images import BadImages
from .images.caching import attach, hold_images
from .images.image_cache import ImageCache
from .label_check import (check_labels, check_sizes, check_unlabeled,
                          compare_boxes, leaves)
from .pipeline import (check_explicit, check_keypoints, check_loading,
                       check_order, check_weighted, derive_unlabeled, say_easy)
from .reading.labeled import has_weights, one_reading
from .repeatability import check_repeatable
from .sampler import SemiIndex
from .seeding import stream, undisturbed
from .transforms import build_transforms
from .transforms.lean_stock import replace_stock
from .unlabeled_dataset import UnlabeledPoseDataset, set_allow_outside

# Streams of an item: 0 is the labeled sample, 1 + r the partner r. This one
# lies out of the way of the attempts behind these, see `fetching`.
UNIFORMS = (1 << 30) + 1

# (k + 0.5) / 2**23 is exact in float32, and neither 0 nor 1.
STEPS = 1 << 23

KEY = 'train_dataloader.dataset'


@DATASETS.register_module()
class SemiPoseDataset(Dataset):
    """Pairs of labeled and unlabeled samples.

    An item holds

    - ``inputs``: ``labeled`` (3, H, W), ``easy`` (R, 3, H, W), the further
      ``sources`` (R, 3, H, W), all uint8, and ``uniforms`` (R, U), float32 in
      the open interval (0, 1), from which the model's hard views take their
      parameters;
    - ``data_samples``: ``labeled``, a ``PoseDataSample``, and ``unlabeled``,
      a list of R of them,

    where R is ``unlabeled_ratio``. With R = 0 there is the labeled part only,
    the very same one: the supervised baseline. Everything in an item is a
    pure function of its :class:`SemiIndex`. A plain index works as well, for
    browsing.

    Args:
        labeled (dict): Config of the labeled dataset, any of MMPose.
        unlabeled (dict, optional): Config of the unlabeled dataset. If it
            has no ``pipeline``, that is derived from the labeled one:
            what needs keypoints (RandomHalfBody, GenerateTarget,
            KeypointConverter) is dropped, and :class:`EasyHardPair` does the
            packing. Defaults to None, for ``unlabeled_ratio=0``.
        easy (str | Sequence[dict]): What a derived pipeline keeps of the
            labeled one: ``'geometry'`` drops what changes colours or hides
            parts, ``'labeled'`` keeps it. A list of transforms of the box,
            such as ``[dict(type='EasyAffine')]``, crops the easy view in the
            place of the labeled pipeline's, and what that makes of the image
            is the source ``'hard'``, see :class:`HardCrop`. Defaults to
            ``'geometry'``.
        unlabeled_ratio (int): Number of unlabeled partners of a labeled
            sample. Defaults to 1.
        sources (dict, optional): Sources of hard views beside the easy
            crop, see :class:`EasyHardPair`. Defaults to None.
        num_uniforms (int): Uniform variates of a labeled sample and of a
            partner. Defaults to 512.
        metainfo (dict, optional): Meta information for those of the two
            datasets that have none in their configs. Defaults to None.
        max_bad_images (int): How many unlabeled image files may be of no
            use. Each is named in a warning and skipped; one more stops the
            run. A labeled one always does. Defaults to 100.
        allow_outside (bool): Whether file names of annotation files and
            image lists may lead out of ``data_root`` and
            ``data_prefix['img']`` of their datasets. Defaults to False.
        labeled_cache_mb (int): The largest size of all decoded labeled images
            in MiB at which they are held in memory. Defaults to 1024.

    Raises:
        TypeError: If one of the two datasets is of no use.
        ValueError: If a key has a value that is not allowed.
    """

    def __init__(self,
                 labeled: dict,
                 unlabeled: Optional[dict] = None,
                 unlabeled_ratio: int = 1,
                 sources: Optional[dict] = None,
                 num_uniforms: int = 512,
                 metainfo: Optional[dict] = None,
                 max_bad_images: int = 100,
                 allow_outside: bool = False,
                 labeled_cache_mb: int = 1024,
                 easy: Union[str, Sequence[dict]] = 'geometry') -> None:
        for name, value, least in (('unlabeled_ratio', unlabeled_ratio,
                                    0), ('num_uniforms', num_uniforms, 1),
                                   ('max_bad_images', max_bad_images, 0),
                                   ('labeled_cache_mb', labeled_cache_mb, 0)):
            if not isinstance(value, int) or value < least:
                raise ValueError(f'{KEY}.{name} is {value!r}; it must be an '
                                 f'integer of at least {least}')
        if not isinstance(easy, (list, tuple)) and easy not in ('geometry',
                                                                'labeled'):
            raise ValueError(f"{KEY}.easy is {easy!r}; it must be 'geometry', "
                             "'labeled' or a list of transforms of the box")
        if unlabeled is None and unlabeled_ratio > 0:
            raise ValueError(
                f'{KEY}.unlabeled is missing while unlabeled_ratio is '
                f'{unlabeled_ratio}; give an unlabeled dataset, or '
                'unlabeled_ratio=0 for supervised training')
        self.unlabeled_ratio = unlabeled_ratio
        self.num_uniforms = num_uniforms
        self.easy = easy
        self.sources = deepcopy(dict(sources or {}))
        self.allow_outside = allow_outside
        self._bad_images = BadImages(f'{KEY}.unlabeled', max_bad_images,
                                     f'{KEY}.max_bad_images')
        self.labeled_cache_mb = labeled_cache_mb
        self._cache: Optional[ImageCache] = None
        self._cfgs = {}
        self._checked = set()

        self.labeled = self._build('labeled', labeled, metainfo)
        check_order(self.labeled.pipeline, f'{KEY}.labeled.pipeline')
        self.unlabeled = None
        self._derived = False
        replace_stock(self.labeled)
        if unlabeled is not None:
            self.unlabeled = self._build('unlabeled', unlabeled, metainfo)
            self._derived = not unlabeled.get('pipeline')
            replace_stock(self.unlabeled)
            check_keypoints(self.labeled, self.unlabeled, KEY)
            if self._derived:
                self._derive()
            else:
                check_explicit(self.unlabeled.pipeline, self.sources, KEY)
        for name in ('labeled', 'unlabeled'):
            if getattr(getattr(self, name), '_fully_initialized', False):
                self._check_data(name)

    def _build(self, name: str, cfg: dict, metainfo: Optional[dict]) -> Any:
        """Build one of the two datasets."""
        if not isinstance(cfg, dict):
            raise TypeError(f'{KEY}.{name} must be the config of a dataset, '
                            f'but is a {type(cfg).__name__}')
        cfg = deepcopy(cfg)
        if cfg.get('test_mode'):
            raise ValueError(
                f'{KEY}.{name} has test_mode=True, which would point the '
                'evaluation at its annotation file; for boxes of a detector '
                'use UnlabeledPoseDataset')
        if not cfg.get('metainfo'):
            cls = cfg.get('type')
            cls = DATASETS.get(cls) if isinstance(cls, str) else cls
            if metainfo:
                cfg['metainfo'] = deepcopy(metainfo)
            elif (name == 'unlabeled' and isinstance(cls, type)
                  and issubclass(cls, UnlabeledPoseDataset)):
                cfg['metainfo'] = self.metainfo
        if self.allow_outside and name == 'unlabeled':
            set_allow_outside(cfg)
        self._cfgs[name] = cfg
        with one_reading(cfg, f'{KEY}.{name}', weighted=True):
            dataset = DATASETS.build(cfg)
        for attribute in ('prepare_data', 'pipeline'):
            if not hasattr(dataset, attribute):
                raise TypeError(
                    f'{KEY}.{name} is a {type(dataset).__name__}, which has '
                    f"no '{attribute}'; use a dataset of MMPose, or its "
                    'CombinedDataset for several')
        return dataset

    def _derive(self) -> None:
        """Derive the unlabeled pipeline from the labeled one."""
        check_loading(self.labeled, f'{KEY}.labeled')
        self.unlabeled.pipeline, dropped = derive_unlabeled(
            self.labeled.pipeline, self.sources, self.easy)
        say_easy(self.unlabeled.pipeline, dropped, KEY)

    @property
    def pipeline(self) -> Compose:
        """Compose: The labeled pipeline; setting it sets both."""
        return self.labeled.pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Union[Compose, Sequence[Union[dict,
                                                               Callable]]]):
        if self.unlabeled is not None and not self._derived:
            raise RuntimeError(
                f'the pipeline of {KEY} cannot be switched (by '
                f'PipelineSwitchHook, say), since {KEY}.unlabeled.pipeline '
                'is given and would stay as it is; leave it out, so that it '
                'is derived from the labeled one, or remove the hook')
        pipeline = Compose(build_transforms(pipeline))
        check_order(pipeline, f'the pipeline set for {KEY}')
        self.labeled.pipeline = pipeline
        replace_stock(self.labeled)
        if self._cache is not None:
            attach(self.labeled, self._cache)
        if self.unlabeled is not None:
            self._derive()

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the labeled dataset."""
        return deepcopy(self.labeled.metainfo)

    @property
    def num_labeled(self) -> int:
        """int: Length of the labeled dataset."""
        self.full_init()
        return len(self.labeled)

    @property
    def num_unlabeled(self) -> int:
        """int: Length of the unlabeled dataset, 0 without one."""
        self.full_init()
        return 0 if self.unlabeled is None else len(self.unlabeled)

    def full_init(self) -> None:
        """Read the annotations and check them, unless that is done."""
        for name in ('labeled', 'unlabeled'):
            dataset = getattr(self, name)
            if dataset is not None and name not in self._checked:
                with one_reading(
                        self._cfgs[name], f'{KEY}.{name}', weighted=True):
                    dataset.full_init()
                self._check_data(name)

    def _check_data(self, name: str) -> None:
        """Check what one of the two datasets has read."""
        check = dict(labeled=check_labels, unlabeled=check_unlabeled)[name]
        for dataset, key in leaves(getattr(self, name), f'{KEY}.{name}'):
            check(dataset, key, self.allow_outside)
            check_sizes(dataset, key, getattr(self, name), name == 'labeled')
            if has_weights(dataset):
                check_weighted([dataset.pipeline, self.pipeline], key)
        if name == 'labeled':
            self._cache = hold_images(self.labeled, f'{KEY}.labeled',
                                      self.labeled_cache_mb,
                                      f'{KEY}.labeled_cache_mb')
        self._checked.add(name)
        if len(self._checked) == 2:
            compare_boxes(self.labeled, self.unlabeled, f'{KEY}.unlabeled')

    def check_repeatable(self) -> None:
        """Refuse transforms that make an item another one each time."""
        check_repeatable(self, KEY)

    def __len__(self) -> int:
        """Number of items of an epoch."""
        if self.unlabeled is None:
            return self.num_labeled
        return -(-self.num_unlabeled // max(self.unlabeled_ratio, 1))

    def _resolve(self, index: Union[int, SemiIndex]) -> SemiIndex:
        """Turn a plain index into that of an item."""
        if isinstance(index, SemiIndex):
            return index
        if not -len(self) <= index < len(self):
            raise IndexError(f'index {index} is out of the {len(self)} items '
                             'of SemiPoseDataset')
        index = int(index) % len(self)
        first = index * self.unlabeled_ratio
        return SemiIndex(
            labeled=index % self.num_labeled,
            unlabeled=tuple(i % self.num_unlabeled
                            for i in range(first, first +
                                           self.unlabeled_ratio)),
            seed=index)

    def _partner(self, index: int, seed: int, part: int) -> Tuple[dict, Any]:
        """Get the views and the data sample of an unlabeled partner."""
        data = fetch(self.unlabeled, f'{KEY}.unlabeled', index, seed, part,
                     self._bad_images)
        views = dict(data['inputs'], uniforms=self._uniforms(seed, part))
        return views, data['data_samples']

    def _uniforms(self, seed: int, part: int) -> torch.Tensor:
        """Uniforms (N,) in (0, 1) of a part of an item."""
        steps = stream(seed, part, UNIFORMS).integers(
            STEPS, size=self.num_uniforms)
        return torch.from_numpy(((steps + 0.5) / STEPS).astype(np.float32))

    def __getitem__(self, index: Union[int, SemiIndex]) -> dict:
        """Get an item.

        Args:
            index (SemiIndex | int): What the item is made of.

        Returns:
            dict: ``inputs`` and ``data_samples``, see the class.
        """
        index = self._resolve(index)
        self.full_init()
        with undisturbed():
            return self._item(index)

    def _item(self, index: SemiIndex) -> dict:
        """Make an item; the global generators are left in any state."""
        labeled = fetch(self.labeled, f'{KEY}.labeled', index.labeled,
                        index.seed, 0, None)
        inputs = dict(
            labeled=labeled['inputs'],
            labeled_uniforms=self._uniforms(index.seed, 0))
        data_samples = dict(labeled=labeled['data_samples'])
        if index.unlabeled:
            partners: List[Tuple[dict, Any]] = [
                self._partner(i, index.seed, 1 + r)
                for r, i in enumerate(index.unlabeled)
            ]
            for name in partners[0][0]:
                # (R, 3, H, W), or (R, U) for the uniforms
                inputs[name] = torch.stack([v[name] for v, _ in partners])
            data_samples['unlabeled'] = [sample for _, sample in partners]
        return dict(inputs=inputs, data_samples=data_samples)
