# Copyright (c) semipose_mm authors.
"""EasyHardPair: several views of one decode and crop, packed."""
import inspect
from typing import Callable, Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from mmengine.dataset import Compose
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.datasets.transforms.formatting import image_to_tensor
from mmpose.registry import TRANSFORMS

from semipose_mm.structures import matrix_name
from .building import build_transforms
from .hard_crop import crop_matrix

# The names that the batch of SemiPoseDataset uses itself.
RESERVED = ('labeled', 'labeled_uniforms', 'easy', 'uniforms')

# What a photometric transform has to leave alone.
GEOMETRY = ('input_size', 'input_center', 'input_scale', 'bbox', 'bbox_center',
            'bbox_scale', 'bbox_rotation', 'keypoints',
            'transformed_keypoints', 'flip', 'flip_direction')

DEFAULT_META_KEYS = inspect.signature(
    PackPoseInputs).parameters['meta_keys'].default


@TRANSFORMS.register_module()
class EasyHardPair(PackPoseInputs):
    """Pack the easy view of an unlabeled image, and its photometric twins.

    The last transform of an unlabeled pipeline. The crop as it comes is the
    easy view, which the teachers see. Each of ``sources`` is a copy of the
    same crop whose pixel values are changed; from there, a hard view starts.
    Cutouts and warps of the hard views are made in the model, in batch.

    Required Keys:

        - img

    Added Keys:

        - inputs: ``dict(easy=(3, H, W), <source>=(3, H, W), ...)``, uint8,
          and ``<name>_matrix`` (3, 3), float32, of each :class:`HardCrop`,
          from its pixels to those of the easy view
        - data_samples: as of :class:`PackPoseInputs`

    Args:
        sources (dict, optional): For the name of each further source, the
            list of its transforms. They may change the pixel values only.
            Defaults to None, which means the easy view alone.
        meta_keys (Sequence[str]): Meta keys which will be stored in
            ``PoseDataSample``. Defaults to those of :class:`PackPoseInputs`.
        pack_transformed (bool): Whether to pack ``transformed_keypoints``.
            Defaults to False.
    """

    def __init__(self,
                 sources: Optional[Dict[str, List[Union[dict,
                                                        Callable]]]] = None,
                 meta_keys: Sequence[str] = DEFAULT_META_KEYS,
                 pack_transformed: bool = False) -> None:
        super().__init__(
            meta_keys=meta_keys, pack_transformed=pack_transformed)
        self.sources = {}
        for name, pipeline in (sources or {}).items():
            if not isinstance(name, str) or name in RESERVED:
                raise ValueError(
                    f'sources of EasyHardPair has the name {name!r}; any '
                    f'string but {", ".join(RESERVED)} is allowed')
            self.sources[name] = Compose(build_transforms(pipeline))

    def transform(self, results: dict) -> Optional[dict]:
        """Pack the views.

        Args:
            results (dict): The result dict.

        Returns:
            dict | None: ``inputs`` and ``data_samples``; None if a source's
            transforms return None.
        """
        packed = super().transform(results)
        views = dict(easy=packed['inputs'])
        for name, pipeline in self.sources.items():
            view = pipeline(dict(results, img=results['img'].copy()))
            if view is None:
                return None
            self._check_view(name, results, view)
            views[name] = image_to_tensor(view['img'])
        for name, crop in results.get('hard_crops', {}).items():
            if name in views or name in RESERVED:
                raise ValueError(f'HardCrop has the name {name!r}, which '
                                 'another view of EasyHardPair has')
            views[name] = image_to_tensor(crop.img)
            easy = crop_matrix(results, crop.use_udp)
            # float64 until the two are one
            views[matrix_name(name)] = torch.from_numpy(
                easy @ np.linalg.inv(crop.matrix)).float()
        packed['inputs'] = views
        return packed

    @staticmethod
    def _check_view(name: str, results: dict, view: dict) -> None:
        """Check that the transforms of a source kept the geometry."""
        image, changed = results['img'], view['img']
        if image.shape != changed.shape or image.dtype != changed.dtype:
            raise ValueError(
                f"sources['{name}'] turns a crop of shape {image.shape} and "
                f'type {image.dtype} into {changed.shape}, {changed.dtype}; '
                'its transforms may change the pixel values only')
        moved = [
            key for key in GEOMETRY
            if not np.array_equal(results.get(key), view.get(key))
        ]
        if moved:
            raise ValueError(
                f"sources['{name}'] changes {', '.join(moved)}, that is the "
                'geometry of the crop; its transforms may change the pixel '
                'values only. Geometry belongs to the warp of the model')

    def __repr__(self) -> str:
        """Print the basic information of the transform.

        Returns:
            str: Formatted string.
        """
        repr_str = self.__class__.__name__
        repr_str += f'(sources={self.sources}, '
        repr_str += f'meta_keys={self.meta_keys}, '
        repr_str += f'pack_transformed={self.pack_transformed})'
        return repr_str
