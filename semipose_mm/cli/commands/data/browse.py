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


def build_batch(cfg, num, seed):
    """The first pairs of epoch 0, collated."""
    from mmengine.dataset import pseudo_collate
    from mmpose.registry import DATASETS

    from semipose_mm.datasets import SemiPoseSampler
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    sampler = SemiPoseSampler(dataset, seed=seed)
    return pseudo_collate([dataset[sampler.item(0, i)] for i in range(num)])


def build_model(cfg, checkpoint):
    """The model in training mode, on the CPU."""
    from mmengine.runner import load_checkpoint
    from mmpose.registry import MODELS

    from semipose_mm.models.initial_weights import drop_initial_weights
    model = MODELS.build(cfg.model)
    if checkpoint:
        load_checkpoint(model, checkpoint, map_location='cpu')
    else:
        drop_initial_weights(model)  # what is shown does not depend on them
        model.init_weights()
    return model.train()


def draw(model, inputs, samples):
    """Draw a batch after a training step of the model.

    Args:
        model (SemiPoseEstimator): The model; its ``last_step`` is drawn.
        inputs (dict): Preprocessed inputs of that step.
        samples (dict): Its data samples.

    Returns:
        np.ndarray: A sheet, BGR, uint8.
    """
    from semipose_mm.analysis.pictures import overlay, sheet, to_images
    step = model.last_step
    labeled = to_images(inputs['labeled'], model.data_preprocessor)
    truth = model.output.maps(model.output.labeled_targets(samples['labels']))
    titles = ['labeled', 'labels']
    columns = [labeled, [overlay(*pair) for pair in zip(labeled, truth)]]
    if step.views:
        titles.append('easy')
        # the first partner of each labeled sample
        first = slice(None, None, len(inputs['easy']) // len(labeled))
        columns.append(
            to_images(inputs['easy'][first], model.data_preprocessor))
    for view in step.views:
        name = f'net{view.student}'
        images = to_images(view.images[first], model.data_preprocessor)
        titles += [f'view {view.view}, {name}', f'taught to {name}']
        taught = model.output.maps(view.targets)[first]
        columns += [images, [overlay(*p) for p in zip(images, taught)]]
    return sheet(list(zip(*columns)), titles)


def run(parser, args):
    """Draw a batch of a config."""
    check_args(parser, args)
    cfg = load_config(parser, args)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    import torch
    from mmengine.registry import init_default_scope

    from semipose_mm.analysis.pictures import write_picture

    init_default_scope('mmpose')
    if cfg.train_dataloader.dataset.type != 'SemiPoseDataset':
        parser.error('train_dataloader.dataset.type is '
                     f'{cfg.train_dataloader.dataset.type}, but must be '
                     'SemiPoseDataset')
    torch.manual_seed(args.seed)
    model = build_model(cfg, args.checkpoint)
    batch = build_batch(cfg, args.num, args.seed)
    data = model.data_preprocessor(batch, True)
    with torch.no_grad():
        model.loss(**data)
    picture = draw(model, data['inputs'], data['data_samples'])
    path = args.out or osp.join(cfg.work_dir, 'browse_semi.png')
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    write_picture(path, picture)
    print(f'{args.num} pairs are drawn in {path}')
