# Copyright (c) semipose_mm authors.
"""Which base and input size fit labels where no option names them."""
from typing import NamedTuple, Sequence, Tuple

from .base import zoo_names

ZOO = 'mmpose::{}_2d_keypoint/topdown_heatmap/{}/td-hm_{}_8xb64-210e_{}.py'
BODY, ANIMAL = ('body', 'coco', '256x192'), ('animal', 'ap10k', '256x256')
#: Joints that people have, and by these names nobody else.
PEOPLE = ('wrist', 'ankle')
#: Labels from which on a larger network is taken.
MANY = 1000
#: Longer sides of crops in pixels, and the longest without a GPU.
SIDES, LONGEST_ON_CPU = (128, 256, 384), 256
#: A box that is longer than wide by this is no square.
OBLONG = 1.2


class Choice(NamedTuple):
    """A base and an input size.

    Attributes:
        base (str): A config of MMPose.
        input_size (tuple[int, int]): Width and height in pixels.
        told (str): Why, in words.
    """
    base: str
    input_size: Tuple[int, int]
    told: str


def recommend(names: Sequence[str], num_labels: int, box: Tuple[float, float],
              gpu: bool) -> Choice:
    """Choose a base and an input size by rules that are easily told.

    The network is ResNet-50, which tools for few labels begin with, and
    HRNet-W32 from :data:`MANY` labels on; without a GPU MobileNetV2, whose
    pass takes a fifth of the operations. Its pose checkpoint is of people or
    of animals. Crops are not much larger than
    the subjects.

    Args:
        names (Sequence[str]): Names of the keypoints.
        num_labels (int): Labeled instances that train.
        box (tuple[float, float]): Width and height of a usual box in pixels.
        gpu (bool): Whether CUDA can use one.

    Returns:
        Choice: What to take.
    """
    people = any(part in name.lower() for name in names for part in PEOPLE)
    network, why = 'res50', f'{num_labels} labels, fewer than {MANY}'
    if not gpu:
        network, why = 'mobilenetv2', 'no GPU that CUDA can use'
    elif num_labels >= MANY:
        network, why = 'hrnet-w32', f'{num_labels} labels'
    kind, data, size = BODY if people or not gpu else ANIMAL
    base = ZOO.format(kind, data, network, f'{data}-{size}')
    assert base in zoo_names('topdown_heatmap'), base
    width, height = box
    sides = [one for one in SIDES if gpu or one <= LONGEST_ON_CPU]
    side = next((one for one in sides if one >= max(box)), sides[-1])
    short = side * 3 // 4
    if height >= OBLONG * width:
        size = (short, side)
    elif width >= OBLONG * height:
        size = (side, short)
    else:
        size = (side, side)
    return Choice(
        base, size, f'{why}; boxes of {width:.0f}x{height:.0f} pixels, the '
        'median')
