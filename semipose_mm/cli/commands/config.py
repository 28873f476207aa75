# Copyright (c) semipose_mm authors.
"""Make the config of a semi-supervised training on one's own data.

docs/make_config.md explains.
"""
import math
import os.path as osp
import shlex

from semipose_mm import register_all_modules

RECIPES = ('posedual', 'posecons', 'supervised')


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
        '--base',
        required=True,
        metavar='mmpose::...',
        help='a top-down heatmap or SimCC config of MMPose, or a file')
    parser.add_argument(
        '--labeled',
        required=True,
        metavar='ANN.json',
        help="labels in COCO's keypoint format")
    parser.add_argument(
        '--unlabeled',
        metavar='SOURCE',
        help='a folder of images, a .txt list of them, or a COCO file with '
        'or without boxes')
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
        help='folders of the images, if they do not lie near the files')
    parser.add_argument(
        '--recipe',
        choices=RECIPES,
        default='posedual',
        help='Defaults to posedual')
    parser.add_argument(
        '--keypoints',
        metavar='F.yaml',
        help='names of the keypoints and, optionally, skeleton, flip_pairs, '
        'sigmas. Defaults to what the labels say')
    parser.add_argument(
        '--peer',
        metavar='mmpose::...',
        help='config of the second network, if it is another one')
    parser.add_argument(
        '--input-size',
        nargs=2,
        type=positive(int),
        metavar=('W', 'H'),
        help='size of the crop in pixels. Defaults to that of the base')
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
        '--seed',
        type=int,
        default=0,
        help='of the draw of validation images. Defaults to 0')
    parser.add_argument(
        '--out',
        metavar='FILE.py',
        help='Defaults to RECIPE_LABELS.py in this folder')


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    if args.unlabeled is None and args.recipe != 'supervised':
        parser.error(f'--recipe {args.recipe} needs --unlabeled')
    if args.boxes and args.unlabeled is None:
        parser.error('--boxes needs --unlabeled')
    if args.peer and args.recipe != 'posedual':
        parser.error(f'--peer needs --recipe posedual, as {args.recipe} has '
                     'one network')
    if args.out is None:
        stem = osp.splitext(osp.basename(args.labeled))[0]
        args.out = f'{args.recipe}_{stem}.py'
    if not args.out.endswith('.py'):
        parser.error(f'--out is {args.out}, but configs end with .py')


def read_networks(args):
    """Read base and peer, and refuse what cannot teach early.

    Returns:
        tuple: The base, and the peer or None.
    """
    from semipose_mm.config_maker.advice import nearest_supported
    from semipose_mm.config_maker.base import read_base
    from semipose_mm.config_maker.check import check_base
    from semipose_mm.config_maker.faults import (ConfigFault, MissingExtra,
                                                 Unsupported)
    found = []
    for option, name in (('--base', args.base), ('--peer', args.peer)):
        if name is None:
            found.append(None)
            continue
        try:
            found.append(read_base(name, option))
            check_base(found[-1])
        except MissingExtra as fault:
            raise ConfigFault(f'{option} {name}: {fault}') from fault
        except Unsupported as fault:
            raise ConfigFault(
                f'{option} {name} cannot be used: {fault}. The nearest '
                f'supported choice is {nearest_supported(name)}') from fault
    return found


def make_plan(args, base, peer, stage):
    """Decide everything that the config says, and write its other files."""
    from semipose_mm.config_maker.data import read_data
    from semipose_mm.config_maker.leaf import MAX_LR, Plan
    from semipose_mm.config_maker.network import (cutout, network_overrides,
                                                  peer_entry)
    from semipose_mm.config_maker.schedule import plan_schedule

    data = read_data(args, stage)
    size = tuple(args.input_size) if args.input_size else None
    num = len(data.keypoints.names)
    schedule = plan_schedule(data.train.num, data.num_unlabeled,
                             args.batch_size, args.iterations)
    return Plan(
        recipe=args.recipe,
        base=base,
        network=network_overrides(base, num, size),
        peer=peer and peer_entry(base, peer, num, size),
        peer_name=args.peer,
        cutout=cutout(size or base.input_size, num),
        keypoints=data.keypoints,
        metainfo=data.metainfo,
        train=data.train,
        val=data.val,
        split=args.val is None,
        source=data.source,
        num_unlabeled=data.num_unlabeled,
        num_shared=data.num_shared,
        schedule=schedule,
        lr=args.lr or min(base.lr, MAX_LR))


def make(args):
    """Write the config and check it.

    Returns:
        tuple: The plan, and the files that were written.
    """
    from semipose_mm.config_maker.check import check_base, check_config
    from semipose_mm.config_maker.faults import ConfigFault, Unsupported
    from semipose_mm.config_maker.leaf import leaf_text
    from semipose_mm.config_maker.network import peer_entry
    from semipose_mm.config_maker.stage import staged
    base, peer = read_networks(args)
    try:
        if peer:
            size = tuple(args.input_size) if args.input_size else None
            check_base(base, peer_entry(base, peer, None, size), size)
        with staged(args.out) as stage:
            plan = make_plan(args, base, peer, stage)
            stage.write('.py', leaf_text(plan).encode())
            check_config(stage.path(f'{stage.stem}.py'))
            return plan, stage.publish()
    except Unsupported as fault:
        names = f'--base {args.base}'
        if peer:
            names += f' and --peer {args.peer}'
        raise ConfigFault(f'{names} cannot be used: {fault}') from fault


def notes(plan):
    """What the user should know beside."""
    if plan.num_shared:
        yield (f'note: {plan.num_shared} unlabeled samples are on images that '
               'validate: scores will be too good. Leave them out of '
               '--unlabeled')
    weights = (plan.network.get('backbone') or {}).get('init_cfg') or \
        plan.base.cfg.model.backbone.get('init_cfg')
    if weights:
        yield ('note: backbones start from '
               f'{weights.get("checkpoint", weights)}; other weights by '
               '--cfg-options model.backbone.init_cfg.checkpoint=FILE, those '
               'of a whole network by load_from=FILE')


def report(plan, files) -> None:
    """Print what was written, and what comes next."""
    codec = plan.network.get('head', dict()).get('decoder') or plan.base.codec
    size = 'x'.join(map(str, codec['input_size']))
    keypoints, times = plan.keypoints, plan.schedule
    known = keypoints.known and f', those of {keypoints.known} in MMPose'
    flips = f'a flip exchanges {keypoints.pairs} pairs' if plan.flips else \
        'images are not flipped'
    config = osp.relpath(files[-1])
    print(
        'written and built:',
        *(f'  {osp.relpath(one)}' for one in files),
        f'keypoints: {len(keypoints.names)}{known or ""}; {flips}',
        f'input: {size} pixels (width, height)',
        f'labels: {plan.train.num} to train, {plan.val.num} to validate',
        f'unlabeled: {plan.num_unlabeled}',
        f'iterations: {times.iterations} of {times.batch_size} labels, '
        f'learning rate {plan.lr:g}',
        'next:',
        f'  semipose check {shlex.quote(config)}',
        f'  semipose train {shlex.quote(config)}',
        *notes(plan),
        sep='\n')


def run(parser, args):
    """Make a config."""
    check_args(parser, args)
    register_all_modules()
    from semipose_mm.config_maker.faults import FileFault
    try:
        plan, files = make(args)
    except FileFault as fault:
        parser.error(' '.join(str(fault).split()))
    report(plan, files)
