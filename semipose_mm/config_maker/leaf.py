# Copyright (c) semipose_mm authors.
"""The text of the config: short, and it says why."""
import os.path as osp
from typing import Any, Dict, List

from .base import PREFIX
from .leaf_training import training_lines
from .plan import Plan
from .pose_spread import crop_bounds
from .weights import Weights
from .writing import Raw, arguments, code, comment, format_code

BASE_LINE = "__import__('semipose_mm').config_path('_base_/posedual.py')"


def leaf_text(plan: Plan) -> str:
    """Write the config.

    Args:
        plan (Plan): What it says.

    Returns:
        str: Its text.
    """
    parts = [
        _head(plan),
        _data(plan),
        _model(plan),
        _pipeline(plan),
        _loaders(plan),
        training_lines(plan)
    ]
    return format_code('\n'.join(line for part in parts
                                 for line in part) + '\n')


def _head(plan: Plan) -> List[str]:
    data = plan.data
    labels = f'{data.train.num} labels'
    if data.source is not None:
        labels += f' and {data.num_unlabeled} unlabeled samples'
    name = plan.base.name
    if not name.startswith(PREFIX):
        name = osp.abspath(name)
    cut = name.rfind('/') + 1
    shown = f'{name[:cut]!r} {name[cut:]!r}' if cut else repr(name)
    imports = plan.base.cfg.get('custom_imports') or dict()
    imports = list(imports.get('imports') or [])
    if 'semipose_mm' not in imports:
        imports.append('semipose_mm')
    return [
        *comment(f'{plan.recipe.told}; {labels}. Written by semipose config, '
                 'yours to edit.'), f'_base_ = [{shown}, {BASE_LINE}]',
        f'custom_imports = dict(imports={code(imports)}, '
        'allow_failed_imports=False)'
    ]


def _data(plan: Plan) -> List[str]:
    data = plan.data
    keypoints = data.keypoints
    if keypoints.unflipped:
        lines = comment(f'Nothing is flipped: {keypoints.unflipped}.')
    elif not keypoints.pairs:
        lines = comment('A mirrored image keeps its labels.')
    else:
        lines = comment('A flip exchanges ' +
                        ', '.join(' and '.join(pair)
                                  for pair in keypoints.pairs) + '.')
    lines.append(f'keypoints = dict(from_file={data.metainfo!r})')
    for name, part in (('labeled', data.train), ('val', data.val)):
        lines += comment(f'{part.told}.')
        if name == 'val' and plan.split:
            lines += comment(
                f'{part.num_images} of '
                f'{part.num_images + data.train.num_images} images, drawn '
                'from the labels. Neighboring frames of a video are too much '
                'alike for that.')
        options = dict(
            type='CocoDataset',
            metainfo=Raw('keypoints'),
            ann_file=part.ann_file,
            data_prefix=dict(img=part.images))
        lines.append(f'{name}_data = {code(options)}')
    if plan.box_rule:
        lines += comment('Boxes of labels are by this rule, those of '
                         'unlabeled images as said below.')
        lines.append(f'box_rule = {code(plan.box_rule)}')
    if data.source is not None:
        lines += comment(f'Boxes: {data.source.policy}; '
                         f'{data.unlabeled_told}.')
        options = dict(type='UnlabeledPoseDataset', **data.source.options)
        lines.append(f'unlabeled_data = {code(options)}')
    return lines


def _model(plan: Plan) -> List[str]:
    lines = []
    method = dict()
    if plan.recipe.name != 'supervised' and plan.cutout:
        lines += comment('boxes and joints that are cut, for this input size '
                         'and number of keypoints')
        options = dict(dict(type='JointCutout', num=5), **plan.cutout)
        own = "source='hard', warp='crop'" \
            if plan.recipe.name == 'labels_then_ema' else \
            'source=_base_.hard_source'
        own += ', ops=[joint_cutout] if _base_.hard_cutout else []'
        lines += [f'joint_cutout = {code(options)}', f'views = [dict({own})]']
        method['views'] = Raw('views')
    if plan.peer is not None:
        lines += comment('network 1 is that of ' +
                         plan.peer_name.rpartition('/')[2])
        lines.append(f'peer = {code(plan.peer)}')
        method['peers'] = [Raw('peer')]
    network = {k: dict(v) for k, v in plan.network.items()}
    if plan.base.library:
        lines += comment(plan.base.library.told)
    pixels = network.pop('data_preprocessor', None)
    if pixels:
        lines += comment('images as the backbone knows them')
        method['data_preprocessor'] = dict(
            type='SemiPoseDataPreprocessor', **pixels)
    own = '_base_.posedual'
    if plan.recipe.model != 'posedual':
        own = f'dict(_base_.posedual, **_base_.{plan.recipe.model})'
    if method:
        own = f'dict({own}, {arguments(method)})'
    if 'decoder' in network.get('head', dict()):
        lines.append(f'codec = {code(network["head"]["decoder"])}')
        network['head']['decoder'] = Raw('codec')
    if not plan.flips:
        network.setdefault('test_cfg', dict())['flip_test'] = False
    if 'norm_cfg' in str(network):
        lines += comment('SyncBN does not run on CPU; statistics are '
                         'averaged over GPUs to be saved')
    inner = ''.join(f'{k}={code(v)}, ' for k, v in network.items())
    if plan.recipe.teacher:
        lines += comment(plan.recipe.teacher)
    if plan.weights.load_from:
        lines += comment('no weights of the backbone alone, as load_from has '
                         'them, too')
    lines.append(f'model = dict({inner}**{own})')
    return lines + _load_from(plan.weights)


def _load_from(weights: Weights) -> List[str]:
    if weights.load_from is None:
        return ['load_from = None'] if weights.drops_load_from else []
    return [
        *comment(f'Networks start from a pose checkpoint: {weights.taken}.'),
        f'load_from = {weights.load_from!r}'
    ]


def _encoder(plan: Plan) -> str:
    """Code for the codec that encodes labels."""
    inherited = plan.base.cfg.get('codec') == plan.base.codec
    known = '_base_.codec' if inherited else code(plan.base.codec)
    if 'decoder' in plan.network.get('head', dict()):
        return f'dict({known}, **codec)'
    return known


def _pipeline(plan: Plan) -> List[str]:
    base = plan.base
    size = plan.network.get('head', dict()).get('decoder') or base.codec
    affine = base.transform('TopdownAffine', dict(type='TopdownAffine'))
    affine['input_size'] = tuple(size['input_size'])
    steps = [
        'load', 'box', "dict(type='RandomFlip', direction='horizontal')",
        'box_transform', 'affine',
        f"dict(type='GenerateTarget', encoder={_encoder(plan)})",
        "dict(type='PackPoseInputs')"
    ]
    if not plan.flips:
        steps.pop(2)
    return [
        f'load = {code(base.transform("LoadImage", dict(type="LoadImage")))}',
        f'box = {code(plan.box_scale)}', *_box_transform(plan),
        f'affine = {code(affine)}', f'pipeline = [{", ".join(steps)}]'
    ]


def _box_transform(plan: Plan) -> List[str]:
    """What changes the boxes of labeled images."""
    if plan.recipe.name in ('posedual', 'posecons'):
        return ["box_transform = dict(type='EasyAffine')"]
    spread = plan.data.spread
    angle, scale = crop_bounds(spread)
    told = ('too few labeled poses to tell how they differ: crops are turned '
            'and scaled moderately') if spread is None else (
                f'68 % of the labeled poses are within {spread.angle:.0f} '
                f'degrees and {100 * spread.scale:.0f} % of size of their '
                'mean: crops are turned and scaled by up to three times that, '
                'within bounds')
    turn = dict(
        rotate_factor=angle, scale_factor=(round(1 - scale, 2), 1 + scale))
    return [
        *comment(told),
        f'box_transform = dict(_base_.labeled_box, {arguments(turn)})'
    ]


def _loaders(plan: Plan) -> List[str]:
    dataset: Dict[str, Any] = dict(
        _delete_=True,
        type='SemiPoseDataset',
        sources=Raw('_base_.hard_sources'),
        labeled=Raw('dict(pipeline=pipeline, **labeled_data)'))
    if plan.recipe.name == 'labels_then_ema':
        dataset.update(easy=[], sources={})
    if plan.recipe.name == 'supervised':
        del dataset['sources']
    dataset['unlabeled'] = Raw(
        'unlabeled_data' if plan.data.source else 'None')
    if plan.recipe.name == 'supervised':
        dataset['unlabeled_ratio'] = 0
    loader = dict(
        batch_size=plan.schedule.batch_size,
        drop_last=True,
        num_workers=4,
        dataset=dataset)
    val = Raw('dict(_delete_=True, test_mode=True, pipeline=[load, box, '
              "affine, dict(type='PackPoseInputs')], **val_data)")
    metrics = []
    for name in plan.metrics:
        metrics.append(dict(type=name))
        if name == 'FastCocoMetric':
            metrics[-1]['ann_file'] = Raw("val_data['ann_file']")
    lines = [
        f'train_dataloader = dict({arguments(loader)}, '
        '**_base_.semi_loader)',
        f'val_dataloader = test_dataloader = dict(dataset={val})'
    ]
    if 'FastCocoMetric' not in plan.metrics:
        lines += comment('no AP of keypoints, as their sigmas are not known')
    return [*lines, f'val_evaluator = test_evaluator = {code(metrics)}']
