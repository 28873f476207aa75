# Copyright (c) semipose_mm authors.
"""Make the config of a semi-supervised training on one's own data.

docs/make_config.md explains.
"""
import math

from semipose_mm import register_all_modules
from semipose_mm.config_maker.recipes import RECIPES
from semipose_mm.videos.rules import NUM, RULES


def positive(kind):
    """A type of positive numbers for an option."""

    def parse(text: str):
        value = kind(text)
        if not 0 < value < math.inf:
            raise ValueError
        return value

    parse.__name__ = f'positive {kind.__name__}'
    return parse


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'folder',
        nargs='?',
        metavar='FOLDER',
        help='the labels: a folder that semipose import wrote, which tells '
        'what validates, where images lie and where boxes come from')
    parser.add_argument(
        '--base',
        metavar='mmpose::...|timm:MODEL|hf:MODEL',
        help='a top-down heatmap or SimCC config of MMPose, or a file; or a '
        'backbone of timm or Hugging Face, which gets a head for heatmaps. '
        'Defaults to a config that fits the labels and this machine')
    parser.add_argument(
        '--labeled',
        metavar='ANN.json',
        help="the same, or labels in COCO's keypoint format")
    parser.add_argument(
        '--unlabeled',
        nargs='+',
        metavar='SOURCE',
        help='folders of images, .txt lists of them and videos, or one COCO '
        'file with or without boxes; that of the labels gives its unlabeled '
        'rest')
    parser.add_argument(
        '--frames',
        type=positive(int),
        metavar='N',
        help='frames of each video, written to a folder beside the config. '
        f'Defaults to {NUM}')
    parser.add_argument(
        '--frames-by',
        choices=RULES,
        help='how they are chosen, see semipose frames. Defaults to kmeans')
    parser.add_argument(
        '--boxes',
        metavar='DETECTIONS.json',
        help='detection results for the images of --unlabeled')
    parser.add_argument(
        '--val',
        metavar='ANN.json',
        help='labels for validation. Defaults to a fifth of the labeled '
        'images')
    parser.add_argument(
        '--images',
        nargs='+',
        default=[],
        metavar='DIR',
        help='folders to look for images in before those near the files')
    for part in ('labeled', 'val', 'unlabeled'):
        parser.add_argument(
            f'--{part}-images',
            metavar='DIR',
            help=f'folder of the images of --{part}. Defaults to the only '
            'one near the file that holds all of them')
    parser.add_argument(
        '--category',
        nargs='+',
        default=[],
        metavar='NAME',
        help='labeled category, by name or id. Defaults to all with '
        'keypoints, which must be the same')
    parser.add_argument(
        '--boxes-category',
        nargs='+',
        default=[],
        metavar='ID',
        help='the same category in --boxes, by id or name. Defaults to that '
        'of the same name')
    parser.add_argument(
        '--recipe',
        choices=RECIPES,
        help='Defaults to labels_then_ema, with --peer to posedual, without '
        '--unlabeled to supervised')
    parser.add_argument(
        '--keypoints',
        metavar='F.yaml',
        help='names of the keypoints and, optionally, skeleton, flip_pairs '
        'or symmetric: true, sigmas. Defaults to what the labels say')
    parser.add_argument(
        '--peer',
        metavar='mmpose::...|timm:MODEL|hf:MODEL',
        help='config of the second network of posedual, if it is another one')
    parser.add_argument(
        '--input-size',
        nargs=2,
        type=positive(int),
        metavar=('W', 'H'),
        help='size of the crop in pixels. Defaults to that of the base, '
        'without --base to what fits the boxes')
    parser.add_argument('--batch-size', type=positive(int), metavar='N')
    parser.add_argument(
        '--lr',
        type=positive(float),
        help='learning rate. Defaults to that of the base, at most 0.001')
    parser.add_argument(
        '--iterations',
        type=positive(int),
        metavar='N',
        help='Defaults to 100 passes over the labels or 10 over the unlabeled '
        'images, between 3,000 and 100,000')
    parser.add_argument(
        '--weights',
        metavar='zoo|imagenet|FILE',
        help='what networks start from: the pose checkpoint that MMPose names '
        'for the base (the default, where there is one), what the base says '
        'for its backbone, or a file or address of either kind')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='of the draw of validation images. Defaults to 0')
    parser.add_argument(
        '--no-timing',
        dest='timing',
        action='store_false',
        help='do not measure how long training steps take, for which a few '
        'are done')
    parser.add_argument(
        '--out',
        metavar='FILE.py',
        help='Defaults to RECIPE_LABELS.py in this folder')


def run(parser, args):
    """Make a config."""
    options = vars(args)
    folder = options.pop('folder')
    if (folder is None) == (args.labeled is None):
        parser.error('labels are missing: name a folder or --labeled' if folder
                     is None else f'{folder} and --labeled both name labels')
    options['labeled'] = folder or args.labeled
    register_all_modules()
    from semipose_mm.config_maker import make_config
    print(*make_config(**options).lines(), sep='\n')
