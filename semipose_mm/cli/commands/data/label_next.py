# Copyright (c) semipose_mm authors.
"""Choose the frames to label next: ``semipose label-next CONFIG CHECKPOINT
VIDEO --num N``, or ``semipose label-next PREDICTIONS VIDEO --num N``.

Those are chosen on which the networks disagree and have low scores, and whose
poses differ. They are written as images, with the predicted poses for Label
Studio, CVAT, DeepLabCut and as COCO, which semipose import reads back.
docs/label_next.md has the details.
"""
import math
import os.path as osp

from semipose_mm.label_next.rules import FORMATS, GAP, POOL, SCORER, WEIGHTS
from ..runs.predict import add_prediction_options, check_args, predict_media


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'model',
        metavar='CONFIG|PREDICTIONS',
        help='config file; or the folder that semipose predict has written, '
        'of which nothing is predicted again')
    parser.add_argument(
        'media',
        nargs='+',
        metavar='[CHECKPOINT] VIDEO|IMAGE|FOLDER',
        help='with a config its checkpoint; then videos, images, folders of '
        'images or of videos')
    parser.add_argument(
        '--num',
        type=int,
        required=True,
        metavar='N',
        help='how many frames to choose of all')
    parser.add_argument(
        '--out',
        default='label_next',
        metavar='DIR',
        help='folder for the frames and what is known of them. Defaults to '
        'label_next')
    parser.add_argument(
        '--labels',
        metavar='FOLDER',
        help='folder that semipose import has written: its frames, those '
        'near to them, and those that would be held out are left out')
    parser.add_argument(
        '--format',
        nargs='+',
        choices=FORMATS,
        default=list(FORMATS),
        help='tools that get pre-annotations. Defaults to all')
    parser.add_argument(
        '--network',
        metavar='NAME',
        help='the network whose poses are the pre-annotations. Defaults to '
        'the first one that predicts')
    parser.add_argument(
        '--weights',
        nargs=2,
        type=float,
        default=WEIGHTS,
        metavar=('DISAGREEMENT', 'LOW_SCORES'),
        help='weights of the ranks by disagreement and by low scores. '
        'Defaults to 1 1')
    parser.add_argument(
        '--gap',
        type=int,
        default=GAP,
        metavar='FRAMES',
        help='frames of a video whose numbers differ by less are '
        f'near-duplicates. Defaults to {GAP}')
    parser.add_argument(
        '--pool',
        type=int,
        default=POOL,
        metavar='TIMES',
        help='k-means sees the best TIMES x N frames. The more, the more the '
        f'chosen ones differ. Defaults to {POOL}')
    parser.add_argument(
        '--min-score',
        type=float,
        default=0.,
        metavar='S',
        help='joints with a lower score are not pre-annotated. Defaults to 0, '
        'which pre-annotates all')
    parser.add_argument(
        '--scorer',
        default=SCORER,
        metavar='NAME',
        help='who labels, in tables of DeepLabCut: the scorer of the project. '
        f'Defaults to {SCORER}')
    add_prediction_options(parser, 'all')


def check_numbers(parser, args):
    """Refuse numbers that mean nothing."""
    for name in ('num', 'gap', 'pool'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} is {getattr(args, name)}, but must be at '
                         'least 1')
    if not (all(0 <= one < math.inf
                for one in args.weights) and sum(args.weights)):
        given = ' '.join(f'{one:g}' for one in args.weights)
        parser.error(f'--weights is {given}, but must be two numbers of at '
                     'least 0, not both 0')


def predict(parser, args):
    """Predict with the model, into the output folder.

    Returns:
        str: The folder of the predictions.
    """
    if len(args.media) < 2:
        parser.error(f'{args.model} is no folder of predictions, so a '
                     'checkpoint and videos, images or folders must follow')
    from semipose_mm.prediction.media import find_media
    args.config, args.checkpoint, *args.media = args.model, *args.media
    args.networks = args.networks or ['all']
    out, args.out = args.out, osp.join(args.out, 'predictions')
    check_args(parser, args)
    predict_media(parser, args, find_media(args.media))
    predictions, args.out = args.out, out
    return predictions


def run(parser, args):
    """Choose frames and write them."""
    check_numbers(parser, args)
    from semipose_mm.label_next.run import check_folders, label_next
    from semipose_mm.prediction.media import find_media
    check_folders(args.out, args.labels)
    predictions = args.model
    if not osp.isdir(predictions):
        predictions = predict(parser, args)
    try:
        done = label_next(predictions, find_media(args.media), args.num,
                          args.out, args.format, args.labels, args.network,
                          tuple(args.weights), args.gap, args.pool,
                          args.min_score, args.scorer)
    except OSError as error:
        parser.error(f'--out {args.out} cannot be written: {error}')
    print(*done.lines(), sep='\n')
    print(f'{len(done.choice.chosen)} images in '
          f'{osp.join(args.out, "labeled-data")}; written to {args.out}: '
          f'{", ".join(done.files)}')
    into = args.labels or 'LABELS'
    print('next: correct them (docs/label_next.md), then')
    if 'deeplabcut' in args.format:
        print(f'  semipose import {args.out} --out {into}')
    others = [one for one in args.format if one != 'deeplabcut']
    if others:
        print(f'  semipose import EXPORT --images {args.out} --out {into}\n'
              f'where EXPORT is the file that {" or ".join(others)} exports')
