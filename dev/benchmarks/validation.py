# Copyright (c) semipose_mm authors.
"""What a validation costs beyond the networks' forward passes.

    python dev/benchmarks/validation.py configs/posedual_res18_coco17.py \
        --flip on --batch 32

All networks of the config are scored, and their ensemble. Images are random
and so are the weights, which costs the same; persons are as many as in
COCO's val2017, so no data are needed.
"""
import argparse
import contextlib
import copy
import json
import os
import os.path as osp
import tempfile
from typing import Callable, Dict, List, NamedTuple

import numpy as np
import torch
from measuring import in_turns, ratios, report, spread
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from semipose_mm.evaluation import (FastCocoMetric, NetworkEvaluator,
                                    fast_coco_metric)
from semipose_mm.models import SemiPoseEstimator
from semipose_mm.models.inference import (Prediction, decode_together,
                                          shallow_copies)

FORWARD = 'forward passes'
#: Of val2017: images, and persons with keypoints.
IMAGES, PERSONS = 5000, 6352


class Truth(NamedTuple):
    """Annotated persons.

    Attributes:
        path (str): Their file.
        poses (np.ndarray): (N, K, 3).
        boxes (np.ndarray): (N, 4) from corner to corner.
        images (np.ndarray): (N, ) the image of each.
    """
    path: str
    poses: np.ndarray
    boxes: np.ndarray
    images: np.ndarray


def make_truth(folder: str, num: int, joints: int) -> Truth:
    """Random persons; half of the images have none, as in val2017."""
    rng = np.random.default_rng(0)
    images = max(num * IMAGES // PERSONS, 2)
    owners = rng.integers(1, images // 2 + 1, num)
    corners = rng.uniform(0, 300, (num, 2))
    sizes = rng.uniform(20, 250, (num, 2))
    poses = rng.random((num, joints, 3)) * [1, 1, 3]
    poses[..., :2] = poses[..., :2] * sizes[:, None] + corners[:, None]
    poses[..., 2] = np.floor(poses[..., 2])
    boxes = np.concatenate([corners, corners + sizes], 1)
    annotations = [
        dict(
            id=i + 1,
            image_id=int(owners[i]),
            category_id=1,
            bbox=[*corners[i], *sizes[i]],
            area=0.6 * sizes[i].prod(),
            iscrowd=0,
            keypoints=poses[i].ravel().tolist(),
            num_keypoints=int((poses[i, :, 2] > 0).sum())) for i in range(num)
    ]
    path = osp.join(folder, 'truth.json')
    with open(path, 'w') as file:
        json.dump(
            dict(
                images=[
                    dict(id=i + 1, width=640, height=480)
                    for i in range(images)
                ],
                annotations=annotations,
                categories=[dict(id=1, name='person')]), file)
    return Truth(path, poses.astype(np.float32), boxes.astype(np.float32),
                 owners)


def make_samples(model: SemiPoseEstimator, truth: Truth,
                 batch: int) -> List[PoseDataSample]:
    """Data samples as a test pipeline packs them."""
    joints = truth.poses.shape[1]
    size = tuple(int(side) for side in model.head.decoder.input_size)
    samples = []
    for i in range(batch):
        box = truth.boxes[i % len(truth.boxes)][None]
        sample = PoseDataSample(
            metainfo=dict(
                id=i,
                img_id=int(truth.images[i % len(truth.images)]),
                img_path='0.jpg',
                ori_shape=(480, 640),
                img_shape=size[::-1],
                category_id=1,
                flip_indices=list(range(joints)),
                input_size=size,
                input_center=box[0].reshape(2, 2).mean(0),
                input_scale=1.25 * (box[0, 2:] - box[0, :2])))
        sample.gt_instances = InstanceData(
            bboxes=box,
            bbox_scores=np.ones(1, np.float32),
            bbox_scales=1.25 * (box[:, 2:] - box[:, :2]),
            keypoints=truth.poses[i % len(truth.poses), None, :, :2],
            keypoints_visible=np.ones((1, joints), np.float32))
        samples.append(sample)
    return samples


def make_metric(kind: type, truth: Truth, network: str = '') -> CocoMetric:
    """A metric; with predictions for all persons if a network is named."""
    joints = truth.poses.shape[1]
    metric = kind(ann_file=truth.path)
    metric.dataset_meta = dict(
        dataset_name='any',
        num_keypoints=joints,
        sigmas=np.full(joints, 0.06, np.float32))
    rng = np.random.default_rng(len(network))
    for i, pose in enumerate(truth.poses if network else ()):
        box = truth.boxes[i, None]
        noise = rng.normal(size=(1, joints, 2)) * rng.exponential(8)
        metric.process(None, [
            dict(
                id=i,
                img_id=int(truth.images[i]),
                gt_instances=dict(bbox_scales=box[:, 2:] - box[:, :2]),
                pred_instances=dict(
                    keypoints=(pose[None, :, :2] + noise).astype(np.float32),
                    keypoint_scores=rng.random((1, joints), np.float32),
                    bboxes=box,
                    bbox_scores=np.ones(1, np.float32)))
        ])
    return metric


def build_actions(model: SemiPoseEstimator, images: torch.Tensor,
                  truth: Truth) -> Dict[str, Callable]:
    """What is timed for a batch, by the names of the table's rows."""
    samples = make_samples(model, truth, len(images))
    flip = model.test_cfg.get('flip_test', False)

    def forward():
        outputs = []
        for net in model.networks:
            outputs.append(net.head(net.extract_feat(images)))
            if flip:
                net.head(net.extract_feat(images.flip(-1)))
        return outputs

    with torch.no_grad():
        outputs = [model.output.float(output) for output in forward()]
        if len(outputs) > 1:
            outputs.append(model.output.mean(outputs))
        results = model.predict_networks(images, samples)
    predictions = [Prediction(model.head, output) for output in outputs]
    evaluator = NetworkEvaluator(
        {
            name: Evaluator([make_metric(FastCocoMetric, truth)])
            for name in results
        }, 'net0')

    def process(found):
        evaluator.process_networks(found)
        for own in evaluator.evaluators.values():
            own.metrics[0].results.clear()

    def stock():
        for output in outputs:
            model.add_pred_to_datasample(
                model.head.decode(output), None, copy.deepcopy(samples))

    def validate():
        process(model.predict_networks(images, samples))

    return {
        FORWARD:
        forward,
        'predict_networks':
        lambda: model.predict_networks(images, samples),
        'predict_networks and evaluator.process':
        validate,
        'of it decoding':
        lambda: decode_together(predictions),
        'of it decoding and data samples':
        lambda: model._attach(predictions,
                              [shallow_copies(samples) for _ in predictions]),
        'of it evaluator.process':
        lambda: process(results),
        "MMPose's decoding and copied data samples":
        stock
    }


def time_evaluation(truth: Truth, turns: int) -> Dict[str, List[float]]:
    """Seconds of one network's ``compute_metrics`` by metric."""
    kinds = dict(CocoMetric=CocoMetric)
    if fast_coco_metric.hotcoco is not None:
        kinds['FastCocoMetric with hotcoco'] = FastCocoMetric
    metrics = {
        name: make_metric(kind, truth, name)
        for name, kind in kinds.items()
    }

    def evaluate(metric):
        with open(os.devnull, 'w') as null, contextlib.redirect_stdout(null):
            metric.compute_metrics(list(metric.results))

    return in_turns(
        {
            name: lambda metric=metric: evaluate(metric)
            for name, metric in metrics.items()
        },
        turns,
        warm_up=0)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument(
        '--flip',
        choices=('on', 'off'),
        help="model.test_cfg.flip_test. Defaults to the config's")
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--amp', action='store_true', help='in bfloat16')
    parser.add_argument('--turns', type=int, default=10)
    parser.add_argument(
        '--persons',
        type=int,
        default=PERSONS,
        help='that are evaluated. Defaults to those of val2017')
    parser.add_argument('--out', help='a json file')
    return parser.parse_args()


def main() -> None:
    """Measure and report."""
    args = parse_args()
    cfg = Config.fromfile(args.config)
    init_default_scope('mmpose')
    if args.flip:
        cfg.model.test_cfg.flip_test = args.flip == 'on'
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).to(args.device).eval()
    size = tuple(int(side) for side in model.head.decoder.input_size)
    images = torch.randn(args.batch, 3, *size[::-1], device=args.device)
    device = torch.device(args.device)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), \
            torch.autocast(device.type, torch.bfloat16, enabled=args.amp):
        truth = make_truth(folder, args.persons, model.head.out_channels)
        seconds = in_turns(
            build_actions(model, images, truth),
            args.turns,
            synchronize=torch.cuda.synchronize
            if device.type == 'cuda' else None)
        evaluation = time_evaluation(truth, max(args.turns // 3, 1))
    milliseconds = {
        name: spread([1000 * value / args.batch for value in values])
        for name, values in seconds.items()
    }
    share = {
        name: ratios(values, seconds[FORWARD])
        for name, values in seconds.items()
    }
    flip = model.test_cfg.get('flip_test', False)
    title = (f'{args.config}, batch {args.batch} on {args.device}, flip test '
             f'{"on" if flip else "off"}: milliseconds of a sample, all '
             'networks and the ensemble together')
    results = dict(milliseconds=milliseconds, times_the_forward_passes=share)
    report(title, [['', 'ms', 'times the forward passes']] +
           [[name, str(value), str(share[name])]
            for name, value in milliseconds.items()], results, None)
    results['seconds_of_evaluation'] = {
        name: spread(values)
        for name, values in evaluation.items()
    }
    report(f'Evaluation of one network, {args.persons} persons',
           [['metric', 's', 'times CocoMetric']] + [[
               name,
               str(value),
               str(ratios(evaluation[name], evaluation['CocoMetric']))
           ] for name, value in results['seconds_of_evaluation'].items()],
           results, args.out)


if __name__ == '__main__':
    main()
