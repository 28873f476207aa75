# Copyright (c) semipose_mm authors.
"""Command line of ``semipose detect``."""
import os
import os.path as osp
import re

from semipose_mm.launch.runner import is_url

# Environment variables of torchrun, and of a job step of SLURM. A batch
# script has SLURM_NTASKS too, though only one process runs there.
RANK_VARIABLES = (('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
                  ('SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'SLURM_LOCALID'))


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', nargs='?', help='config of MMDetection')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file')
    parser.add_argument(
        'images',
        nargs='?',
        help='a folder, a .txt list with a path a line, or a COCO-style '
        '.json with the images')
    parser.add_argument(
        '--img-root',
        metavar='DIR',
        help='folder that the names of a list or json are relative to. '
        'Defaults to the current one')
    parser.add_argument(
        '--allow-outside',
        action='store_true',
        help='also read images whose names in a list or json lead out of '
        '--img-root')
    parser.add_argument(
        '--out', required=True, help='file for the detections (.json)')
    parser.add_argument(
        '--images-out',
        metavar='FILE',
        help='file for the image list (.json) of a folder or .txt list. '
        'Defaults to that of --out, ending in .images.json')
    parser.add_argument(
        '--category',
        default='person',
        metavar='NAME|INDEX',
        help="the detector's class by name, or by index from 0. Defaults to "
        'person')
    parser.add_argument(
        '--category-id',
        type=int,
        metavar='ID',
        help='category_id to write. Defaults to the id that the name has in '
        'the json of the images, else to 1')
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='lowest score of a box. Defaults to 0.3')
    parser.add_argument(
        '--max-per-image',
        type=int,
        metavar='N',
        help='keep the N boxes of an image with the highest scores. Defaults '
        'to all')
    parser.add_argument(
        '--batch-size',
        type=int,
        default=8,
        help='images that are read at a time; those of one shape go through '
        'the detector together. Defaults to 8')
    parser.add_argument(
        '--workers',
        type=int,
        default=2,
        help='processes that decode images; 0 decodes in the main one. '
        'Defaults to 2')
    parser.add_argument(
        '--device',
        help='such as cuda:1 or cpu. Defaults to a GPU of its own for each '
        'process, if there are any')
    parser.add_argument(
        '--shard',
        metavar='I/N',
        help='do part I of N, from 0/N to (N-1)/N. Defaults to the rank '
        'where torchrun or srun started the processes, else to 0/1')
    parser.add_argument(
        '--merge',
        action='store_true',
        help='only check that all shards of --out are there and write it; '
        'the shard that ends last does this by itself')
    parser.add_argument(
        '--log-seconds',
        type=float,
        default=10,
        help='seconds between lines of progress. Defaults to 10')
    from mmengine.config import DictAction
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override entries of the config')


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    args.out = osp.abspath(osp.expanduser(args.out))
    if not args.out.endswith('.json'):
        parser.error(f'--out is {args.out}, but must end in .json')
    if args.merge:
        if args.config is not None or args.shard is not None:
            parser.error('--merge takes nothing but --out')
        return
    for name in ('config', 'checkpoint', 'images'):
        if getattr(args, name) is None:
            parser.error(f'{name} is missing: it takes CONFIG CHECKPOINT '
                         'IMAGES --out FILE')
    if not osp.isfile(args.config):
        parser.error(f'config file {args.config} does not exist')
    if is_url(args.checkpoint):
        parser.error(f'checkpoint is {args.checkpoint}, but must be a local '
                     'file; mim download mmdet --config NAME --dest DIR '
                     'fetches one with its config')
    if not osp.isfile(args.checkpoint):
        parser.error(f'checkpoint file {args.checkpoint} does not exist')
    if not 0 <= args.score_thr <= 1:
        parser.error(f'--score-thr is {args.score_thr}, but must be from 0 '
                     'to 1')
    for option, lowest in (('max_per_image', 1), ('batch_size', 1), ('workers',
                                                                     0)):
        value = getattr(args, option)
        if value is not None and value < lowest:
            parser.error(f'--{option.replace("_", "-")} is {value}, but must '
                         f'be at least {lowest}')
    args.shard, args.num_shards, args.local_rank = find_shard(parser, args)


def find_shard(parser, args):
    """The shard, their number and the rank on this machine.

    Returns:
        tuple[int, int, int]: All from 0.
    """
    if args.shard is not None:
        match = re.fullmatch(r'(\d+)/(\d+)', args.shard)
        if match and int(match[1]) < int(match[2]):
            return int(match[1]), int(match[2]), 0
        parser.error(f'--shard is {args.shard}, but must be I/N with I from '
                     '0 to N-1, such as 0/4')
    for names in RANK_VARIABLES:
        values = [os.environ.get(name) for name in names]
        if None in values[:2]:
            continue
        try:
            rank, size, local = map(int, [*values[:2], values[2] or 0])
        except ValueError:
            rank = size = -1
        if not 0 <= rank < size:
            parser.error(f'{names[0]} is {values[0]} and {names[1]} is '
                         f'{values[1]} in the environment; set --shard I/N')
        return rank, size, local
    return 0, 1, 0
