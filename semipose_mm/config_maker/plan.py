# Copyright (c) semipose_mm authors.
"""What a config says, before it is written."""
from typing import Any, Dict, List, NamedTuple, Optional

from .base import Base
from .data import Data
from .recipes import Recipe
from .schedule import Schedule
from .weights import Weights


class Plan(NamedTuple):
    """Everything that a config says.

    Attributes:
        recipe (Recipe): What it is.
        base (Base): What it inherits.
        base_told (str, optional): Why, if no option named it.
        network (dict): Overrides of ``model``.
        peer (dict, optional): Entry of ``model.peers``.
        peer_name (str, optional): The config that it comes from.
        cutout (dict): What differs in joint cutout.
        data (Data): What it reads.
        split (bool): Whether the labels that validate were drawn.
        schedule (Schedule): Lengths of the training.
        lr (float): Learning rate.
        weights (Weights): What networks start from.
        box_rule (dict, optional): Where boxes come from, if labels were
            imported.
    """
    recipe: Recipe
    base: Base
    base_told: Optional[str]
    network: dict
    peer: Optional[dict]
    peer_name: Optional[str]
    cutout: dict
    data: Data
    split: bool
    schedule: Schedule
    lr: float
    weights: Weights
    box_rule: Optional[dict] = None

    @property
    def flips(self) -> bool:
        """bool: Whether a mirrored image has known labels."""
        return not self.data.keypoints.unflipped

    @property
    def metrics(self) -> List[str]:
        """List[str]: What scores the validation, the best one first."""
        ap = self.data.keypoints.sigmas_known
        return ['FastCocoMetric'] * ap + ['BoxPCK', 'PixelError']

    @property
    def box_scale(self) -> Dict[str, Any]:
        """dict: The transform that makes a crop of a box.

        Whole images and regions of them are shown as they are: what is
        around them is black, or of no interest.
        """
        kind = 'GetBBoxCenterScale'
        box = self.base.transform(kind, dict(type=kind))
        if (self.box_rule or {}).get('kind') in ('whole', 'region'):
            return dict(box, padding=1.)
        return box
