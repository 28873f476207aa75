# Copyright (c) semipose_mm authors.
"""Train a small detector on generated people and measure its boxes.

The boxes are those of ``semipose detect`` on pictures that
were not trained on, so this checks the tool as well. docs/detection.md has
the figures.
"""
import argparse
import json
import os
import os.path as osp
import subprocess
import sys
from typing import Dict

PROJECT = osp.dirname(osp.abspath(__file__))
ROOT = osp.dirname(osp.dirname(PROJECT))
CONFIG = osp.join(PROJECT, 'configs', 'rtmdet_people.py')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Train a small detector on generated people')
    parser.add_argument(
        '--people',
        default='data/people_boxes',
        help='folder of pictures; generated unless it is there. Defaults to '
        'data/people_boxes')
    parser.add_argument(
        '--work-dir',
        default='work_dirs/rtmdet_people',
        help='folder of the checkpoint and the boxes; a finished training '
        'is not done again. Defaults to work_dirs/rtmdet_people')
    return parser.parse_args()


def train(people: str, work_dir: str) -> str:
    """Train unless that is done.

    Args:
        people (str): Folder of the pictures.
        work_dir (str): Work folder.

    Returns:
        str: The checkpoint.
    """
    os.environ['SEMIPOSE_PEOPLE'] = osp.abspath(people)
    from mmengine.config import Config
    from mmengine.runner import Runner
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = work_dir
    checkpoint = osp.join(work_dir, f'epoch_{cfg.max_epochs}.pth')
    if not osp.isfile(checkpoint):
        Runner.from_cfg(cfg).train()
    return checkpoint


def measure(truth: str, detections: str) -> Dict[str, float]:
    """Compare boxes with the true ones.

    Args:
        truth (str): Annotations in COCO format.
        detections (str): COCO detections of the same images.

    Returns:
        dict: ``AP`` and ``AP50`` of COCO, and ``recall@S`` and
        ``precision@S`` at IoU 0.5 of the boxes with score S or more.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    coco = COCO(truth)
    with open(detections) as file:
        found = json.load(file)
    scores = {}
    for threshold in (0, 0.3, 0.35, 0.4):
        boxes = [d for d in found if d['score'] >= threshold]
        evaluation = COCOeval(coco, coco.loadRes(boxes), 'bbox')
        evaluation.evaluate()
        if not threshold:
            evaluation.accumulate()
            evaluation.summarize()
            scores['AP'], scores['AP50'] = evaluation.stats[:2]
            continue
        # matches of all sizes at IoU 0.5, the first threshold
        images = evaluation.evalImgs[:len(coco.getImgIds())]
        hits = sum((i['dtMatches'][0] > 0).sum() for i in images if i)
        scores[f'recall@{threshold}'] = hits / len(coco.getAnnIds())
        scores[f'precision@{threshold}'] = hits / len(boxes)
    return {name: round(float(score), 3) for name, score in scores.items()}


def call(script: str, *options: str) -> None:
    """Run another script of the checkout."""
    subprocess.run(
        [sys.executable, osp.join(ROOT, script), *options], check=True)


def main() -> None:
    """Generate, train, detect, measure."""
    args = parse_args()
    call('projects/synthetic_people/generate.py', args.people, '--labeled',
         '1500', '--unlabeled', '0', '--val', '200', '--people', '2', '--seed',
         '1')
    checkpoint = train(args.people, args.work_dir)
    truth = osp.join(args.people, 'annotations', 'person_keypoints_val.json')
    boxes = osp.join(args.work_dir, 'val_boxes.json')
    images = osp.join(args.people, 'images', 'val')
    call('tools/dataset/detect_persons.py', CONFIG, checkpoint, truth,
         '--img-root', images, '--out', boxes, '--score-thr', '0.01')
    scores = measure(truth, boxes)
    for name, score in scores.items():
        print(f'{name:16s} {score:.3f}')
    with open(osp.join(args.work_dir, 'scores.json'), 'w') as file:
        json.dump(scores, file, indent=2)


if __name__ == '__main__':
    main()
