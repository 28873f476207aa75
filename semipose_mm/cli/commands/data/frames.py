# Copyright (c) semipose_mm authors.
"""Choose frames of videos, and write them as a folder of unlabeled images.

A call that was killed goes on where it was. docs/video.md has the
details.
"""
import os.path as osp
import sys

from semipose_mm.videos.rules import IMAGES, NUM, RULES


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'videos',
        nargs='+',
        metavar='VIDEO',
        help='videos, or folders with videos in them')
    parser.add_argument(
        '--out', required=True, metavar='FOLDER', help='folder to write to')
    parser.add_argument(
        '--num',
        type=int,
        default=NUM,
        metavar='N',
        help=f'frames of each video. Defaults to {NUM}')
    parser.add_argument(
        '--by',
        choices=RULES,
        default='kmeans',
        help='kmeans: one frame of each cluster of thumbnails; motion: at '
        'equal steps of what has moved; stride: at equal distances. The first '
        'two leave near-duplicates out. Defaults to kmeans')
    parser.add_argument(
        '--image',
        choices=IMAGES,
        default='jpg',
        help='format of the images; jpg is of quality 95. Defaults to jpg')
    parser.add_argument(
        '--no-sheet',
        dest='sheet',
        action='store_false',
        help='do not write FOLDER.jpg, a picture of what was chosen')


def run(parser, args):
    """Write the frames."""
    if args.num < 1:
        parser.error(f'--num is {args.num}, but must be at least 1')
    from semipose_mm.data_files import WARNING, Findings
    from semipose_mm.videos.sheet import write_sheet
    from semipose_mm.videos.writing import find_videos, write_frames
    findings = Findings()
    try:
        found = write_frames(
            find_videos(args.videos), args.out, args.num, args.by, args.image,
            findings)
        for line in findings.lines(WARNING):
            print(f'warning: {line}', file=sys.stderr)
        total = sum(len(one.frames) for one in found)
        print(f'{total:,} frames of {len(found)} videos in {args.out}')
        if args.sheet:
            path = osp.abspath(args.out) + '.jpg'
            write_sheet(path, args.out, found)
            print(f'some of them: {osp.relpath(path)}')
    except OSError as error:
        parser.error(f'--out {args.out} cannot be written: {error}')
