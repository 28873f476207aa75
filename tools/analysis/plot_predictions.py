# Copyright (c) semipose_mm authors.
"""Draw the truth and the predictions of one or several checkpoints.

    python tools/analysis/plot_predictions.py CONFIG CHECKPOINT
        [--also NAME=CONFIG:CHECKPOINT ...] [--order worst] --out sheet.png

The images are those of the first config's test data, cut to the boxes of the
annotations. Each prediction has its score below.
"""
import os
import os.path as osp
import sys
from typing import TYPE_CHECKING, Dict, List, Tuple

import cv2
import numpy as np

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))

from launch_options import check_checkpoint  # noqa: E402
from launch_options import ToolParser, use_checkout

if TYPE_CHECKING:
    from sample_scores import Shown, Truth

CELL = (150, 200)
SINGLE_CELL = (300, 400)


def draw_pose(image: np.ndarray,
              keypoints: np.ndarray,
              visible: np.ndarray,
              meta: dict,
              bbox: np.ndarray,
              cell: Tuple[int, int] = CELL) -> np.ndarray:
    """Draw a skeleton and cut its surroundings out.

    Args:
        image (np.ndarray): BGR image, uint8.
        keypoints (np.ndarray): (K, 2) in image pixels.
        visible (np.ndarray): (K,) whether a keypoint is drawn.
        meta (dict): ``skeleton_links`` and colors of the data set.
        bbox (np.ndarray): Box x1, y1, x2, y2 that is shown.
        cell (tuple): Width and height of the picture. Defaults to
            :data:`CELL`

    Returns:
        np.ndarray: The picture, BGR, uint8.
    """
    center, size = (bbox[:2] + bbox[2:]) / 2, (bbox[2:] - bbox[:2]) * 1.2
    scale = min(cell[0] / size[0], cell[1] / size[1])
    shift = np.array(cell) / 2 - center * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    picture = cv2.warpAffine(image, matrix, cell, borderValue=(128, ) * 3)
    points = [tuple(int(v) for v in p) for p in keypoints * scale + shift]
    colors = np.asarray(meta['skeleton_link_colors']).reshape(-1, 3)
    for (a, b), color in zip(meta['skeleton_links'], colors):
        if visible[a] and visible[b]:
            cv2.line(picture, points[a], points[b],
                     [int(c) for c in color[::-1]], 2, cv2.LINE_AA)
    colors = np.asarray(meta['keypoint_colors']).reshape(-1, 3)
    for point, color, seen in zip(points, colors, visible):
        if seen:
            cv2.circle(picture, point, 3, [int(c) for c in color[::-1]], -1,
                       cv2.LINE_AA)
    return picture


def draw_row(shown: 'Shown',
             meta: dict,
             score: str,
             cell: Tuple[int, int] = CELL) -> List[np.ndarray]:
    """Draw a sample: the truth, then each prediction with its score.

    Args:
        shown (Shown): The sample.
        meta (dict): Of the data set.
        score (str): What the scores are called.
        cell (tuple): Width and height of a picture. Defaults to
            :data:`CELL`

    Returns:
        list[np.ndarray]: BGR pictures, uint8.
    """
    from pictures import caption
    truth = shown.truth
    image = cv2.imread(truth.info['img_path'])
    if image is None:
        raise OSError(f'image {truth.info["img_path"]} cannot be read')
    row = [
        draw_pose(image, truth.keypoints, truth.visible, meta, truth.bbox,
                  cell)
    ]
    caption(row[0], f'{shown.position}: {_stem(truth)}')
    for name, keypoints in shown.predictions.items():
        row.append(
            draw_pose(image, keypoints, np.ones(len(keypoints), bool), meta,
                      truth.bbox, cell))
        caption(row[-1], f'{score} {shown.scores[name]:.3f}')
    return row


def _stem(truth: 'Truth') -> str:
    return osp.splitext(osp.basename(truth.info['img_path']))[0]


def predictions_sheet(models: Dict[str, Tuple[str, str]], num: int,
                      **kwargs) -> np.ndarray:
    """Draw truth and predictions side by side.

    Args:
        models (dict): Column title to config and checkpoint.
        num (int): Samples to show.
        **kwargs: Other arguments of ``sample_scores.collect``.

    Returns:
        np.ndarray: A sheet, BGR, uint8.
    """
    from sample_scores import collect
    samples, meta = collect(models, num, **kwargs)
    return _sheet(samples, meta, kwargs.get('score', 'error'))


def _sheet(samples: List['Shown'],
           meta: dict,
           score: str,
           cell: Tuple[int, int] = CELL) -> np.ndarray:
    from pictures import sheet
    return sheet([draw_row(shown, meta, score, cell) for shown in samples],
                 ['truth', *samples[0].predictions])


def write_singles(samples: List['Shown'], meta: dict, score: str,
                  folder: str) -> None:
    """Write a picture of each sample, named by its rank and image."""
    from pictures import write_picture
    os.makedirs(folder, exist_ok=True)
    for rank, shown in enumerate(samples):
        write_picture(
            osp.join(folder,
                     f'{rank:04d}_{_stem(shown.truth)}_{shown.position}.png'),
            _sheet([shown], meta, score, SINGLE_CELL))


def parse_args(parser):
    """Add the options and parse them; models come as a dict."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument(
        '--also',
        nargs='*',
        default=[],
        metavar='NAME=CONFIG:CHECKPOINT',
        help='further columns')
    parser.add_argument(
        '--title',
        default='prediction',
        help="title of the first one's column. Defaults to prediction")
    parser.add_argument(
        '--network',
        metavar='0|1|...|ensemble',
        help='the network that predicts. Defaults to model.test_cfg.network')
    parser.add_argument(
        '--order',
        choices=['first', 'best', 'worst'],
        default='first',
        help='the first samples of the test data, or those where the first '
        "checkpoint's score is best or worst. Defaults to first")
    parser.add_argument(
        '--score',
        choices=['error', 'oks'],
        default='error',
        help='mean error of the annotated keypoints by the longer side of '
        'the box, or object keypoint similarity. Defaults to error')
    parser.add_argument('--num', type=int, default=8, help='images. Default 8')
    parser.add_argument(
        '--limit', type=int, help='look at the first samples only')
    parser.add_argument('--out', default='predictions.png', help='picture')
    parser.add_argument(
        '--single-dir', help='folder for a larger picture of each sample')
    parser.add_argument(
        '--device', help='where models run. Defaults to the GPU, if any')
    args = parser.parse_args()
    for option in ('num', 'limit'):
        value = getattr(args, option)
        if value is not None and value < 1:
            parser.error(f'--{option} is {value}, but must be at least 1')
    args.models = {args.title: (args.config, args.checkpoint)}
    for entry in args.also:
        name, _, pair = entry.partition('=')
        if ':' not in pair:
            parser.error(f'--also takes NAME=CONFIG:CHECKPOINT, got {entry}')
        if name in args.models:
            parser.error(f'two columns have the title {name}; change --title '
                         'or --also')
        args.models[name] = tuple(pair.split(':', 1))
    for config, checkpoint in args.models.values():
        if not osp.isfile(config):
            parser.error(f'config file {config} does not exist')
        check_checkpoint(parser, checkpoint)
    return args


def main() -> None:
    """Draw what the command line asks for."""
    use_checkout()
    parser = ToolParser(
        prog='plot_predictions.py', description='Draw predictions')
    args = parse_args(parser)
    from mmengine.device import get_device
    from pictures import write_picture
    from sample_scores import collect
    try:
        samples, meta = collect(args.models, args.num, args.order, args.score,
                                args.network, args.limit, args.device
                                or get_device())
        picture = _sheet(samples, meta, args.score)
        os.makedirs(osp.dirname(osp.abspath(args.out)), exist_ok=True)
        write_picture(args.out, picture)
        if args.single_dir is not None:
            write_singles(samples, meta, args.score, args.single_dir)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f'{args.out} is written')
    if args.single_dir is not None:
        print(f'{len(samples)} pictures are in {args.single_dir}')


if __name__ == '__main__':
    main()
