# Copyright (c) semipose_mm authors.
"""Measure predictions on a video that has no labels, and compare models.

Jumps, second differences, likelihoods, disagreement of networks and,
with labels of other images, the distance to the space of their poses,
by frame and joint. docs/video.md has what each of them is.
"""
import sys


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'files',
        nargs='+',
        metavar='[NAME=]FILE.csv',
        help='predictions of the same video, as semipose predict and '
        'DeepLabCut write them; files of one NAME are networks of one model')
    parser.add_argument(
        '--labels',
        metavar='ANN.json',
        help="labels in COCO's keypoint format, whose poses span a space")
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.5,
        metavar='S',
        help='likelihoods below it are low. Defaults to 0.5')
    parser.add_argument(
        '--out',
        required=True,
        metavar='FOLDER',
        help='folder for summary.csv, values_NAME.csv, frames.png and '
        'joints.png')


def run(parser, args):
    """Measure the predictions of the command line."""
    from semipose_mm.analysis.video_metrics import report
    from semipose_mm.data_files import WARNING, Findings
    models = report.read_models(args.files)
    first = next(iter(models.values()))[0]
    findings, space, told = Findings(), None, None
    if args.labels:
        space, told = report.read_space(args.labels, first.joints, findings)
    for line in findings.lines(WARNING):
        print(f'warning: {line}', file=sys.stderr)
    try:
        text, files = report.write_report(args.out,
                                          report.measure(models, space),
                                          args.score_thr)
    except OSError as error:
        parser.error(f'--out {args.out} cannot be written: {error}')
    print(f'{len(first.frames):,} frames, {len(first.joints)} joints')
    if told:
        print(told)
    print(f'\n{text}\n\nWritten to {args.out}: {", ".join(files)}')
