# Copyright (c) semipose_mm authors.
"""Convert released PoseDual and PoseCons weights, and write their config.

OUT.pth loads with OUT.py, which stands beside it.
docs/official_weights.md has the details.
"""
import argparse
import os.path as osp
import re
import tempfile

from ...options import write_outputs


def add_options(parser):
    """Add the options."""
    parser.add_argument('input', metavar='IN', help='released .pth.tar file')
    parser.add_argument('output', metavar='OUT', help='checkpoint to write')
    parser.add_argument(
        '--config-out',
        metavar='FILE',
        help='config to write. Defaults to OUT with the ending .py')
    parser.add_argument(
        '--config',
        metavar='FILE',
        help='config of yours to check the weights against; then none is '
        'written')
    parser.add_argument(
        '--stock',
        action='store_true',
        help='write one network as MMPose alone loads it')
    parser.add_argument(
        '--network',
        type=int,
        choices=[0, 1],
        help='which network --stock writes. Defaults to 0')
    parser.add_argument(
        '--dataset',
        choices=['coco', 'mpii'],
        help='whose keypoints are predicted. Defaults to the one whose '
        'channels are trained')
    parser.add_argument(
        '--joints',
        choices=['union', 'own'],
        help='whether the head keeps all 24 channels, of which those of the '
        'data set are predicted, or only these. Defaults to union, with '
        '--stock to own')
    parser.add_argument(
        '--input-size',
        type=input_size,
        metavar='WxH',
        help='width and height of the input in pixels, which the weights do '
        'not tell. Defaults to 192x256, for HRNet-W48 to 288x384, for MPII '
        'to 256x256')
    parser.add_argument(
        '--sigma',
        type=float,
        help='sigma of the heatmaps, for further training. Defaults to 3 '
        'for 288x384, else to 2')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace files that exist already')


def input_size(text):
    """Width and height of an option."""
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    if not match:
        raise argparse.ArgumentTypeError(
            f'{text} must be width and height, such as 192x256')
    width, height = map(int, match.groups())
    if width % 32 or height % 32 or not width or not height:
        raise argparse.ArgumentTypeError(f'{text} must have multiples of 32')
    if width > height:
        raise argparse.ArgumentTypeError(
            f'{text} is wider than high; the width comes first, as in '
            f'{height}x{width}')
    return width, height


def check_args(parser, args):
    """Refuse options that contradict one another."""
    if not osp.isfile(args.input):
        parser.error(f'file {args.input} does not exist')
    if args.network is not None and not args.stock:
        parser.error('--network needs --stock; without, all networks are '
                     'written')
    if args.stock and args.joints == 'union':
        parser.error('--joints union needs a config of this package, but '
                     '--stock is for MMPose alone')
    if args.config is not None and args.config_out is not None:
        parser.error('--config names a config that exists, so nothing is '
                     'written to --config-out')
    if args.sigma is not None and args.sigma <= 0:
        parser.error(f'--sigma is {args.sigma:g}, but must be positive')
    if args.config is None:
        args.config_out = args.config_out or \
            osp.splitext(args.output)[0] + '.py'
        if not args.config_out.endswith('.py'):
            parser.error(f'--config-out is {args.config_out}, but must end '
                         'in .py')
    elif not osp.isfile(args.config):
        parser.error(f'--config: file {args.config} does not exist')
    written = [args.output, args.config_out]
    for i, path in enumerate(written):
        if path is None:
            continue
        if osp.realpath(path) in map(osp.realpath, [args.input, *written[:i]]):
            parser.error(f'{path} would be written over another file of '
                         'this command')
        if osp.isdir(path):
            parser.error(f'{path} is a folder, but must be a file')
        if osp.exists(path) and not args.overwrite:
            parser.error(f'{path} exists already; --overwrite replaces it')


def make_spec(args, networks):
    """Find out what is in the file and what is wanted of it.

    Args:
        args (Namespace): The parsed options.
        networks (list[dict]): The file's networks.

    Returns:
        ConfigSpec: What the config says.
    """
    from semipose_mm.checkpoint.official import (OWN_CHANNELS, UNION_JOINTS,
                                                 OfficialError,
                                                 find_architecture,
                                                 find_dataset,
                                                 untrained_channels)
    from semipose_mm.checkpoint.official.config import (ConfigSpec,
                                                        default_geometry)
    from semipose_mm.files import file_digest
    number = args.network or 0
    if number >= len(networks):
        raise OfficialError(f'--network is {number}, but it holds one '
                            'network, 0')
    kinds = [find_architecture(network) for network in networks]
    if len(set(kinds)) > 1 and not args.stock:
        raise OfficialError('it holds different networks, '
                            f'{" and ".join(map(str, kinds))}; convert one '
                            'at a time by --stock --network')
    dataset = args.dataset or find_dataset(networks)
    if dataset is None:
        raise OfficialError('it does not tell whether it was trained on COCO '
                            'or MPII; say so by --dataset')
    missing = set(
        OWN_CHANNELS[dataset]).intersection(*map(untrained_channels, networks))
    if missing:
        names = ', '.join(UNION_JOINTS[i] for i in sorted(missing))
        raise OfficialError(f'--dataset is {dataset}, but it was never '
                            f'trained on {names}: their biases are still 0')
    size, sigma = default_geometry(kinds[number], dataset)
    if args.input_size is not None:
        size = args.input_size
        sigma = 3 if size == (288, 384) else 2
    return ConfigSpec(
        architecture=kinds[number],
        num_networks=1 if args.stock else len(networks),
        dataset=dataset,
        union=(args.joints or ('own' if args.stock else 'union')) == 'union',
        stock=args.stock,
        input_size=size,
        sigma=args.sigma or sigma,
        source=osp.basename(args.input),
        sha256=file_digest(args.input))


def make_checkpoint(spec, networks, number):
    """What is saved.

    Args:
        spec (ConfigSpec): What is wanted.
        networks (list[dict]): The file's networks.
        number (int): The network of a stock checkpoint.

    Returns:
        dict: ``state_dict`` and ``meta`` with the data set's meta
        information, which MMPose's inference reads.
    """
    import warnings

    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    from semipose_mm.checkpoint.official import (OWN_CHANNELS, to_estimator,
                                                 to_mmpose)
    from semipose_mm.checkpoint.plain import to_builtin
    channels = None if spec.union else OWN_CHANNELS[spec.dataset]
    state = to_mmpose(networks[number], channels) if spec.stock else \
        to_estimator(networks, channels)
    with warnings.catch_warnings():
        # that it takes the file from the installed package
        warnings.simplefilter('ignore')
        meta = parse_pose_metainfo(
            dict(from_file=f'configs/_base_/datasets/{spec.dataset}.py'))
    return dict(
        state_dict=state,
        meta=dict(
            dataset_meta=to_builtin(meta),
            converted_from=spec.source,
            sha256=spec.sha256))


def checked_config(args, spec, state):
    """The config's text, after a look whether the weights fit.

    Args:
        args (Namespace): The parsed options.
        spec (ConfigSpec): What is wanted.
        state (dict): The converted weights.

    Returns:
        str: The text, which is not needed with --config.
    """
    from semipose_mm.checkpoint.official.config import config_text
    from semipose_mm.checkpoint.official.file import check_fit
    text = config_text(spec)
    if args.config is not None:
        check_fit(args.config, f'--config {args.config}', state)
        return text
    with tempfile.TemporaryDirectory() as folder:
        path = osp.join(folder, 'config.py')
        with open(path, 'w') as file:
            file.write(text)
        check_fit(path, f'the config of {spec.architecture}', state, 'meta')
    return text


def run(parser, args):
    """Convert."""
    check_args(parser, args)
    from semipose_mm.checkpoint.official import OfficialError
    from semipose_mm.checkpoint.official.file import load_networks
    from semipose_mm.checkpoint.plain import to_bytes
    try:
        networks = load_networks(args.input)
        spec = make_spec(args, networks)
        checkpoint = make_checkpoint(spec, networks, args.network or 0)
        text = checked_config(args, spec, checkpoint['state_dict'])
    except OfficialError as error:
        parser.error(f'{args.input} is not converted: {error}')
    files = {args.output: to_bytes(checkpoint)}
    if args.config is None:
        files[args.config_out] = text.encode()
    write_outputs(parser, files)
    print(f'{args.input}: {len(networks)} x {spec.architecture}, trained on '
          f'the joints of {spec.dataset}; wrote {" and ".join(files)}')
