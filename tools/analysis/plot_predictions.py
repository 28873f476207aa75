# Copyright (c) semipose_mm authors.
"""Draw the truth and the predictions of one or several checkpoints.

    python tools/analysis/plot_predictions.py CONFIG CHECKPOINT
        [--also NAME=CONFIG:CHECKPOINT ...] --out predictions.png

The images are the first ones of the config's test data, cut to their boxes.
"""
import argparse
import os
import os.path as osp
import sys
from typing import Dict, List, Tuple

import cv2
import numpy as np

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))

from launch_options import use_checkout  # noqa: E402

CELL = (150, 200)


def draw_pose(image: np.ndarray, keypoints: np.ndarray, visible: np.ndarray,
              meta: dict, bbox: np.ndarray) -> np.ndarray:
    """Draw a skeleton and cut its surroundings out.

    Args:
        image (np.ndarray): BGR image, uint8.
        keypoints (np.ndarray): (K, 2) in image pixels.
        visible (np.ndarray): (K,) whether a keypoint is drawn.
        meta (dict): ``skeleton_links`` and colours of the data set.
        bbox (np.ndarray): Box x1, y1, x2, y2 that is shown.

    Returns:
        np.ndarray: A picture of :data:`CELL` size.
    """
    center, size = (bbox[:2] + bbox[2:]) / 2, (bbox[2:] - bbox[:2]) * 1.2
    scale = min(CELL[0] / size[0], CELL[1] / size[1])
    shift = np.array(CELL) / 2 - center * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    picture = cv2.warpAffine(image, matrix, CELL, borderValue=(128, ) * 3)
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


def predictions_sheet(models: Dict[str, Tuple[str, str]],
                      num: int) -> np.ndarray:
    """Draw truth and predictions side by side.

    Args:
        models (dict): Column title to config and checkpoint; the first one's
            test data are drawn.
        num (int): Images to draw.

    Returns:
        np.ndarray: A sheet, BGR, uint8.
    """
    from mmengine.registry import init_default_scope
    from mmpose.apis import inference_topdown, init_model
    from mmpose.registry import DATASETS
    from pictures import sheet
    built = {
        name: init_model(config, checkpoint, device='cpu')
        for name, (config, checkpoint) in models.items()
    }
    init_default_scope('mmpose')
    first = next(iter(built.values()))
    dataset = DATASETS.build(first.cfg.test_dataloader.dataset)
    rows: List[list] = []
    for i in range(min(num, len(dataset))):
        info = dataset.get_data_info(i)
        image = cv2.imread(info['img_path'])
        bbox = info['bbox'][0]
        row = [
            draw_pose(image, info['keypoints'][0], info['keypoints_visible'][0]
                      > 0, dataset.metainfo, bbox)
        ]
        for model in built.values():
            found = inference_topdown(model, image, bbox[None])[0]
            keypoints = found.pred_instances.keypoints[0]
            row.append(
                draw_pose(image, keypoints, np.ones(len(keypoints), bool),
                          dataset.metainfo, bbox))
        rows.append(row)
    return sheet(rows, ['truth', *built])


def main() -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description='Draw predictions')
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
    parser.add_argument('--num', type=int, default=8, help='images. Default 8')
    parser.add_argument('--out', default='predictions.png', help='picture')
    args = parser.parse_args()
    models = {args.title: (args.config, args.checkpoint)}
    for entry in args.also:
        name, _, pair = entry.partition('=')
        if ':' not in pair:
            parser.error(f'--also takes NAME=CONFIG:CHECKPOINT, got {entry}')
        models[name] = tuple(pair.split(':', 1))
    for pair in models.values():
        for path in pair:
            if not osp.isfile(path):
                parser.error(f'file {path} does not exist')
    use_checkout()
    from pictures import write_picture
    os.makedirs(osp.dirname(osp.abspath(args.out)), exist_ok=True)
    write_picture(args.out, predictions_sheet(models, args.num))
    print(f'{args.out} is written')


if __name__ == '__main__':
    main()
