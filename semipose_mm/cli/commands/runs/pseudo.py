# Copyright (c) semipose_mm authors.
"""Make pseudo-labels: ``semipose pseudo CONFIG CHECKPOINT IMAGES --labels
LABELS``.

All networks see each image at several scales and mirrored. Joints on which
they agree become labels with weights, of images whose poses differ, and the
commands are printed that train a fresh network on labels and pseudo-labels.
Killed and called again, it goes on. docs/pseudo_labels.md has the details.
"""
import os.path as osp

from semipose_mm.launch.runner import is_url
from semipose_mm.videos.rules import NUM as FRAMES
from semipose_mm.videos.rules import RULES
from ...options import choose_device
from ...progress import Progress
from . import predict


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        'media',
        nargs='+',
        metavar='IMAGE|FOLDER|VIDEO',
        help='images, folders of images or of videos, videos')
    parser.add_argument(
        '--out',
        default='pseudo',
        metavar='DIR',
        help='folder for what is written. Defaults to pseudo')
    parser.add_argument(
        '--labels',
        metavar='LABELS',
        help='a folder that semipose import wrote: a copy in DIR/labels gets '
        'the pseudo-labels, too; images with labels and those of the held-out '
        'part get none')
    parser.add_argument(
        '--num',
        type=int,
        default=1000,
        metavar='N',
        help='images to choose, one of each cluster of poses. Defaults to '
        '1000')
    parser.add_argument(
        '--keep',
        type=float,
        default=0.75,
        metavar='SHARE',
        help='of the predictions of each joint, the share that can be kept: '
        'those that agree best, and are among as many with the best scores. '
        'Defaults to 0.75')
    parser.add_argument(
        '--min-joints',
        type=float,
        default=0.75,
        metavar='SHARE',
        help='share of its joints that an image must keep. Defaults to 0.75')
    parser.add_argument(
        '--networks',
        nargs='+',
        metavar='NAME',
        help='the networks that must agree, such as net0 net1 ema0. Defaults '
        'to all that semipose test scores, without the ensemble')
    parser.add_argument(
        '--scales',
        nargs='+',
        type=float,
        default=[1., 0.8, 1.25],
        metavar='S',
        help='sizes of the views in parts of the box. Defaults to 1 0.8 1.25')
    parser.add_argument(
        '--flip',
        choices=['on', 'off'],
        help='whether there are mirrored views, for what networks know '
        'mirrored. Defaults to model.test_cfg.flip_test')
    parser.add_argument(
        '--boxes',
        metavar='whole|X,Y,W,H|FILE',
        help='the part of the images that the networks get, as of semipose '
        'predict. Defaults to box_rule of the config')
    parser.add_argument(
        '--frames',
        type=int,
        default=FRAMES,
        metavar='N',
        help='frames of each video, written to DIR/frames. Defaults to '
        f'{FRAMES}')
    parser.add_argument(
        '--frames-by',
        choices=RULES,
        default='kmeans',
        help='how they are chosen, see semipose frames. Defaults to kmeans')
    parser.add_argument(
        '--batch-size',
        type=int,
        default=32,
        metavar='N',
        help='images of a pass. Defaults to 32')
    predict.add_machine_options(parser)
    # what predict asks for
    parser.set_defaults(
        start=None,
        margin=None,
        threshold=0.,
        trail=0,
        h5=False,
        flip_test=None)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    predict.check_args(parser, args)
    for name in ('num', 'frames'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} is {getattr(args, name)}, but must be at '
                         'least 1')
    for name in ('keep', 'min_joints'):
        value = getattr(args, name)
        if not 0 < value <= 1:
            parser.error(f'--{name.replace("_", "-")} is {value:g}, but must '
                         'be above 0 and at most 1')
    if any(not 0.25 <= one <= 4
           for one in args.scales) or len(set(args.scales)) < len(args.scales):
        given = ' '.join(f'{one:g}' for one in args.scales)
        parser.error(f'--scales is {given}, but must be different numbers '
                     'from 0.25 to 4')
    if args.boxes == 'follow':
        parser.error('--boxes is follow, but must be whole, X,Y,W,H or a '
                     '.json file, as these images are no successive frames')


def base_of(path):
    """The config of the zoo that a config has as its first base, if any."""
    from mmengine.config import Config
    bases = Config._get_base_files(path)
    first = ([bases] if isinstance(bases, str) else [*bases, None])[0]
    return first if first and first.startswith('mmpose::') else None


def run(parser, args):
    """Make pseudo-labels."""
    check_args(parser, args)
    from semipose_mm.data_files import WARNING, Findings
    from semipose_mm.files import file_digest
    from semipose_mm.importing.project import read_project
    from semipose_mm.launch.checkpoint_fit import check_fit
    from semipose_mm.prediction import run as prediction
    from semipose_mm.pseudo.labels import check_folder, check_names
    from semipose_mm.pseudo.run import make_pseudo_labels, next_steps
    from semipose_mm.pseudo.sources import find_images, leave_out
    from semipose_mm.pseudo.views import ViewNetworks
    findings = Findings()
    project = None
    if args.labels:
        # before hours of predicting
        check_folder(osp.join(args.out, 'labels'))
        project = read_project(args.labels, findings)
    cfg, config_digest = predict.read_config(parser, args)
    flip = (cfg.model.get('test_cfg') or {}).get('flip_test', False)
    if args.flip is not None:
        flip = args.flip == 'on'
    device = choose_device(parser, args)
    networks = ViewNetworks(cfg, args.checkpoint, device, args.networks,
                            args.scales, flip, args.config)
    check_fit(parser, args, cfg, networks.model)
    if project:
        check_names(project, networks.joints, args.config)
    media, left_out = leave_out(
        find_images(args.media, args.out, args.frames, args.frames_by,
                    findings), project, findings)
    digests = dict(
        config_sha256=config_digest,
        checkpoint_sha256=args.checkpoint if is_url(args.checkpoint) else
        file_digest(osp.expanduser(args.checkpoint)))
    task = predict.make_task(args, cfg, media, networks.names, digests)
    for line in [*findings.lines(WARNING), *getattr(task.boxes, 'notes', ())]:
        print(f'warning: {line}')
    print(f'{len(media.images):,} images, each in {len(networks.names)} '
          f'views: {", ".join(networks.names)}')
    progress = None

    def begin(done, total):
        nonlocal progress
        progress = Progress('', done, total, args.log_seconds)

    def said(done, total, records):
        progress.update(done, sum('reason' in one for one in records))

    try:
        prediction.predict(networks, task, said, begin)
    except KeyboardInterrupt:
        parser.exit(
            130, f'{parser.prog}: interrupted; the same command '
            'continues\n')
    made = make_pseudo_labels(task, networks.meta, args.out, left_out,
                              args.num, args.keep, args.min_joints, project)
    print(*made.lines(), sep='\n')
    print('next:')
    size = networks.model.head.decoder.input_size
    print(
        *next_steps(made, base_of(args.config), size, [media.path]), sep='\n')
