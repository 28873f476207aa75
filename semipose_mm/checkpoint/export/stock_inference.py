# Copyright (c) semipose_mm authors.
"""What a network predicts by MMPose's own inference.

Also a script, for a process in which this package cannot be imported:
``python stock_inference.py CONFIG CHECKPOINT QUESTIONS ANSWERS``. With one
more argument it may be imported, for a backbone that is a part of it.
"""
import sys
from typing import List, Optional, Tuple

if __name__ == '__main__':
    # neither the package nor the files beside this one
    if len(sys.argv) < 6:
        sys.modules['semipose_mm'] = None
    sys.path.pop(0)

import torch
from mmpose.apis import inference_topdown, init_model
from torch import Tensor, nn

#: An image file and a box (x1, y1, x2, y2), or None for the whole image.
Sample = Tuple[str, Optional[List[float]]]


@torch.no_grad()
def head_outputs(net: nn.Module, inputs: Tensor) -> List[Tensor]:
    """What a network's head gives, whatever kind of head it is.

    Args:
        net (nn.Module): A pose estimator in evaluation mode.
        inputs (Tensor): Normalized images (B, 3, H, W).

    Returns:
        list[Tensor]: Heatmaps (B, K, h, w) alone, or the several outputs of
        heads such as SimCC's.
    """
    outputs = net.head(net.extract_feat(inputs))
    return [outputs] if isinstance(outputs, Tensor) else list(outputs)


def keypoints(model: nn.Module, samples: List[Sample]) -> List[Tensor]:
    """Keypoints and their scores in images.

    Args:
        model (nn.Module): What ``init_model`` returned.
        samples (list): Images and boxes.

    Returns:
        list[Tensor]: (K, 3) for each: x, y in pixels and the score.
    """
    found = []
    for path, box in samples:
        boxes = None if box is None else torch.tensor([box]).numpy()
        pred = inference_topdown(model, path, boxes)[0].pred_instances
        found.append(
            torch.cat([
                torch.as_tensor(pred.keypoints[0]),
                torch.as_tensor(pred.keypoint_scores[0])[:, None]
            ], 1))
    return found


def main() -> None:
    """Answer, with the weights loaded as safely as can be."""
    config, checkpoint, questions, answers = sys.argv[1:5]
    asked = torch.load(questions, weights_only=True)
    torch.load(checkpoint, map_location='cpu', weights_only=True)
    model = init_model(config, checkpoint, device='cpu')
    torch.save(
        dict(
            model=type(model).__name__,
            outputs=head_outputs(model, asked['inputs']),
            keypoints=keypoints(model, asked['samples'])), answers)


if __name__ == '__main__':
    main()
