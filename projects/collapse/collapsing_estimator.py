# Copyright (c) semipose_mm authors.
"""An estimator that collapses: consistency of equally hard views."""
from typing import Any, Callable, List

from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from semipose_mm.models import PlainPass, SemiPoseEstimator
from semipose_mm.models.outputs import HeadOutput
from semipose_mm.models.teaching.plan import NetworkKey
from semipose_mm.structures import (CodecGeometry, Draws, SemiPoseDataSamples,
                                    SemiPoseInputs, ViewWarp)


@MODELS.register_module()
class HardPass(PlainPass):
    """A teacher sees a warped copy of the easy view alone, mapped back.

    Args:
        warp (dict): Config of the warp.
    """

    def __init__(self, warp: dict) -> None:
        self.warp = MODELS.build(warp)

    def draw(self, draws: Draws, codec: CodecGeometry) -> ViewWarp:
        """Draw the warp of a batch."""
        return self.warp(draws, codec)

    def __call__(self, run: Callable[[Tensor],
                                     Any], output: HeadOutput, images: Tensor,
                 samples: SampleList, drawn: ViewWarp) -> List[Any]:
        """See :meth:`PlainPass.__call__`."""
        seen, = super().__call__(run, output, drawn.images(images), samples,
                                 drawn)
        return [output.unwarp(seen, drawn)]

    def __repr__(self) -> str:
        return f'{self.__class__.__name__}(warp={self.warp})'


@MODELS.register_module()
class CollapsingEstimator(SemiPoseEstimator):
    """A network whose gradients flow through both sides of a comparison.

    It takes the config of a ``SemiPoseEstimator`` and differs from it in the
    first stage of the step: teachers are run like students. With one network,
    :class:`HardPass` and views that are made by the same warp alone,

        unsup_weight * sum_p l(f(x_p), T_p(T_0^-1(f(x_0))))

    no view is the easier one, so agreeing on background is as good as
    agreeing on the joint.
    """

    def teach(self, key: NetworkKey, inputs: SemiPoseInputs,
              data_samples: SemiPoseDataSamples, drawn: Any) -> List[Any]:
        """What a network says of an unlabeled view, with its gradient."""
        return self.plan.teacher_pass(lambda images: self.run(key, images),
                                      self.output, inputs['easy'],
                                      data_samples['labeled'], drawn)
