# Copyright (c) semipose_mm authors.
"""Report a training as one html page: ``semipose report WORK_DIR``.

Scores and curves of all networks, errors of each joint, best and worst
frames, what is taught, whether scores can be trusted, measures on video,
config and environment. All its numbers are in csv files beside it.
docs/report.md has the details.
"""
import os.path as osp

from semipose_mm.launch.run_checks import check_writable
from ...options import check_checkpoint, choose_device


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'work_dir', metavar='WORK_DIR', help='work folder of a training')
    parser.add_argument(
        '--out',
        metavar='FILE.html',
        help='the page; its numbers are in the folder FILE beside it. '
        'Defaults to report_CHECKPOINT.html in the work folder')
    parser.add_argument(
        '--checkpoint',
        metavar='FILE|none',
        help='the checkpoint that predicts and teaches, or none to leave '
        'that out, which needs no data. Defaults to the last one')
    parser.add_argument(
        '--num',
        type=int,
        default=4,
        help='best frames, worst frames and taught images to show. Defaults '
        'to 4')
    parser.add_argument(
        '--limit',
        type=int,
        help='predict only the first samples of the validation data')
    parser.add_argument(
        '--video',
        nargs='+',
        default=[],
        metavar='FOLDER',
        help='folders of semipose video-metrics. Defaults to those below the '
        'work folder')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of the images that are taught. Defaults to 0')
    parser.add_argument(
        '--device', help='such as cuda:1 or cpu. Defaults to the GPU, if any')
    parser.set_defaults(local_rank=0)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    for option in ('num', 'limit'):
        value = getattr(args, option)
        if value is not None and value < 1:
            parser.error(f'--{option} is {value}, but must be at least 1')
    if not osp.isdir(args.work_dir):
        parser.error(f'work folder {args.work_dir} does not exist')
    if args.checkpoint is None:
        args.checkpoint = last_checkpoint(parser, args.work_dir)
    if args.checkpoint == 'none':
        args.checkpoint = None
    else:
        check_checkpoint(parser, args.checkpoint)
    if args.out is None:
        stem = osp.splitext(osp.basename(args.checkpoint or ''))[0]
        args.out = osp.join(args.work_dir,
                            f'report_{stem}.html' if stem else 'report.html')
    if not args.out.endswith('.html'):
        parser.error(f'--out is {args.out}, but must end in .html')
    check_writable(parser, '--out', osp.dirname(osp.abspath(args.out)))


def last_checkpoint(parser, work_dir):
    """The file that a training saved last, also where it was moved."""
    noted = osp.join(work_dir, 'last_checkpoint')
    if not osp.isfile(noted):
        parser.error(f'{work_dir} has no last_checkpoint: name a file by '
                     '--checkpoint, or none')
    with open(noted) as file:
        path = file.read().strip()
    moved = osp.join(work_dir, osp.basename(path))
    return moved if osp.isfile(moved) else path


def load_model(parser, args):
    """The networks of the checkpoint, as the training's config has them."""
    from mmengine.registry import init_default_scope
    from mmengine.utils import import_modules_from_strings

    from semipose_mm import register_all_modules
    from semipose_mm.analysis.run_config import kept_config
    from semipose_mm.analysis.taught import build_model
    from semipose_mm.launch.checkpoint_fit import check_fit
    register_all_modules()
    cfg = kept_config(args.work_dir)
    if cfg is None or not cfg.get('model'):
        parser.error(f'{args.work_dir} has no config of a training in '
                     '*/vis_data/config.py: --checkpoint none needs none')
    import_modules_from_strings(**(cfg.get('custom_imports') or {}))
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = build_model(cfg, args.checkpoint)
    args.config = cfg.filename
    check_fit(parser, args, cfg, model)
    return model.to(choose_device(parser, args))


def run(parser, args):
    """Report."""
    check_args(parser, args)
    from semipose_mm.analysis.report.make import write_report
    model = None if args.checkpoint is None else load_model(parser, args)
    try:
        files = write_report(args.work_dir, args.out, model, args.checkpoint,
                             args.video, args.num, args.limit, args.seed)
    except (FileNotFoundError, OSError) as error:
        parser.error(str(error))
    page, *tables = files
    print(f'{page} is written, {files[page] / 1e6:.1f} MB; its numbers are '
          f'in {osp.splitext(page)[0]}: '
          f'{", ".join(sorted(map(osp.basename, tables)))}')
