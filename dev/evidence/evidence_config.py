# Copyright (c) semipose_mm authors.
"""The whole config of a run, and the labels that choose."""
import json
import os
import os.path as osp

import numpy as np
from evidence_data import DATA, ROOT, use_generated_people, use_mirror_mouse
from evidence_settings import METHODS, SETTINGS, Run, iterations
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from semipose_mm.config_maker.pose_spread import crop_bounds, pose_spread
from semipose_mm.files import write_text

#: The largest set of labels: what does not train chooses.
LARGEST = dict(mouse9=200, lspet=1000)
#: Data that are written here, with labels that choose, and are read by a
#: config of mouse9.
OWN = dict(mirror_mouse=use_mirror_mouse, people=use_generated_people)
#: Labels of lspet that choose, so that scoring takes seconds.
MOST = 500


def set_size(cfg: object, size: tuple) -> None:
    """Set the input size of codec, transforms, decoder and cutouts alike."""
    scale = size[1] / 256
    sizes = dict(
        input_size=size,
        heatmap_size=(size[0] // 4, size[1] // 4),
        half_size=(round(10 * scale), round(19 * scale)),
        jitter=10 * scale)
    if isinstance(cfg, dict) and cfg.get('type') == 'MSRAHeatmap':
        # heatmaps of 16 pixels need finer peaks and their decoding
        sizes.update(sigma=1.25)
        cfg.update(sigma=1.25, unbiased=True, blur_kernel_size=7)
    entries = cfg.items() if isinstance(cfg, dict) else enumerate(cfg)
    for key, value in list(entries):
        if key in sizes:
            cfg[key] = sizes[key]
        elif isinstance(value, (dict, list)):
            set_size(value, size)


def _use_simcc(cfg: Config, size: tuple) -> None:
    """Put vectors in the place of heatmaps, twice as fine as pixels.

    Args:
        cfg (Config): Is changed; its sizes are set.
        size (tuple): Input width and height.
    """
    # as sharp as those of rtmpose, in bins
    codec = dict(
        type='SimCCLabel',
        input_size=size,
        sigma=max(size)**0.5 / 4 * 2**0.5,
        simcc_split_ratio=2.)
    heatmaps = cfg.model.head
    cfg.model.head = dict(
        type='SimCCHead',
        in_channels=heatmaps.in_channels,
        out_channels=heatmaps.out_channels,
        input_size=size,
        in_featuremap_size=tuple(side // 32 for side in size),
        simcc_split_ratio=2.,
        deconv_out_channels=heatmaps.deconv_out_channels,
        deconv_num_groups=(1, 1, 1),
        loss=dict(type='KLDiscretLoss', use_target_weight=True),
        decoder=codec)
    target = cfg.train_dataloader.dataset.labeled.pipeline[-2]
    assert target.type == 'GenerateTarget'
    target.encoder = codec


def choosing_file(setting: str, folder: str) -> str:
    """Labels that neither train nor are reported, written once.

    Args:
        setting (str): A key of :data:`SETTINGS`.
        folder (str): Folder to write to.

    Returns:
        str: The annotation file.
    """
    data, labels = SETTINGS[setting][:2]
    if data in OWN:
        return osp.join(folder, data, 'annotations', 'choose.json')
    path = osp.abspath(osp.join(folder, f'{setting}_choose.json'))
    if not osp.exists(path) and labels < LARGEST[data]:
        own, largest = (
            json.load(
                open(
                    osp.join(DATA, data, 'annotations',
                             f'train_labeled_{num}.json')))
            for num in (labels, LARGEST[data]))
        trained = {one['file_name'] for one in own['images']}
        largest['images'] = [
            one for one in largest['images'] if one['file_name'] not in trained
        ][:MOST]
        kept = {one['id'] for one in largest['images']}
        largest['annotations'] = [
            one for one in largest['annotations'] if one['image_id'] in kept
        ]
        write_text(path, json.dumps(largest))
    return path


def _crop_labels(labeled: dict, crops: str, box: dict) -> None:
    """Change how labeled images are cropped.

    Args:
        labeled (dict): Config of the labeled dataset.
        crops (str): See :class:`Method`.
        box (dict): ``labeled_box`` of ``configs/_base_``.
    """
    if crops == 'easy':
        return
    with open(osp.join(labeled.data_root, labeled.ann_file)) as file:
        entries = json.load(file)['annotations']
    joints, boxes = (
        np.array([one[key] for one in entries], float)
        for key in ('keypoints', 'bbox'))
    angle, scale = crop_bounds(
        pose_spread(joints.reshape(len(entries), -1, 3), boxes))
    if crops == 'turned':
        scale = 0.15
    assert labeled.pipeline[-4].type == 'EasyAffine'
    labeled.pipeline[-4] = dict(
        box, rotate_factor=angle, scale_factor=(1 - scale, 1 + scale))


def make_config(run: Run, path: str, folder: str) -> Config:
    """Write the whole config of a run.

    The last checkpoint is scored on the labels that choose; ``semipose
    test`` scores it on those that are reported.

    Args:
        run (Run): The run.
        path (str): Where it is written.
        folder (str): Folder of what several runs read.
    """
    setting, method = SETTINGS[run.setting], METHODS[run.method]
    own = OWN.get(setting.data)
    os.environ['SEMIPOSE_HARD'] = 'cutout'
    os.environ['SEMIPOSE_NUM_LABELS'] = str(20 if own else setting.labels)
    base = Config.fromfile(osp.join(ROOT, 'configs', '_base_', 'posedual.py'))
    plain = method.recipe in base
    if not plain:
        os.environ['SEMIPOSE_METHOD'] = method.recipe
    name = 'posedual' if plain else 'methods'
    data = 'mouse9' if own else setting.data
    cfg = Config.fromfile(
        osp.join(ROOT, 'configs', f'{name}_mobilenetv2_{data}.py'))
    views, warp = cfg.model.views, cfg.model.warp
    if plain and method.recipe != 'posedual':
        cfg.model.update(base[method.recipe])
    if cfg.model.routes and method.recipe == 'labels_then_ema':
        crop = method.hard == 'crop'
        cfg.model.update(
            warp=None if crop else warp,
            views=[dict(views[0], source='hard', warp='crop')]
            if crop else views)
        if crop:
            cfg.train_dataloader.dataset.update(easy=[], sources={})
    cfg.model.update(method.model)
    if own:
        own(cfg, setting.labels, osp.abspath(osp.join(folder, setting.data)))
    if method.seen:
        shown = cfg.test_dataloader.dataset
        cfg.train_dataloader.dataset.unlabeled.update(
            {key: shown[key]
             for key in ('ann_file', 'data_prefix')},
            bbox_file='')
    # the largest set of labels leaves none that could choose
    _crop_labels(cfg.train_dataloader.dataset.labeled, method.crops,
                 base.labeled_box)
    choosing = choosing_file(run.setting, folder)
    cfg.val_dataloader.dataset.ann_file = choosing
    set_size(cfg._cfg_dict, setting.size)
    if method.simcc:
        _use_simcc(cfg, setting.size)
    routes = cfg.model.routes
    # averaged weights of every network are scored, too
    teachers = dict(cfg.model.get('teachers') or {})
    for i in range(1 + len(cfg.model.peers)):
        teachers.setdefault(f'ema{i}',
                            dict(type='EMATeacher', of=i, windows=10))
    cfg.model.teachers = teachers
    train = cfg.train_dataloader.dataset
    train.unlabeled_ratio = ratio = method.ratio if routes else 0
    iters = iterations(run.budget, cfg.model, ratio,
                       method.burn_in if routes else 1.)
    warm_up = min(50, iters // 10)
    start = dict(
        burn_in=round(iters * method.burn_in),
        ramp_up=round(iters * method.ramp_up))
    hook = dict(
        type='MutualTeachingHook', **start) if routes else dict(
            type='TeacherUpdateHook')
    cfg.custom_hooks = [hook, dict(type='ChannelsLastHook')]
    if run.budget >= 4000:
        cfg.custom_hooks.append(dict(type='CompileHook'))
    cfg.val_evaluator = cfg.test_evaluator = [
        dict(type='BoxPCK'),
        dict(type='NME', norm_mode='use_norm_item', norm_item='bbox_size')
    ]
    if method.start:
        cfg.model.backbone.init_cfg = None
        cfg.load_from = find_latest_checkpoint(osp.join(folder, method.start))
    cfg.train_cfg = dict(
        type='SemiPoseIterTrainLoop', max_iters=iters, val_interval=iters)
    if not osp.exists(choosing):
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    for loader in filter(None, loaders):
        loader.update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.update(
        batch_size=setting.batch_size, pin_memory=False)
    steps = dict(type='MultiStepLR', by_epoch=False)
    ends = [start['burn_in'], iters] if method.restart else [iters]
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.01, end=warm_up, by_epoch=False)
    ] + [
        dict(
            steps,
            milestones=[
                first + (end - first) * tenths // 10 for tenths in (7, 9)
            ]) for first, end in zip([0, *ends], ends)
    ] + [
        # back to the first rate
        dict(steps, milestones=[end], gamma=100.) for end in ends[:-1]
    ]
    cfg.log_processor = dict(by_epoch=False)
    cfg.default_hooks.logger.update(
        interval=max(1, iters // 40), log_metric_by_epoch=False)
    cfg.default_hooks.checkpoint = dict(
        type='SafeCheckpointHook',
        by_epoch=False,
        interval=max(500, iters // 8),
        max_keep_ckpts=1)
    cfg.optim_wrapper.optimizer.fused = True
    cfg.dump(path)
    return cfg
