# Copyright (c) semipose_mm authors.
"""Building the transforms of a pipeline."""
from typing import Callable, List, Sequence, Union

from mmpose.registry import TRANSFORMS


def build_transforms(
        pipeline: Sequence[Union[dict, Callable]]) -> List[Callable]:
    """Build the transforms of a pipeline.

    Args:
        pipeline (Sequence[dict | callable] | Compose): Configs, transforms,
            or the ``Compose`` of MMEngine or MMCV.

    Returns:
        list[callable]: The transforms.
    """
    transforms = getattr(pipeline, 'transforms', pipeline) or []
    # MMPose's registry knows its transforms without a default scope.
    return [
        TRANSFORMS.build(t) if isinstance(t, dict) else t for t in transforms
    ]
