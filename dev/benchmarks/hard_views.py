# Copyright (c) semipose_mm authors.
"""Time every operation of the hard views against the size of the batch.

python dev/benchmarks/hard_views.py [--batches 1 8 32] [--size 192 256]
"""
import argparse
from typing import Callable, Dict

import measuring
import torch

from semipose_mm.models.hard_views import (BlockShuffle, CutMix, Cutout,
                                           HardAffine, JointCutOcclude,
                                           JointCutout, LegacyHardAffine,
                                           LegacyJointCutOcclude,
                                           LegacyJointCutout, MixUp)
from semipose_mm.structures import CodecGeometry, Draws, heatmap_peaks


def parse_args() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description='Time hard views')
    parser.add_argument('--batches', type=int, nargs='+', default=[1, 8, 32])
    parser.add_argument(
        '--size', type=int, nargs=2, default=[192, 256], metavar='PIXELS')
    parser.add_argument('--joints', type=int, default=17)
    parser.add_argument('--turns', type=int, default=20)
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', help='json file of the results')
    return parser.parse_args()


def build_actions(batch: int,
                  args: argparse.Namespace) -> Dict[str, Callable[[], object]]:
    """The operations on drawn images and heatmaps.

    Args:
        batch (int): Unlabeled images.
        args (Namespace): The options.
    """
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator).to(args.device)

    width, height = args.size
    codec = CodecGeometry((width, height), (width // 4, height // 4), (4., 4.))
    images = draw(batch, 3, height, width)
    heatmaps = draw(batch, args.joints, height // 4, width // 4)
    peaks = codec.to_input(heatmap_peaks(heatmaps)[0])
    uniforms = draw(batch, 512) * 0.99 + 0.005
    actions = {'peaks': lambda: heatmap_peaks(heatmaps)}
    for op in (JointCutout(), LegacyJointCutout(num_candidates=24),
               JointCutOcclude(), LegacyJointCutOcclude(num_candidates=24),
               Cutout(), CutMix(), MixUp(), BlockShuffle((4, 4))):
        actions[type(op).__name__] = \
            lambda op=op: op(images, peaks, Draws(uniforms))
    for warp in (HardAffine(), LegacyHardAffine()):
        name, moved = type(warp).__name__, warp(Draws(uniforms), codec)
        actions[f'{name}: matrices'] = \
            lambda warp=warp: warp(Draws(uniforms), codec)
        actions[f'{name}: images'] = lambda moved=moved: moved.images(images)
        actions[f'{name}: heatmaps'] = \
            lambda moved=moved: moved.heatmaps(heatmaps)
    return actions


def main() -> None:
    """Measure and report."""
    args = parse_args()
    wait = torch.cuda.synchronize if args.device == 'cuda' else None
    seconds = {
        batch:
        measuring.in_turns(
            build_actions(batch, args), args.turns, synchronize=wait)
        for batch in args.batches
    }
    rows = [['ms'] + [f'{batch} images' for batch in args.batches]]
    for name in seconds[args.batches[0]]:
        rows.append([name] + [
            str(measuring.spread([1e3 * s for s in seconds[batch][name]]))
            for batch in args.batches
        ])
    measuring.report(
        f'Hard views of {args.size[0]}x{args.size[1]} images with '
        f'{args.joints} joints on {args.device}', rows,
        dict(options=vars(args), seconds=seconds), args.out)


if __name__ == '__main__':
    main()
