# Copyright (c) semipose_mm authors.
"""The trainings that the quickstart compares, and their configs."""
import os
import os.path as osp
import shutil
from contextlib import suppress
from itertools import takewhile
from typing import Any, Dict, Iterator, NamedTuple, Tuple

#: Networks that two cores can train, of ``--data DIR`` and of ``lspet``.
SMALL = """_base_ = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
          'td-hm_res50_8xb64-210e_coco-256x192.py')
model = dict(
    backbone=dict(depth=18, stem_channels=32, base_channels=32, init_cfg=None),
    head=dict(in_channels=256, deconv_out_channels=(64, 64, 64)),
    test_cfg=dict(flip_test=False))
"""
PRETRAINED = """_base_ = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
          'td-hm_mobilenetv2_8xb64-210e_coco-256x192.py')
model = dict(
    backbone=dict(init_cfg=dict(checkpoint=
        '{{$SEMIPOSE_MOBILENETV2:mmcls://mobilenet_v2}}')),
    head=dict(deconv_out_channels=(64, 64, 64)),
    test_cfg=dict(flip_test=False))
"""
#: PoseDual's burn-in and ramp-up, each a share of the training.
SHARE = 0.2


class Method(NamedTuple):
    """A way to train on the same labels.

    Attributes:
        title (str): What the tables call it.
        recipe (str): That of ``semipose config``.
        changes (str): Lines that are added to the config it writes.
    """
    title: str
    recipe: str
    changes: str = ''


METHODS = dict(
    supervised=Method(
        'supervised, easy crops', 'supervised',
        '# labeled images are cropped as PoseDual crops them\n'
        "box_transform.clear()\nbox_transform.update(type='EasyAffine')\n"),
    supervised_spread=Method('supervised', 'supervised'),
    posedual=Method(
        'PoseDual', 'posedual', '# shares of the training\n'
        f'custom_hooks[0].update(burn_in={SHARE}, ramp_up={SHARE})\n'),
    labels_then_ema=Method('ours', 'labels_then_ema'))


def own_data(root: str) -> Dict[str, Any]:
    """What ``make_config`` reads of a folder that README.md shows.

    Args:
        root (str): The folder.
    """
    notes = osp.join(root, 'annotations', '')
    listed = f'{notes}image_info_unlabeled.json'
    boxes = f'{notes}unlabeled_detections.json'
    source = dict(unlabeled=osp.join(root, 'images', 'unlabeled'))
    if osp.exists(listed) or osp.exists(boxes):
        # each needs the other; without both, whole images are boxes
        source = dict(unlabeled=listed, boxes=boxes)
    return dict(
        base=SMALL,
        labeled=f'{notes}person_keypoints_train.json',
        val=f'{notes}person_keypoints_val.json',
        input_size=(96, 128),
        **source)


def lspet_data() -> Dict[str, Any]:
    """The same of Leeds Sports Pose Extended in ``$SEMIPOSE_DATA/lspet``."""
    root = osp.abspath(
        osp.join(os.environ.get('SEMIPOSE_DATA', 'data'), 'lspet'))
    notes = osp.join(root, 'annotations', '')
    labels = os.environ.get('SEMIPOSE_NUM_LABELS', '250')
    return dict(
        base=PRETRAINED,
        labeled=f'{notes}train_labeled_{labels}.json',
        unlabeled=f'{notes}image_info_unlabeled_4000.json',
        boxes=f'{notes}unlabeled_4000_boxes.json',
        val=f'{notes}test_1000.json',
        images=[osp.join(root, 'images')],
        input_size=(128, 128),
        batch_size=16)


def write_configs(work_dir: str, iters: int,
                  data: Dict[str, Any]) -> Dict[str, Tuple[str, int]]:
    """Write configs of the methods that compute the same.

    Less, by a fifth at most, where the recipe and what a step costs depend on
    the length in such a way that no length costs as much.

    Args:
        work_dir (str): They are written to ``configs`` in it.
        iters (int): Iterations of the supervised ones.
        data (dict): Arguments of ``make_config``; ``base`` is the text of
            the config.

    Returns:
        dict: Name of a method to its config file and its iterations.
    """
    from mmengine.config import Config

    from semipose_mm.analysis.compute import training_compute
    from semipose_mm.config_maker import make_config
    folder = osp.join(work_dir, 'configs', '')
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(f'{folder}base.py', 'w') as file:
        file.write(data['base'])

    def make(name: str, iterations: int) -> Tuple[float, Iterator[str]]:
        """Write a config; its passes, and what it says of itself."""
        method, path = METHODS[name], f'{folder}{name}.py'
        with suppress(FileNotFoundError):
            os.remove(path)
        made = make_config(
            **dict(data, base=f'{folder}base.py'),
            recipe=method.recipe,
            lr=1e-3,
            iterations=iterations,
            out=path)
        with open(path, 'a') as file:
            file.write(method.changes)
        passes = training_compute(Config.fromfile(path), iterations)
        return passes, made.lines()

    written, paid = {}, None
    for name in METHODS:
        iterations, tried = iters, dict()
        # what a step costs depends on the data, and on how many there are
        while iterations not in tried:
            tried[iterations], lines = make(name, iterations)
            paid = paid or tried[iterations]
            iterations = round(iterations * paid / tried[iterations])
        if iterations != list(tried)[-1]:
            # one number asks for another: the most that does not cost more
            iterations = max(num for num, passes in tried.items()
                             if passes <= paid)
            _, lines = make(name, iterations)
        written[name] = f'{folder}{name}.py', iterations
    print(*takewhile('next:'.__ne__, lines), sep='\n')
    return written
