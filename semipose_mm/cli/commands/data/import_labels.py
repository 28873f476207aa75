# Copyright (c) semipose_mm authors.
"""Import labels of other tools into a folder with a held-out part.

A folder that exists is added to: what is held out stays so, and labels of
images that are known are replaced. docs/import.md explains.
"""
import math


def positive_share(text: str) -> float:
    """A number of at least 0."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'sources',
        nargs='+',
        metavar='SOURCE',
        help='a DeepLabCut project or table (.csv, .h5), a table of '
        'Lightning Pose, a file of SLEAP (.slp), Label Studio (.json), CVAT '
        'for images (.xml) or COCO (.json), or a data set of YOLO pose')
    parser.add_argument(
        '--out', required=True, metavar='FOLDER', help='folder of the labels')
    parser.add_argument(
        '--images',
        nargs='+',
        default=[],
        metavar='DIR',
        help='folders to look for images in before those near the sources')
    parser.add_argument(
        '--copy',
        action='store_true',
        help='copy the images into FOLDER; else it gets links to them')
    parser.add_argument(
        '--box',
        choices=['whole', 'keypoints'],
        help='boxes are whole images (the default with one animal an image) '
        'or lie around the keypoints')
    parser.add_argument(
        '--margin',
        type=positive_share,
        metavar='SHARE',
        help='with --box keypoints: each side is longer by this share of the '
        "box's longer side. Defaults to 0.25")
    parser.add_argument(
        '--region',
        nargs=4,
        type=float,
        metavar=('X', 'Y', 'W', 'H'),
        help='one box for all images, in pixels, such as that of the arena')
    parser.add_argument(
        '--split',
        choices=['video', 'time', 'random'],
        help='what is held out: whole videos (the default where there are '
        'three), the end of each, or random images')
    parser.add_argument(
        '--val-share',
        type=float,
        metavar='SHARE',
        help='share of the images that is held out. Defaults to 0.2')
    parser.add_argument(
        '--val-videos',
        nargs='+',
        default=[],
        metavar='NAME',
        help='the videos to hold out')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='of the draw of videos or images. Defaults to 0')


def box_rule(parser, args):
    """The box rule that the options name; None without any."""
    if args.region and args.box:
        parser.error('--region cannot be used with --box')
    if args.margin is not None and args.box != 'keypoints':
        parser.error('--margin needs --box keypoints')
    if args.region:
        return dict(kind='region', region=args.region)
    if args.box == 'keypoints':
        margin = 0.25 if args.margin is None else args.margin
        return dict(kind='keypoints', margin=margin)
    return dict(kind='whole') if args.box else None


def run(parser, args):
    """Import."""
    rule = box_rule(parser, args)
    from semipose_mm.importing import import_labels
    imported = import_labels(
        args.sources,
        args.out,
        images=args.images,
        copy=args.copy,
        box_rule=rule,
        split=args.split,
        val_share=args.val_share,
        val_videos=args.val_videos,
        seed=args.seed)
    print(*imported.lines(), sep='\n')
