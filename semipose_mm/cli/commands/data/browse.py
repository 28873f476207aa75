# Copyright (c) semipose_mm authors.
"""Draw a training batch: what each network sees and what it is taught.

Each row is one pair of samples: the labeled crop with its heatmaps, the easy
crop, and for every route and view the hard image and the target that its
teachers give.
"""
import os
import os.path as osp

from ...options import add_common_options, check_checkpoint, load_config


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--checkpoint', help='weights. Defaults to random ones')
    parser.add_argument(
        '--out',
        help='picture to write. Defaults to browse_semi.png in the work '
        'folder')
    parser.add_argument(
        '--num', type=int, default=6, help='pairs to draw. Defaults to 6')
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the batch. Default 0')
    add_common_options(parser)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    if args.num < 1:
        parser.error(f'--num is {args.num}, but must be at least 1')
    if args.checkpoint:
        check_checkpoint(parser, args.checkpoint)


def run(parser, args):
    """Draw a batch of a config."""
    check_args(parser, args)
    cfg = load_config(parser, args)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    import torch
    from mmengine.registry import init_default_scope

    from semipose_mm.analysis import taught
    from semipose_mm.analysis.pictures import sheet, write_picture

    init_default_scope('mmpose')
    if cfg.train_dataloader.dataset.type != 'SemiPoseDataset':
        parser.error('train_dataloader.dataset.type is '
                     f'{cfg.train_dataloader.dataset.type}, but must be '
                     'SemiPoseDataset')
    torch.manual_seed(args.seed)
    model = taught.build_model(cfg, args.checkpoint)
    batch = taught.build_batch(cfg, args.num, args.seed)
    data = taught.take_step(model, batch)
    titles, columns = zip(*taught.columns(model, **data))
    picture = sheet(list(zip(*columns)), titles)
    path = args.out or osp.join(cfg.work_dir, 'browse_semi.png')
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    write_picture(path, picture)
    print(f'{args.num} pairs are drawn in {path}')
