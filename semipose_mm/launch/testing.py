# Copyright (c) semipose_mm authors.
"""What ``semipose test`` writes into the config: boxes, flips, files."""
import os.path as osp
from typing import List

from semipose_mm.config_files import type_name
from semipose_mm.data_files import Findings
from semipose_mm.data_files.boxes import load_boxes
from semipose_mm.data_files.evaluated_boxes import read_evaluated
from semipose_mm.data_files.images import read_images

#: Metrics that match predictions with the truth of an image. All others
#: compare the prediction of a box with the person that the box was drawn for.
COCO_METRICS = ('CocoMetric', 'CocoWholeBodyMetric', 'FastCocoMetric',
                'PoseTrack18Metric')
#: Folder of what is being written; its name is that of no result.
UNFINISHED = '.unfinished'


def network_keys(cfg) -> List[str]:
    """What ``--network`` may be: numbers, names of teachers, ensemble."""
    trained = 1 + len(cfg.model.get('peers') or [])
    return [*map(str, range(trained)), *(cfg.model.get('teachers') or {})
            ] + ['ensemble'] * (
                trained > 1)


def selected_network(cfg) -> str:
    """Name of the network whose scores have plain names."""
    network = (cfg.model.get('test_cfg') or {}).get('network', 0)
    if len(network_keys(cfg)) == 1:
        return 'net0'
    return network if isinstance(network, str) else f'net{network}'


def set_network(parser, network, cfg) -> None:
    """Select the network that predicts."""
    allowed = network_keys(cfg)
    if len(allowed) == 1:
        parser.error('--network needs a config with model.peers or '
                     f'model.teachers, and {cfg.filename} has one network')
    if network not in allowed:
        parser.error(f'--network is {network}, but must be one of '
                     f'{", ".join(allowed)}')
    network = int(network) if network.isdigit() else network
    cfg.merge_from_dict({'model.test_cfg': dict(network=network)})


def metrics_of(cfg) -> List[dict]:
    """Configs of the metrics that the test computes."""
    metrics = cfg.test_evaluator
    if isinstance(metrics, dict) and 'metrics' in metrics:
        metrics = metrics['metrics']
    return list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]


def set_metrics(cfg, metrics: List[dict]) -> None:
    """Let the test compute other metrics."""
    if isinstance(cfg.test_evaluator, dict) and \
            'metrics' in cfg.test_evaluator:
        cfg.test_evaluator.metrics = metrics
    else:
        cfg.test_evaluator = metrics


def keep_coco_metrics(parser, cfg, option: str, reason: str) -> List[dict]:
    """Drop the metrics that an option makes impossible.

    Args:
        parser (ToolParser): Reports that nothing is left.
        cfg (Config): Changed in place.
        option (str): The option.
        reason (str): Why others than ``CocoMetric`` do not go with it.

    Returns:
        list[dict]: The configs of what is left, but for ``DumpResults``.
    """
    metrics = metrics_of(cfg)
    kept = [m for m in metrics if type_name(m) in COCO_METRICS]
    others = [
        m for m in metrics
        if type_name(m) not in COCO_METRICS and type_name(m) != 'DumpResults'
    ]
    names = ', '.join(type_name(m) for m in others)
    if not kept:
        parser.error(f'{option}: test_evaluator has {names or "no metric"}, '
                     f'but no CocoMetric: {reason}')
    if others:
        print(f'{option}: {names} is left out, as {reason}')
        set_metrics(cfg, [m for m in metrics if m not in others])
    return kept


def set_boxes(parser, boxes: str, cfg) -> None:
    """Take boxes from the annotations or from a file of detections.

    Args:
        parser (ToolParser): Reports mistakes.
        boxes (str): ``'gt'`` or a file in COCO's format of results.
        cfg (Config): Changed in place.
    """
    dataset = cfg.test_dataloader.dataset
    if 'ann_file' not in dataset:
        parser.error('--boxes needs test_dataloader.dataset.ann_file, which '
                     f'{dataset.type} does not have')
    if boxes == 'gt':
        dataset.bbox_file = ''
        return
    if not osp.isfile(boxes):
        parser.error(f'--boxes is {boxes}, but must be gt or a json file of '
                     'detections that exists')
    dataset.update(bbox_file=boxes, test_mode=True)
    keep_coco_metrics(parser, cfg, '--boxes',
                      'it needs boxes whose truth is known '
                      '(--boxes gt)')


def set_flip_test(state: str, cfg) -> None:
    """Turn the mean with the mirrored image on or off."""
    cfg.merge_from_dict({'model.test_cfg': dict(flip_test=state == 'on')})


def set_format_only(parser, cfg) -> None:
    """Write predictions for a server and score nothing."""
    kept = keep_coco_metrics(parser, cfg, '--format-only',
                             'servers take its format only')
    for metric in kept:
        # the truth may not exist; images are those of the dataset
        metric.update(format_only=True, ann_file=None)


def check_data(parser, cfg) -> None:
    """Refuse annotations and detections that do not fit each other.

    Args:
        parser (ToolParser): Reports mistakes.
        cfg (Config): The final config; datasets without an ``ann_file`` of
            their own, as wrappers are, pass.
    """
    scored = not all(m.get('format_only') for m in metrics_of(cfg))
    dataset = cfg.test_dataloader.dataset
    if 'ann_file' not in dataset:
        return
    ann_file = osp.join(dataset.get('data_root') or '', dataset.ann_file)
    if not osp.isfile(ann_file):
        parser.error('test_dataloader.dataset.ann_file: file '
                     f'{ann_file} does not exist')
    findings, key = Findings(), 'test_dataloader.dataset.ann_file'
    truth, boxes = load_boxes(ann_file, key,
                              findings), dataset.get('bbox_file')
    where = f"{key} '{ann_file}'"
    if not isinstance(truth, dict) or 'images' not in truth:
        if boxes:
            parser.error(f'--boxes FILE needs COCO annotations, but {ann_file}'
                         ' has no images')
        return
    annotations = truth.get('annotations')
    if not annotations:
        if scored:
            parser.error(f'{ann_file} has no annotations to score against; '
                         'use --format-only')
        if not boxes:
            parser.error(f'{ann_file} has no annotations, so --boxes must be '
                         'a file of detections')
    if boxes:
        read_evaluated(truth, boxes, '--boxes',
                       read_images(truth, where, '', findings), findings)


def set_outputs(cfg, out_dir: str) -> None:
    """Let metrics write predictions and errors, a file for each network.

    Args:
        cfg (Config): Changed in place. An ``outfile_prefix`` or
            ``out_file_path`` that is set stays as it is.
        out_dir (str): Folder of the results; :data:`UNFINISHED` in it takes
            the files first.
    """
    loop = cfg.get('test_cfg') or {}
    several = len(network_keys(cfg)) > 1 and \
        loop.get('type') == 'SemiPoseTestLoop'
    name = '{network}' if several else selected_network(cfg)
    number = 0
    for metric in metrics_of(cfg):
        if type_name(metric) == 'PixelError' and \
                metric.get('out_file_path') is None:
            metric.out_file_path = osp.join(out_dir, UNFINISHED,
                                            f'{name}.errors.csv')
        if type_name(metric) in COCO_METRICS:
            number += 1
            if metric.get('outfile_prefix') is None:
                metric.outfile_prefix = osp.join(
                    out_dir, UNFINISHED,
                    name if number == 1 else f'{name}_{number}')
