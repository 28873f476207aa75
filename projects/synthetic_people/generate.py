# Copyright (c) semipose_mm authors.
"""Generate pictures of synthetic people, with annotations in COCO format."""
import argparse
import re
from typing import Tuple

from people import write_dataset


def parse_size(text: str) -> Tuple[int, int]:
    """'128' or '160x200' as width and height."""
    match = re.fullmatch(r'(\d+)(?:x(\d+))?', text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f'must be one number or WIDTHxHEIGHT, got {text!r}')
    return int(match[1]), int(match[2] or match[1])


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Make pictures of synthetic people in COCO format: a '
        'labeled, an unlabeled (with detections) and a validation part.')
    parser.add_argument('out', help='folder to write; absent or empty')
    parser.add_argument('--labeled', type=int, default=60, metavar='N')
    parser.add_argument('--unlabeled', type=int, default=600, metavar='N')
    parser.add_argument('--val', type=int, default=120, metavar='N')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--size',
        type=parse_size,
        default=(160, 200),
        metavar='N|WxH',
        help='pixels of a picture (default: 160x200)')
    parser.add_argument(
        '--people',
        type=int,
        default=1,
        help='2 adds a second figure to each picture (default: 1)')
    parser.add_argument(
        '--workers',
        type=int,
        default=1,
        help='processes; the result is the same (default: 1)')
    args = parser.parse_args()
    try:
        write_dataset(**vars(args))
    except (ValueError, OSError) as error:
        parser.exit(2, f'generate.py: error: {error}\n')
    return args


if __name__ == '__main__':
    parse_args()
