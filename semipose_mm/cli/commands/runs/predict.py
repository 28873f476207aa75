# Copyright (c) semipose_mm authors.
"""Predict videos and images: ``semipose predict CONFIG CHECKPOINT VIDEO``.

It writes coordinates and scores of every frame, for each network a csv in
DeepLabCut's layout and a COCO json. Killed and called again, it goes on.
docs/predict.md has the details.
"""
import hashlib
import json
import os.path as osp

from semipose_mm.launch.run_checks import check_writable
from semipose_mm.launch.runner import is_url
from ...options import (add_config_options, check_checkpoint, choose_device,
                        load_config)
from ...progress import Progress


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        'media',
        nargs='+',
        metavar='VIDEO|IMAGE|FOLDER',
        help='videos, images, folders of images or of videos')
    parser.add_argument(
        '--out',
        default='predictions',
        metavar='DIR',
        help='folder for what is written. Defaults to predictions')
    add_prediction_options(parser)
    parser.add_argument(
        '--h5',
        action='store_true',
        help="also write each csv as DeepLabCut's h5; needs pandas and "
        'tables, the extra semipose_mm[tables]')
    parser.add_argument(
        '--video',
        action='store_true',
        help='also write videos with the poses of the first network')
    parser.add_argument(
        '--trail',
        type=int,
        default=10,
        metavar='N',
        help='earlier frames whose joints are drawn. Defaults to 10')


def add_prediction_options(parser, networks='model.test_cfg.network'):
    """Add the options of whatever command predicts.

    Args:
        parser (ToolParser): The command's parser.
        networks (str): What ``--networks`` defaults to, in words.
    """
    parser.add_argument(
        '--networks',
        nargs='+',
        metavar='NAME',
        help='the networks that predict, in one pass: all, or names such as '
        f'net0 net1 ema0 ensemble. Defaults to {networks}')
    parser.add_argument(
        '--boxes',
        metavar='whole|follow|X,Y,W,H|FILE',
        help='the part of the images that the network gets: all of it, the '
        'surroundings of the pose in the frame before, the same everywhere, '
        'or detections in a json file. Defaults to box_rule of the config')
    parser.add_argument(
        '--start',
        metavar='X,Y,W,H',
        help='the box with which --boxes follow begins, and begins anew '
        'where it is lost. Defaults to the whole image')
    parser.add_argument(
        '--margin',
        type=float,
        help='what --boxes follow adds to the box of a pose, in parts of its '
        'longer side. Defaults to box_rule.margin of the config')
    parser.add_argument(
        '--threshold',
        type=float,
        default=0.3,
        help='joints with a lower score are not followed, and not drawn. '
        'Defaults to 0.3')
    parser.add_argument(
        '--batch-size',
        type=int,
        default=32,
        help='images of a pass; --boxes follow takes one at a time. Defaults '
        'to 32')
    parser.add_argument(
        '--flip-test',
        choices=['on', 'off'],
        help='whether to average heatmaps with those of the mirrored image. '
        'Defaults to model.test_cfg.flip_test')
    add_machine_options(parser)


def add_machine_options(parser):
    """Add options of where and how a command predicts, and of its config.

    Args:
        parser (ToolParser): The command's parser.
    """
    parser.add_argument(
        '--log-seconds',
        type=float,
        default=10,
        help='seconds between lines of progress. Defaults to 10')
    parser.add_argument(
        '--device', help='such as cuda:1 or cpu. Defaults to the GPU, if any')
    from mmengine.config import DictAction
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override entries of the config')
    add_config_options(parser)
    # what else the reading of configs asks for
    parser.set_defaults(launcher='none', local_rank=0, work_dir=None)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    from semipose_mm.prediction.crops import parse_box
    check_checkpoint(parser, args.checkpoint)
    for name, lowest in (('batch_size', 1), ('trail', 0), ('margin', 0)):
        value = getattr(args, name, None)
        if value is not None and not value >= lowest:
            parser.error(f'--{name.replace("_", "-")} is {value}, but must '
                         f'be at least {lowest}')
    if args.start is not None:
        args.start = parse_box(args.start, '--start')
    check_writable(parser, '--out', args.out)


def read_config(parser, args):
    """Read the config, and tell what identifies it.

    Returns:
        tuple[Config, str]: The config, and a digest of what matters here.
    """
    from semipose_mm.launch import testing
    cfg = load_config(parser, args)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    if args.flip_test is not None:
        testing.set_flip_test(args.flip_test, cfg)
    try:
        parts = dict(
            model=cfg.model.to_dict(),
            pipeline=cfg.test_dataloader.dataset.pipeline)
    except AttributeError:
        parser.error(f'{args.config} is no config of a pose estimator: it '
                     'needs model and test_dataloader.dataset.pipeline')
    text = json.dumps(parts, sort_keys=True, default=str)
    return cfg, hashlib.sha256(text.encode()).hexdigest()


def make_task(args, cfg, media, names, digests):
    """What is to be predicted of a video or of images, see ``Task``."""
    from semipose_mm.prediction.crops import choose_boxes
    from semipose_mm.prediction.run import Task
    boxes = choose_boxes(args.boxes, cfg.get('box_rule'), args.config, media,
                         args.margin, args.threshold, args.start)
    if args.start is not None and not boxes.follows:
        from semipose_mm.data_files import DataError
        raise DataError('--start is for --boxes follow, but the boxes are '
                        f'those of {args.boxes or "box_rule"}')
    model = osp.splitext(osp.basename(args.config))[0]
    settings = dict(
        model=model,
        networks=names,
        input_sha256=media.digest(),
        boxes=boxes.settings(),
        batch_size=args.batch_size,
        **digests)
    return Task(media, boxes, names, args.batch_size,
                osp.join(args.out, media.name), settings,
                dict(config=args.config, checkpoint=args.checkpoint))


def predict_one(networks, task, seconds):
    """Predict a video or images, unless it is done, and write the files."""
    from semipose_mm.prediction import run as prediction
    from semipose_mm.prediction import writers
    if writers.is_finished(task):
        prediction.remove_journal(task.out)
        print(f'{task.media.name}: was predicted before, '
              f'{writers.about_file(task)} says how')
        return
    unit = 'frames' if task.media.is_video else 'images'
    progress = None

    def begin(done, total):
        nonlocal progress
        progress = Progress(f'{task.media.name}: ', done, total, seconds, unit)

    def said(done, total, records):
        progress.update(done, sum('reason' in one for one in records))

    notes = list(getattr(task.boxes, 'notes', ()))
    end = prediction.predict(networks, task, said, begin)
    notes += [end] if end else []
    counts, scores = writers.write_files(task, networks.meta, notes)
    prediction.remove_journal(task.out)
    for note in notes:
        print(f'warning: {note}')
    frames = counts.pop('frames')
    print(f'{task.media.name}: {frames} {unit} in',
          ', '.join(map(osp.basename, writers.files_of(task))))
    told = ', '.join(f'{key} {value:.3f}' for key, value in scores.items())
    print(f'{task.media.name}: mean score of the joints: {told}')
    if counts:
        first = next(iter(counts))
        print(f'warning: {sum(counts.values())} {unit} have empty rows; the '
              f'reason of {counts[first]}: {first}')


def write_extras(args, task, meta):
    """Write the h5 files and the labelled video that are asked for."""
    from semipose_mm.prediction.labelled_video import write_video
    from semipose_mm.prediction.writers import write_h5
    tables = [f'{task.out}_{name}.csv' for name in task.names]
    for path in tables if args.h5 else ():
        print(f'{write_h5(path)} is written')
    if args.video and not task.media.is_video:
        print(f'--video: {task.media.name} is no video and gets none')
    elif args.video:
        out = f'{osp.splitext(tables[0])[0]}.mp4'
        frames = write_video(task.media.path, tables[0], out, meta,
                             args.threshold, args.trail)
        print(f'{out}: {frames} frames')


def run(parser, args):
    """Predict."""
    if args.h5:
        from semipose_mm.prediction.writers import check_tables
        check_tables()
    check_args(parser, args)
    from semipose_mm.prediction.media import find_media
    predict_media(parser, args, find_media(args.media), write_extras)


def predict_media(parser, args, media, end=lambda *_: None):
    """Predict what is not predicted yet.

    Args:
        parser (ToolParser): Reports mistakes.
        args (Namespace): With the options of :func:`add_prediction_options`,
            ``config``, ``checkpoint`` and ``out``.
        media (list[Media]): What is to be predicted.
        end (Callable): Called with ``args``, the task and the data set's
            meta information as soon as one is done. Defaults to nothing.
    """
    from semipose_mm.files import file_digest, remove_unfinished
    if len(media) > 1 and str(args.boxes).lower().endswith('.json'):
        parser.error(f'--boxes {args.boxes} is of one video or folder, but '
                     f'there are {len(media)}: predict them one by one')
    cfg, config_digest = read_config(parser, args)
    device = choose_device(parser, args)

    from semipose_mm.launch.checkpoint_fit import check_fit
    from semipose_mm.prediction.networks import PoseNetworks, choose_networks
    networks = PoseNetworks(cfg, args.checkpoint, device)
    check_fit(parser, args, cfg, networks.model)
    names = choose_networks(args.networks, networks.model, args.config)
    digests = dict(
        config_sha256=config_digest,
        checkpoint_sha256=args.checkpoint if is_url(args.checkpoint) else
        file_digest(osp.expanduser(args.checkpoint)))
    tasks = [make_task(args, cfg, one, names, digests) for one in media]
    for ending in ('.csv', '.json', '.h5', '.mp4'):
        remove_unfinished(args.out, ending)
    try:
        for task in tasks:
            predict_one(networks, task, args.log_seconds)
            end(args, task, networks.meta)
    except KeyboardInterrupt:
        parser.exit(
            130, f'{parser.prog}: interrupted; the same command '
            'continues\n')
