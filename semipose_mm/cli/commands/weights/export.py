# Copyright (c) semipose_mm authors.
"""Export one network of a training as MMPose alone uses it.

docs/export.md tells what is written.
"""
import copy
import hashlib
import os
import os.path as osp
import pickle
import tempfile

from semipose_mm.launch.run_checks import check_writable
from semipose_mm.launch.runner import build_runner
from ...options import (add_config_options, check_checkpoint, load_config,
                        write_outputs)


def add_options(parser):
    """Add the options."""
    parser.add_argument('config', help='config file of the training')
    parser.add_argument('checkpoint', help='its checkpoint file or URL')
    parser.add_argument(
        'out',
        metavar='OUT',
        help='what is written: OUT-<sha256>.pth with the first eight digits '
        'of its checksum, and the same with .py. In a folder the files are '
        'named after the config and the network')
    parser.add_argument(
        '--network',
        metavar='0|1|...|TEACHER|average',
        type=network,
        help='a number, a name in model.teachers, or average for the mean of '
        "the trained networks' weights. Defaults to model.test_cfg.network")
    parser.add_argument(
        '--onnx', action='store_true', help='write an ONNX file, too')
    parser.add_argument(
        '--no-score',
        action='store_true',
        help='do not validate the average, which has no score yet')
    add_config_options(parser)
    parser.set_defaults(launcher='none', local_rank=0, work_dir=None)


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    check_checkpoint(parser, args.checkpoint)


def network(text):
    """The value of --network."""
    return int(text) if text.isdigit() else text


def load_checkpoint(parser, path):
    """Load the training's checkpoint."""
    from mmengine.runner.checkpoint import _load_checkpoint
    try:
        checkpoint = _load_checkpoint(path, map_location='cpu')
    except (OSError, EOFError, RuntimeError, ValueError,
            pickle.UnpicklingError) as error:
        parser.error(f'{path} cannot be read: {str(error).splitlines()[0]}')
    if not isinstance(checkpoint, dict):
        parser.error(f'{path} is no checkpoint, but a '
                     f'{type(checkpoint).__name__}')
    return checkpoint


def network_name(network):
    """What messages call a network."""
    return 'the average' if network == 'average' else f'network {network}'


def selected_network(parser, cfg):
    """The network that the config selects."""
    selected = (cfg.model.get('test_cfg') or {}).get('network', 0)
    if selected == 'ensemble':
        parser.error('model.test_cfg.network is ensemble, which is no single '
                     'network: say --network with another one')
    return selected


def output_stem(out, recipe, network):
    """Path of what is written, without checksum and ending."""
    if osp.isdir(out) or out.endswith(('/', os.sep)):
        name = network if isinstance(network, str) else f'net{network}'
        return osp.join(out, f'{recipe}_{name}')
    return out[:-len('.pth')] if out.endswith('.pth') else out


def check_existing(parser, files):
    """Refuse to replace a file that holds something else."""
    for path, content in files.items():
        if osp.isfile(path):
            with open(path, 'rb') as file:
                if file.read() != content:
                    parser.error(f'{path} exists and has been changed: remove '
                                 'it, or choose another OUT')


def score(cfg, export):
    """Validate exported weights by the config's own metrics.

    Args:
        cfg (Config): Config of the training.
        export (Export): The network.

    Returns:
        tuple[dict, str]: The scores, and why there are none.
    """
    if not cfg.get('val_dataloader') or not cfg.get('val_evaluator'):
        return {}, 'the config has no validation data'
    from semipose_mm.checkpoint.export import annotation_files
    for path in annotation_files(cfg.val_dataloader.dataset):
        if not osp.isfile(path):
            return {}, f'{path} does not exist'
    plain = copy.deepcopy(export.config)
    # metrics of ours, too
    plain.val_evaluator = copy.deepcopy(cfg.val_evaluator)
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        plain.pop(key)
    with tempfile.TemporaryDirectory() as folder:
        plain.work_dir = folder
        # its errors name the file
        plain.val_dataloader.update(num_workers=0, persistent_workers=False)
        plain.log_level = 'WARNING'
        plain.experiment_name = plain.visualizer.name = osp.basename(folder)
        try:
            runner = build_runner(plain)
            runner.model.load_state_dict(export.state)
            return runner.val(), None
        except FileNotFoundError as error:
            return {}, str(error).splitlines()[0]


def add_score(cfg, export, about):
    """Put the scores of the average beside those of the networks."""
    from semipose_mm.checkpoint.plain import to_builtin
    scores, reason = score(cfg, export)
    if reason is not None:
        print(f'The average is not scored: {reason}')
    about['average'] = to_builtin(scores)


def config_text(export, checkpoint_name, about):
    """The config's file."""
    return (f'# {checkpoint_name} has the weights: '
            f'{network_name(export.network)} of {about["recipe"]}.\n' +
            export.config.pretty_text)


def checked_files(args, cfg, export, checkpoint, about, stem):
    """The files' contents, after MMPose alone has used them.

    Args:
        args (Namespace): The parsed options.
        cfg (Config): Config of the training.
        export (Export): The network.
        checkpoint (bytes): The exported checkpoint's file.
        about (dict): What it tells about itself.
        stem (str): Path without the endings.

    Returns:
        dict: Content by path, the checkpoint last.
    """
    from semipose_mm.checkpoint.export import check as export_check
    from semipose_mm.checkpoint.export.config import needs_package
    from semipose_mm.files import write_all
    model = export_check.load_training(cfg, export.training_state, export.key,
                                       export.dataset_meta)
    files = {
        f'{stem}.py':
        config_text(export, f'{osp.basename(stem)}.pth', about).encode()
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = [osp.join(folder, f'export{end}') for end in ('.py', '.pth')]
        write_all(dict(zip(paths, [*files.values(), checkpoint])))
        samples = [export_check.write_noise(osp.join(folder, 'noise.png'))]
        person = export_check.first_sample(export.config)
        samples += [person] if person else []
        inputs = export_check.random_inputs(export.config)
        export_check.check_export(model, export.key, inputs, samples, *paths)
    if needs_package(export.config):
        how = "with this package, which its backbone and so the config's "
        how += 'custom_imports need,'
    else:
        how = 'without this package'
    print(f'Self-check: MMPose {how} predicts the same for '
          f'{len(inputs)} random inputs and {len(samples)} images.')
    if args.onnx:
        from semipose_mm.checkpoint.export import onnx_file as export_onnx
        net = export_check.network_of(model, export.key)
        data = export_onnx.to_onnx(net, export.config, about['joints'])
        gap = export_onnx.check_onnx(data, net, export.config)
        print(f'Self-check: onnxruntime differs by {gap:.1g} of the largest '
              'output.')
        files[f'{stem}.onnx'] = data
    files[f'{stem}.pth'] = checkpoint
    return files


def report(export, about):
    """Tell the scores, and which network the training followed."""
    from semipose_mm.checkpoint.export import scores_by_network
    from semipose_mm.evaluation import format_score, score_table
    networks, iteration = scores_by_network(about)
    if about.get('average'):
        networks = dict(networks, average=about['average'])
    if networks:
        when = '' if iteration is None else f' at iteration {iteration}'
        print(f'\nValidation{when}, checkpoint of iteration '
              f'{about["iteration"]}:\n\n{score_table(networks)}\n')
    else:
        print('The checkpoint tells no scores.')
    for key, name in about['save_best'].items():
        best = about['best'].get(key)
        reached = '' if best is None else (
            f', best {format_score(best["score"])} at iteration '
            f'{best["iteration"]}')
        print(f'save_best followed {key} of {name}{reached}.')
    print(f'Exported: {network_name(export.network)}.')


def run(parser, args):
    """Export."""
    check_args(parser, args)
    cfg = load_config(parser, args)
    from semipose_mm.checkpoint.export import network as exporting
    from semipose_mm.checkpoint.export.weights import ExportError
    from semipose_mm.checkpoint.plain import to_bytes
    from semipose_mm.files import file_digest
    if args.network is None:
        args.network = selected_network(parser, cfg)
    recipe = osp.splitext(osp.basename(args.config))[0]
    stem = output_stem(args.out, recipe, args.network)
    check_writable(parser, 'OUT', osp.dirname(osp.abspath(stem)))
    try:
        if args.onnx:
            from semipose_mm.checkpoint.export.onnx_file import check_packages
            check_packages()
        source = load_checkpoint(parser, args.checkpoint)
        export = exporting.make_export(cfg, source, args.network)
        about = exporting.describe(
            export, source, recipe, exporting.data_manifest(cfg, file_digest),
            dict(
                file=osp.basename(args.checkpoint),
                sha256=file_digest(args.checkpoint)
                if osp.isfile(args.checkpoint) else None))
        if export.network == 'average' and not args.no_score:
            add_score(cfg, export, about)
        content = to_bytes(exporting.make_checkpoint(export, about))
        stem += '-' + hashlib.sha256(content).hexdigest()[:8]
        files = checked_files(args, cfg, export, content, about, stem)
    except ExportError as error:
        parser.error(f'{args.checkpoint} is not exported: {error}')
    check_existing(parser, files)
    write_outputs(parser, files)
    report(export, about)
    print('Written:', ', '.join(files))
