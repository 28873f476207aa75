# Copyright (c) semipose_mm authors.
"""What the outputs of teachers become for a student."""
from mmpose.registry import MODELS


@MODELS.register_module()
class MeanTarget:
    """The mean output."""

    def combine(self, output, outputs):
        """One output."""
        return output.mean(outputs)

    def make(self, output, combined, warp):
        """Target and weights."""
        return output.make_target(combined, warp)
