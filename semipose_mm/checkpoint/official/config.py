# Copyright (c) semipose_mm authors.
"""The config that is written beside converted PoseDual weights."""
from typing import List, NamedTuple, Tuple

from .networks import (OWN_CHANNELS, UNION_JOINTS, Architecture, OfficialError,
                       union_flip_indices)

#: tuple[float]: What the released code subtracts from the channels of a
#: BGR image, in the file's order.
MEAN = (123.675, 116.28, 103.53)
#: tuple[float]: What it divides them by.
STD = (58.395, 57.12, 57.375)

_ZOO = 'mmpose::body_2d_keypoint/topdown_heatmap'
# width, height and sigma of a zoo config by data set and network
_BASES = {
    ('coco', 'resnet', 50): {
        (192, 256, 2): 'td-hm_res50_8xb64-210e_coco-256x192',
        (288, 384, 3): 'td-hm_res50_8xb64-210e_coco-384x288'
    },
    ('coco', 'resnet', 101): {
        (192, 256, 2): 'td-hm_res101_8xb64-210e_coco-256x192',
        (288, 384, 3): 'td-hm_res101_8xb32-210e_coco-384x288'
    },
    ('coco', 'resnet', 152): {
        (192, 256, 2): 'td-hm_res152_8xb32-210e_coco-256x192',
        (288, 384, 3): 'td-hm_res152_8xb32-210e_coco-384x288'
    },
    ('coco', 'hrnet', 32): {
        (192, 256, 2): 'td-hm_hrnet-w32_8xb64-210e_coco-256x192',
        (288, 384, 3): 'td-hm_hrnet-w32_8xb64-210e_coco-384x288'
    },
    ('coco', 'hrnet', 48): {
        (288, 384, 3): 'td-hm_hrnet-w48_8xb32-210e_coco-384x288',
        (192, 256, 2): 'td-hm_hrnet-w48_8xb32-210e_coco-256x192'
    },
    ('mpii', 'resnet', 50): {
        (256, 256, 2): 'td-hm_res50_8xb64-210e_mpii-256x256'
    },
    ('mpii', 'resnet', 101): {
        (256, 256, 2): 'td-hm_res101_8xb64-210e_mpii-256x256'
    },
    ('mpii', 'resnet', 152): {
        (256, 256, 2): 'td-hm_res152_8xb32-210e_mpii-256x256'
    },
    ('mpii', 'hrnet', 32): {
        (256, 256, 2): 'td-hm_hrnet-w32_8xb64-210e_mpii-256x256'
    },
    ('mpii', 'hrnet', 48): {
        (256, 256, 2): 'td-hm_hrnet-w48_8xb64-210e_mpii-256x256'
    }
}


class ConfigSpec(NamedTuple):
    """What a written config says.

    Attributes:
        architecture (Architecture): Of every network.
        num_networks (int): Networks in the checkpoint.
        dataset (str): ``'coco'`` or ``'mpii'``, whose keypoints are
            predicted and evaluated.
        union (bool): Whether the head keeps all 24 channels.
        stock (bool): Whether MMPose alone loads it.
        input_size (tuple[int]): Width and height in pixels.
        sigma (float): Of the heatmaps' Gaussians, in their pixels.
        source (str): Name of the released file.
        sha256 (str): Its checksum.
    """
    architecture: Architecture
    num_networks: int
    dataset: str
    union: bool
    stock: bool
    input_size: Tuple[int, int]
    sigma: float
    source: str
    sha256: str


def default_geometry(architecture: Architecture,
                     dataset: str) -> Tuple[Tuple[int, int], float]:
    """Input size and sigma with which such a network was released.

    Args:
        architecture (Architecture): The network.
        dataset (str): ``'coco'`` or ``'mpii'``.

    Returns:
        tuple: (width, height) and sigma.

    Raises:
        OfficialError: If MMPose has no config for such a network.
    """
    width, height, sigma = next(iter(_bases(architecture, dataset)))
    return (width, height), sigma


def config_text(spec: ConfigSpec) -> str:
    """Write the config.

    Args:
        spec (ConfigSpec): What it says.

    Returns:
        str: A config file that inherits one of MMPose's.
    """
    geometry = (*spec.input_size, spec.sigma)
    bases = _bases(spec.architecture, spec.dataset)
    base = bases.get(geometry, next(iter(bases.values())))
    lines = [
        f'# Weights of {spec.source}',
        f'# sha256 {spec.sha256}',
        '# converted by semipose convert.',
        f"_base_ = ['{_ZOO}/{spec.dataset}/'",
        f"          '{base}.py']",
    ]
    if not spec.stock:
        lines += [
            "custom_imports = dict(imports=['semipose_mm'], "
            'allow_failed_imports=False)'
        ]
    lines += ['']
    if geometry not in bases:
        lines += _codec(spec)
    if spec.union:
        lines += _union(spec.dataset)
    lines += _model(spec, geometry not in bases)
    lines += _pipelines(spec, geometry not in bases)
    lines += _data(spec)
    return '\n'.join(lines) + '\n'


def _bases(architecture: Architecture, dataset: str) -> dict:
    """The zoo's configs of a network."""
    family, size = architecture
    # MMPose has no ResNet-18 and -34; they differ by two numbers
    if family == 'resnet' and size < 50:
        size = 50
    if (dataset, family, size) not in _BASES:
        raise OfficialError(f'MMPose has no config of {architecture} for '
                            f'{dataset} to inherit from')
    return _BASES[dataset, family, size]


def _codec(spec: ConfigSpec) -> List[str]:
    """Another geometry than the base's."""
    width, height = spec.input_size
    return [
        'codec = dict(',
        f"    type='MSRAHeatmap', input_size=({width}, {height}),",
        f'    heatmap_size=({width // 4}, {height // 4}), '
        f'sigma={spec.sigma:g})',
    ]


def _union(dataset: str) -> List[str]:
    """The 24 joints, and which of them are predicted."""
    return [
        '# the joints of the released networks, and where a flip puts each',
        *_wrapped('joints', [repr(name) for name in UNION_JOINTS]),
        *_wrapped('flipped', map(str, union_flip_indices())),
        'union = dict(',
        "    dataset_name='posedual_union',",
        '    keypoint_info={',
        '        i: dict(name=name, id=i, color=[51, 153, 255], type=\'\',',
        "                swap='' if flipped[i] == i else joints[flipped[i]])",
        '        for i, name in enumerate(joints)',
        '    },',
        '    skeleton_info={}, joint_weights=[1.] * 24, sigmas=[0.05] * 24)',
        f"# channels of {dataset}'s keypoints, in its order",
        *_wrapped('channels', map(str, OWN_CHANNELS[dataset])),
        '',
    ]


def _wrapped(name: str, items) -> List[str]:
    """``name = [...]`` in lines of at most 79 columns."""
    lines, line = [f'{name} = ['], '   '
    for item in items:
        if len(line) + len(item) + 2 > 79:
            lines.append(line)
            line = '   '
        line += f' {item},'
    return lines + [line, ']']


def _model(spec: ConfigSpec, new_codec: bool) -> List[str]:
    """The model and its preprocessing."""
    family, size = spec.architecture
    backbone, head = 'init_cfg=None', []
    if family == 'resnet' and size < 50:
        backbone = f'depth={size}, {backbone}'
        head.append('in_channels=512')
    own = len(OWN_CHANNELS[spec.dataset])
    head.append(f'out_channels={len(UNION_JOINTS) if spec.union else own}')
    if new_codec:
        head.append('decoder=codec')
    test = 'flip_test=False'
    if spec.union:
        test += ', output_keypoint_indices=channels'
    lines = ['model = dict(']
    if not spec.stock:
        lines += ["    type='SemiPoseEstimator',"]
    if spec.union:
        lines += ['    metainfo=union,']
    lines += [
        '    # BGR images under RGB statistics, as these networks were '
        'trained',
        '    data_preprocessor=dict(',
        '        bgr_to_rgb=False,',
        f'        mean={list(MEAN)},',
        f'        std={list(STD)}),',
        f'    backbone=dict({backbone}),',
        f'    head=dict({", ".join(head)}),',
    ]
    if spec.num_networks > 1:
        lines += ['    peers=[dict()],']
    return [*lines, f'    test_cfg=dict({test}))']


def _pipelines(spec: ConfigSpec, new_codec: bool) -> List[str]:
    """Pipelines, if the base's do not fit."""
    crop, target = '_base_.train_pipeline[-3]', '_base_.train_pipeline[-2]'
    lines = []
    if new_codec:
        crop, target = 'crop', "dict(type='GenerateTarget', encoder=codec)"
        lines += [
            "crop = dict(type='TopdownAffine', "
            "input_size=codec['input_size'])",
            'val_pipeline = [*_base_.val_pipeline[:-2], crop, '
            '_base_.val_pipeline[-1]]',
        ]
    if spec.union:
        lines += [
            'to_union = dict(',
            "    type='KeypointConverter', num_keypoints=24,",
            '    mapping=list(enumerate(channels)))',
        ]
    if lines:
        lines += [
            'train_pipeline = [',
            '    *_base_.train_pipeline[:-3], '
            f'{"to_union, " if spec.union else ""}{crop},',
            f'    {target}, _base_.train_pipeline[-1]',
            ']',
        ]
    return ['', *lines] if lines else []


def _data(spec: ConfigSpec) -> List[str]:
    """Roots, boxes of the annotations, scores of every network."""
    new_codec = (*spec.input_size,
                 spec.sigma) not in _bases(spec.architecture, spec.dataset)
    root = 'data' if spec.stock else '{{$SEMIPOSE_DATA:data}}'
    train, val = 'data_root=data_root', 'data_root=data_root'
    if new_codec or spec.union:
        train += ',\n    pipeline=train_pipeline'
    lines = [
        '', f"data_root = '{root}/{spec.dataset}/'",
        f'train_dataloader = dict(dataset=dict(\n    {train}))'
    ]
    if spec.dataset == 'coco':
        lines += ['# boxes of the annotations, as in the paper']
        val += ", bbox_file=''"
    else:
        val += ",\n    headbox_file=data_root + 'annotations/mpii_gt_val.mat'"
    if new_codec:
        val += ',\n    pipeline=val_pipeline'
    lines += [
        f'val_dataloader = dict(dataset=dict(\n    {val}))',
        'test_dataloader = val_dataloader',
    ]
    if spec.dataset == 'coco':
        lines += [
            'val_evaluator = dict(',
            '    ann_file=data_root + '
            "'annotations/person_keypoints_val2017.json')",
            'test_evaluator = val_evaluator',
        ]
    if not spec.stock:
        lines += [
            '# every network, and the ensemble of two, in one pass',
            "val_cfg = dict(type='SemiPoseValLoop')",
            "test_cfg = dict(type='SemiPoseTestLoop')",
        ]
    return lines
