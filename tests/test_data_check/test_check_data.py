# Copyright (c) semipose_mm authors.
"""Tests of ``semipose check`` and docs/data.md."""
import copy
import json
import os
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import DATASETS, MODELS
from people_toys import ROOT, own_config
from PIL import Image
from scipy.io import savemat

from semipose_mm.cli import main
from semipose_mm.data_check import check_data

TRAIN, VAL = 'person_keypoints_train', 'person_keypoints_val'
LIST, BOXES = 'image_info_unlabeled', 'unlabeled_detections'
LABELED = 'train_dataloader.dataset.labeled.'
UNLABELED = 'train_dataloader.dataset.unlabeled.'


@pytest.fixture
def folder(people_root, tmp_path):
    """A copy of generated people that may be altered."""
    return shutil.copytree(people_root, tmp_path / 'people')


def edit(folder, name, change):
    """Alter an annotation file; a change may return new content."""
    path = folder / 'annotations' / f'{name}.json'
    content = json.loads(path.read_text())
    result = change(content)
    path.write_text(json.dumps(content if result is None else result))


def make_config(folder, **overrides):
    return own_config(folder, folder / 'run', **{
        f'{UNLABELED}indices': None,
        **overrides
    })


def check(cfg, images=200):
    """Run the checks; findings as (part, level, text)."""
    report = check_data(cfg, images=images)
    return [(one.name, *found) for one in report.sections
            for found in one.findings]


def problems(found):
    return [f for f in found if f[1] in ('ERROR', 'warning')]


def has(found, level, text, part=''):
    return any(
        f[0].startswith(part) and f[1] == level and re.search(text, f[2])
        for f in found)


# ------------------------------------------------------------------ fine data


def test_generated_people_are_fine(folder):
    found = check(make_config(folder))
    assert problems(found) == []
    for part, text in (('labeled', 'labeled joints'), ('unlabeled', 'scores'),
                       ('val', 'images were opened'),
                       ('keypoints', '8 flip pairs'), ('evaluation',
                                                       'that of the dataset'),
                       ('overlap', 'unlabeled and val have no image')):
        assert has(found, 'ok', text, part), (part, text)


@pytest.mark.parametrize('name', [
    'posedual_res18_coco17', 'posedual_mobilenetv2_lspet',
    'supervised_mobilenetv2_mouse9'
])
def test_real_data_are_fine(name, data_root, monkeypatch):
    monkeypatch.setenv('SEMIPOSE_DATA', str(data_root))
    cfg = Config.fromfile(os.path.join(ROOT, 'configs', f'{name}.py'))
    found = check(cfg, images=5)
    assert problems(found) == []


@pytest.mark.parametrize('overrides', [
    dict(),
    {
        f'{UNLABELED}score_thr': 0.9
    },
    {
        f'{UNLABELED}max_per_image': 1,
        f'{UNLABELED}category_ids': [1]
    },
    {
        f'{LABELED}indices': 2,
        f'{UNLABELED}indices': -3
    },
    {
        f'{LABELED}indices': [0, 2],
        f'{UNLABELED}bbox_file': None,
        f'{UNLABELED}ann_file': f'annotations/{TRAIN}.json',
        f'{UNLABELED}score_thr': 0.,
        f'{UNLABELED}data_prefix': dict(img='images/train/')
    },
    {
        f'{UNLABELED}bbox_file': None,
        f'{UNLABELED}ann_file': '',
        f'{UNLABELED}score_thr': 0.
    },
])
def test_counts_are_those_of_the_datasets(overrides, folder):
    """Used instances and images, as the classes themselves have them."""
    content = json.loads(
        (folder / 'annotations' / f'{BOXES}.json').read_text())
    for k, box in enumerate(content):
        box['score'] = [0.3, 0.95, 0.6][k % 3]
    content += [
        dict(content[0], category_id=2, score=0.99),
        dict(content[1], bbox=[-50, -50, 20, 20])
    ]
    edit(folder, BOXES, lambda _: content)
    edit(folder, TRAIN, lambda c: c['annotations'][1].update(iscrowd=1))
    edit(folder, TRAIN, lambda c: c['annotations'][2].update(num_keypoints=0))
    cfg = make_config(folder, **overrides)
    results = check_data(cfg)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    val = DATASETS.build(cfg.val_dataloader.dataset)
    for name, one in (('labeled', dataset.labeled),
                      ('unlabeled', dataset.unlabeled), ('val', val)):
        assert results[name].used == len(one), name
        paths = {
            os.path.normpath(one.get_data_info(i)['img_path'])
            for i in range(len(one))
        }
        assert set(results[name].paths) == paths, name
    assert results['labeled'].joints == sum(
        int(dataset.labeled.get_data_info(i)['keypoints_visible'].sum())
        for i in range(len(dataset.labeled)))


# ---------------------------------------------------------------- broken data


def at(key, index=0, **values):
    """Update an entry of a list of a COCO file."""

    def change(content):
        entries = content if key is None else content[key]
        entries[index].update(values)

    return change


def drop(key, name, index=0):

    def change(content):
        (content if key is None else content[key])[index].pop(name)

    return change


def without(key):
    return lambda content: {k: v for k, v in content.items() if k != key}


def repeat(key):

    def change(content):
        entries = content if key is None else content[key]
        entries.append(copy.deepcopy(entries[0]))

    return change


FLAWS = [
    # file, change, part, level, text
    (TRAIN, lambda c: [c], 'labeled', 'ERROR', 'holds a list'),
    (TRAIN, lambda c: c.update(images=dict()), 'labeled', 'ERROR',
     "a dict as 'images'"),
    (TRAIN, without('images'), 'labeled', 'ERROR', "no 'images'"),
    (TRAIN, without('annotations'), 'labeled', 'ERROR',
     'no instance can be used'),
    (TRAIN, lambda c: c['images'].append('x'), 'labeled', 'ERROR',
     r"no dict: 1 \(images\[5\] is 'x'\)"),
    (TRAIN, repeat('images'), 'labeled', 'ERROR', 'the id of an earlier one'),
    (TRAIN, at('images', id='a'), 'labeled', 'ERROR', 'id is no integer'),
    (TRAIN, drop('images', 'width'), 'labeled', 'ERROR', 'without width'),
    (TRAIN, at('images', height=0), 'labeled', 'ERROR', 'not positive'),
    (TRAIN, drop('images', 'file_name'), 'labeled', 'ERROR', 'file name'),
    (TRAIN, repeat('annotations'), 'labeled', 'ERROR', 'annotations with the'),
    (TRAIN, drop('annotations',
                 'category_id'), 'labeled', 'ERROR', 'without category_id'),
    (TRAIN, at('annotations', image_id=99999), 'labeled', 'warning',
     r'no image in the list: 1 \(annotations\[0\].image_id is 99999\)'),
    (TRAIN, at('annotations', bbox=[1, 2, float('nan'), 4]), 'labeled',
     'ERROR', r'finite numbers: 1 \(annotations\[0\].bbox is \[1, 2, nan'),
    (TRAIN, at('annotations',
               bbox=[10, 10, 0,
                     20]), 'labeled', 'warning', 'height is not positive: 1'),
    (TRAIN, at('annotations',
               bbox=[500, 10, 10,
                     10]), 'labeled', 'warning', 'outside of their image: 1'),
    (TRAIN, at('annotations', bbox=[-5, 10, 40, 40]), 'labeled', 'note',
     'reach over the edge and are clipped: 1'),
    (TRAIN, at('annotations',
               keypoints=[1, 2]), 'labeled', 'ERROR', 'x, y, visibility'),
    (TRAIN, at('annotations', keypoints=[9, 9, 2] * 16), 'labeled', 'ERROR',
     r"16 keypoints, but the metainfo 'coco' has 17"),
    (TRAIN, at('annotations', keypoints=[9, 9, 0] * 17), 'labeled', 'ok',
     '1 without a labeled joint'),
    (TRAIN, at('annotations',
               num_keypoints=3), 'labeled', 'warning', 'num_keypoints is not'),
    (TRAIN, at('annotations', keypoints=[9, 9, 7] * 17), 'labeled', 'warning',
     'a visibility other than'),
    (TRAIN, at('annotations', keypoints=[9, 999, 2] * 17), 'labeled', 'note',
     'outside of the image'),
    (TRAIN, lambda c: c['categories'][0]['keypoints'].reverse(), 'labeled',
     'ERROR', 'in another order'),
    (TRAIN, lambda c: c['categories'][0].update(keypoints=['a'] * 16),
     'labeled', 'ERROR', 'names 16 keypoints'),
    (TRAIN, lambda c: c['categories'][0].update(keypoints=['a'] * 17),
     'labeled', 'warning', 'of other names'),
    (TRAIN, lambda c: c['categories'][0].update(id=3), 'labeled', 'warning',
     'category 1 is not listed'),
    (LIST, repeat('images'), 'unlabeled', 'ERROR', 'the id of an earlier'),
    (LIST, drop('images', 'width'), 'unlabeled', 'note', 'without width'),
    (BOXES, lambda c: dict(boxes=c), 'unlabeled', 'ERROR', 'holds a dict'),
    (BOXES, at(None,
               image_id=77777), 'unlabeled', 'ERROR', 'no image in the list'),
    (BOXES, at(None, score='high'), 'unlabeled', 'ERROR', 'no finite number'),
    (BOXES, at(None, score=7), 'unlabeled', 'warning', 'outside of 0 to 1'),
    (BOXES, at(None,
               bbox=[5, 5, 0,
                     5]), 'unlabeled', 'ERROR', 'height is not positive'),
    (BOXES, drop(None, 'bbox'), 'unlabeled', 'ERROR', 'without a box'),
    (BOXES, lambda c: c.append(3), 'unlabeled', 'ERROR', 'no dict'),
    (BOXES, lambda c: c[:1], 'unlabeled', 'note', 'have no used box'),
    (VAL, drop('annotations',
               'num_keypoints'), 'evaluation', 'ERROR', "no 'num_keypoints'"),
    (VAL, drop('annotations', 'area'), 'evaluation', 'ERROR', "no 'area'"),
    (VAL, without('annotations'), 'evaluation', 'ERROR', "no 'annotations'"),
]


@pytest.mark.parametrize('name, change, part, level, text', FLAWS)
def test_flaw(name, change, part, level, text, folder):
    edit(folder, name, change)
    found = check(make_config(folder), images=0)
    assert has(found, level, text, part), found
    assert not has(found, 'ERROR', 'ended early')


def test_all_is_collected(folder):
    """Several flaws in several files: each is told."""
    edit(folder, TRAIN, at('annotations', bbox=[10, 10, 0, 20]))
    edit(folder, BOXES, at(None, score='high'))
    (folder / 'annotations' / f'{VAL}.json').write_text('{"images": [')
    next((folder / 'images' / 'train').iterdir()).unlink()
    found = check(make_config(folder, **{'model.head.out_channels': 16}))
    assert has(found, 'warning', 'not positive', 'labeled')
    assert has(found, 'ERROR', r'1 of \d used images are not', 'labeled')
    assert has(found, 'ERROR', 'no finite number', 'unlabeled')
    assert has(found, 'ERROR', 'cannot be read as json', 'val')
    assert has(found, 'ERROR', 'cannot be read as json', 'evaluation')
    assert has(found, 'ERROR', 'out_channels is 16', 'keypoints')


ODD = [
    None, True, -1, 0, 3.5, 1e400,
    float('nan'), '', 'x', [], {}, [[]], [None], {
        'a': 1
    }, 10**400, [1, 2, 3, 'x']
]


def test_malformed_content_never_crashes(folder):
    """Random values at random places of random files."""
    rng = random.Random(0)
    cfg = make_config(folder)
    paths = [
        folder / 'annotations' / f'{name}.json'
        for name in (TRAIN, VAL, LIST, BOXES)
    ]
    fine = [path.read_text() for path in paths]

    def spoil(node):
        """Go down to a random place and put something odd there."""
        while node:
            keys = list(node) if isinstance(node, dict) else range(len(node))
            key = rng.choice(keys)
            inner = node[key]
            if not isinstance(inner, (dict, list)) or rng.random() < 0.25:
                node[key] = copy.deepcopy(rng.choice(ODD))
                return
            node = inner

    for _ in range(150):
        for path, text in zip(paths, fine):
            content = json.loads(text)
            for _ in range(rng.randrange(4)):
                spoil(content)
            path.write_text(json.dumps(content))
        found = check(cfg, images=0)
        early = [text for _, _, text in found if 'ended early' in text]
        assert not early, [path.read_text() for path in paths]


@pytest.mark.parametrize(
    'content', [
        b'', b'{"images": [{"id": 1, "fi', b'null', b'3', b'"x"',
        b'\xff\xfe\x00', b'[' * 100000
    ],
    ids=range(7))
def test_broken_json(content, folder):
    cfg = make_config(folder)
    for name in (TRAIN, VAL, LIST, BOXES):
        (folder / 'annotations' / f'{name}.json').write_bytes(content)
        found = check(cfg, images=0)
        assert has(found, 'ERROR', f'{name}.json')
        assert not has(found, 'ERROR', 'ended early')


@pytest.mark.parametrize('name, part', [(TRAIN, 'labeled'), (VAL, 'val'),
                                        (LIST, 'unlabeled'),
                                        (BOXES, 'unlabeled')])
def test_missing_file(name, part, folder):
    (folder / 'annotations' / f'{name}.json').unlink()
    assert has(
        check(make_config(folder)), 'ERROR',
        f'{name}.json does not exist', part)


# --------------------------------------------------------------------- images


def first_image(folder, part='train'):
    return min((folder / 'images' / part).iterdir())


def test_missing_images(folder):
    path = first_image(folder)
    path.rename(path.with_name(path.name.upper()))
    found = check(make_config(folder))
    assert has(
        found, 'ERROR', rf'1 of 5 used images are not in .*{path.name}'
        rf'.*there is {path.name.upper()}', 'labeled')
    shutil.rmtree(folder / 'images' / 'unlabeled')
    assert has(
        check(make_config(folder)), 'ERROR', 'there is no folder', 'unlabeled')


def test_missing_image_that_nothing_uses(folder):
    edit(
        folder, TRAIN, lambda c: c['images'].append(
            dict(id=4711, file_name='z.jpg', width=5, height=5)))
    found = check(make_config(folder))
    assert has(found, 'note', 'nothing uses are not there', 'labeled')
    assert problems(found) == []


def test_link_that_leads_nowhere(folder):
    path = first_image(folder)
    path.unlink()
    path.symlink_to(folder / 'gone.jpg')
    assert has(
        check(make_config(folder)), 'ERROR', '1 of 5 used images', 'labeled')


def test_truncated_image(folder):
    path = first_image(folder, 'val')
    path.write_bytes(path.read_bytes()[:-200])
    found = check(make_config(folder))
    assert has(found, 'ERROR', f'cannot be read: 1 .*{path.name}', 'val')
    assert not has(check(make_config(folder), images=0), 'ERROR', '')


def test_image_of_another_size(folder):
    path = first_image(folder)
    with Image.open(path) as image:
        size = image.size
        other = image.resize((size[0] + 1, size[1]))
    other.save(path)
    found = check(make_config(folder))
    assert has(
        found, 'ERROR', f'another size: 1 .*{path.name} is '
        f'{size[0] + 1}x{size[1]}, the file says {size[0]}x{size[1]}')


def test_exif_orientation(folder):
    """Decoding turns the image, so the file must tell the turned size."""
    path = first_image(folder)
    with Image.open(path) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.convert('RGB').save(path, format='JPEG', exif=exif)
        width, height = image.size
    found = check(make_config(folder))
    assert has(found, 'ERROR', 'width and height exchanged', 'labeled')
    import cv2

    from semipose_mm.data_files.images import image_size
    turned = cv2.imread(str(path)).shape[1::-1]
    assert image_size(str(path)) == turned == (height, width)


def test_sample_is_seeded():
    from semipose_mm.data_check.images import sample
    paths = [str(i) for i in range(50)]
    assert sample(paths, 5, 1) == sample(paths[::-1], 5, 1)
    assert sample(paths, 5, 1) != sample(paths, 5, 2)
    assert len(sample(paths, None, 0)) == len(sample(paths, 99, 0)) == 50


# -------------------------------------------------------------------- overlap


def test_same_file_in_training_and_validation(folder):
    cfg = make_config(folder)
    for key in ('ann_file', 'data_prefix'):
        cfg.val_dataloader.dataset[key] = cfg.train_dataloader.dataset.labeled[
            key]
    found = check(cfg, images=0)
    assert has(found, 'ERROR', 'labeled and val have images in common: 5')
    assert has(found, 'ERROR', 'ann_file has not the images of', 'evaluation')


@pytest.mark.parametrize('link', [os.symlink, os.link, shutil.copy])
@pytest.mark.parametrize('part', ['train', 'unlabeled'])
def test_image_under_another_name(part, link, folder):
    """Links of both kinds, and copies, of a validation image."""
    path, val = first_image(folder, part), first_image(folder, 'val')
    path.unlink()
    link(val, path)
    name = dict(train='labeled').get(part, part)
    found = check(make_config(folder))
    assert has(found, 'ERROR', f'^{name} and val have .*: 1', 'overlap')
    # without a look into the files, a link is still seen through
    found = check(make_config(folder), images=0)
    assert has(found, 'ERROR', f'^{name} and val have images in common: 1') \
        == (link is os.symlink)


def test_same_names_in_different_folders(folder):
    """Frames are often numbered alike: a note, as the contents differ."""
    found = check(make_config(folder))
    assert has(found, 'note', 'labeled and val have 4 file names in common')
    assert problems(found) == []


def test_labeled_and_unlabeled_may_overlap(folder):
    cfg = make_config(folder)
    unlabeled, labeled = (
        cfg.train_dataloader.dataset[k] for k in ('unlabeled', 'labeled'))
    unlabeled.update(
        ann_file=labeled.ann_file,
        bbox_file=None,
        data_prefix=labeled.data_prefix)
    labeled.indices = 2
    found = check(cfg)
    assert has(found, 'note', 'labeled and unlabeled have images in common: 2')
    assert problems(found) == []


# ------------------------------------------------------------------ the config


def test_keypoints_of_the_config(folder):
    cfg = make_config(folder)
    metainfo = copy.deepcopy(
        DATASETS.get('mmpose.CocoDataset')(lazy_init=True).metainfo)
    names = metainfo['keypoint_id2name']
    raw = dict(
        dataset_name='no_pairs',
        keypoint_info={i: dict(name=names[i], id=i)
                       for i in names},
        skeleton_info={},
        joint_weights=[1.] * 17,
        sigmas=[0.05] * 16)
    cfg.train_dataloader.dataset.labeled.metainfo = raw
    cfg.model.peers = [dict(head=dict(out_channels=9))]
    found = check(cfg, images=0)
    assert has(found, 'ERROR', 'left and right are no pair', 'keypoints')
    assert has(found, 'ERROR', 'sigmas has 16 entries for 17', 'keypoints')
    assert has(found, 'ERROR', r'model.peers\[0\].head.out_channels is 9')
    info = cfg.train_dataloader.dataset.labeled.metainfo.keypoint_info
    info[5]['swap'] = 'right_shoulder'
    assert has(
        check(cfg, images=0), 'ERROR', 'does not go both ways', 'keypoints')


def test_fewer_labels_than_indices(folder):
    found = check(make_config(folder, **{f'{LABELED}indices': 50}))
    assert has(found, 'warning', 'asks for 50 instances, but there are 5',
               'labeled')


@pytest.mark.parametrize('overrides, part, text', [
    ({
        f'{LABELED}type': 'NoDataset'
    }, 'labeled', 'NoDataset'),
    ({
        f'{LABELED}colour': 'red'
    }, 'labeled', 'colour'),
    ({
        f'{UNLABELED}max_per_image': 0
    }, 'unlabeled', 'max_per_image'),
    ({
        f'{UNLABELED}bbox_file': None
    }, 'unlabeled', 'bbox_file is missing'),
    ({
        'train_dataloader.dataset.unlabeled': None
    }, 'unlabeled', 'no dataset'),
    ({
        'val_dataloader.dataset.metainfo': dict(dataset_name='x')
    }, 'val', 'cannot be set up'),
])
def test_config_mistakes(overrides, part, text, folder):
    cfg = make_config(folder)
    cfg.merge_from_dict(overrides)
    found = check(cfg, images=0)
    assert has(found, 'ERROR', text, part), found
    # the other parts are checked all the same
    other = 'labeled' if part != 'labeled' else 'unlabeled'
    assert has(found, 'ok', 'are used', other)


def test_stock_config(folder):
    """A plain dataset of MMPose, and detections for the validation."""
    cfg = make_config(folder)
    dataset = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dataset.labeled
    cfg.val_dataloader.dataset.bbox_file = str(folder / 'val_boxes.json')
    val = json.loads((folder / 'annotations' / f'{VAL}.json').read_text())
    boxes = [
        dict(image_id=a['image_id'], category_id=1, bbox=a['bbox'], score=0.5)
        for a in val['annotations']
    ]
    (folder / 'val_boxes.json').write_text(json.dumps(boxes))
    found = check(cfg)
    assert problems(found) == []
    assert has(found, 'ok', 'scores of', 'val')
    assert not any(part == 'unlabeled' for part, _, _ in found)


def test_folder_and_list_of_images(folder):
    cfg = make_config(folder)
    part = cfg.train_dataloader.dataset.unlabeled
    for key in ('bbox_file', 'score_thr'):
        part.pop(key)
    part.ann_file = ''
    found = check(cfg)
    assert problems(found) == []
    assert has(found, 'ok', '8 whole images', 'unlabeled')
    (folder / 'list.txt').write_text(f'{first_image(folder, "unlabeled").name}'
                                     '\n\ngone.jpg\n')
    part.ann_file = 'list.txt'
    found = check(cfg)
    assert has(found, 'ERROR', '1 of 2 used images .*gone.jpg', 'unlabeled')
    part.score_thr = 0.5
    assert has(check(cfg), 'ERROR', 'score_thr of', 'unlabeled')


# ------------------------------------------------------------ MPII and AIC

AIC = 'ai_challenger_keypoint_train_20170902/keypoint_train_images_20170902'


def write_mpii_and_aic(root, num=4):
    """Both in the formats that MMPose converts them to."""
    rng = np.random.default_rng(0)

    def write_image(path, width, height):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)

    (root / 'mpii' / 'annotations').mkdir(parents=True)
    for start, part in ((0, 'train'), (num, 'val')):
        entries = []
        for i in range(start, start + num):
            name = f'{i:09d}.jpg'
            write_image(root / 'mpii' / 'images' / name, 160, 140)
            entries.append(
                dict(
                    image=name,
                    center=[80., 70.],
                    scale=0.5,
                    joints=rng.uniform(40, 100, (16, 2)).tolist(),
                    joints_vis=[1] * 16))
        path = root / 'mpii' / 'annotations' / f'mpii_{part}.json'
        path.write_text(json.dumps(entries))
    savemat(
        str(root / 'mpii' / 'annotations' / 'mpii_gt_val.mat'),
        dict(
            headboxes_src=np.tile([[[10.], [10.]], [[40.], [40.]]], num),
            jnt_missing=np.zeros((16, num)),
            pos_gt_src=rng.uniform(30, 110, (16, 2, num))))
    images, annotations = [], []
    for i in range(1, num + 1):
        name = f'{i:040x}.jpg'
        write_image(root / 'aic' / AIC / name, 120, 150)
        images.append(dict(id=i, file_name=name, width=120, height=150))
        joints = rng.uniform(30, 100, (14, 2))
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                iscrowd=0,
                area=5000,
                num_keypoints=14,
                bbox=[10, 10, 100, 120],
                keypoints=np.c_[joints, np.full(14, 2)].ravel().tolist()))
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=1, name='person')])
    (root / 'aic' / 'annotations').mkdir()
    (root / 'aic' / 'annotations' / 'aic_train.json').write_text(
        json.dumps(content))


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """The config of docs/data.md on tiny data."""
    write_mpii_and_aic(tmp_path)
    text = Path(ROOT, 'docs', 'data.md').read_text()
    code = re.findall(r'```python\n(.*?)```', text, re.DOTALL)[-1]
    code = code.replace('./_base_', f'{ROOT}/configs/_base_')
    (tmp_path / 'mixed.py').write_text(code)
    monkeypatch.setenv('SEMIPOSE_DATA', str(tmp_path))
    return Config.fromfile(str(tmp_path / 'mixed.py'))


def test_labels_of_mpii_and_aic(mixed):
    dataset = DATASETS.build(mixed.train_dataloader.dataset)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (8, 4)
    # what flips and blurs the keypoints is left out to compare them
    fixed = [
        t for t in mixed.train_pipeline
        if t['type'] not in ('RandomFlip', 'RandomBBoxTransform')
    ]
    dataset.pipeline = fixed
    aic = json.loads(
        Path(mixed.aic_source.data_root,
             mixed.aic_source.ann_file).read_text())['annotations']
    mapping = mixed.aic.pipeline[0].mapping
    for index, present in ((1, 16), (6, 14)):
        item = dataset[index % len(dataset)] if index < len(dataset) else None
        sample = dataset.labeled[index]['data_samples']
        weights = sample.gt_instance_labels.keypoint_weights[0]
        assert sample.gt_fields.heatmaps.shape == (16, 64, 64)
        assert int((weights > 0).sum()) == present
        if item is not None:
            assert item['inputs']['easy'].shape == (1, 3, 256, 256)
    # pelvis and thorax are no joints of AI Challenger
    assert weights[6] == weights[7] == 0
    keypoints = sample.gt_instances.keypoints[0]
    source = np.reshape(aic[6 - 4]['keypoints'], (14, 3))
    for a, b in mapping:
        np.testing.assert_allclose(keypoints[b], source[a, :2], atol=1e-4)
    # unlabeled boxes are those of the json
    box = dataset.unlabeled.get_data_info(2)['bbox'][0]
    np.testing.assert_allclose(box, [10, 10, 110, 130])


def test_items_of_mpii_and_aic_are_reproducible(mixed):
    from semipose_mm.datasets import SemiIndex
    dataset = DATASETS.build(mixed.train_dataloader.dataset)
    for labeled in (0, 7):
        index = SemiIndex(labeled=labeled, unlabeled=(1, ), seed=5)
        one, two = dataset[index], dataset[index]
        for key in ('labeled', 'easy', 'uniforms'):
            assert torch.equal(one['inputs'][key], two['inputs'][key])


def test_training_step_on_mpii_and_aic(mixed):
    from mmengine.dataset import pseudo_collate
    mixed.merge_from_dict({
        'model.backbone':
        dict(depth=18, stem_channels=8, base_channels=8, init_cfg=None),
        'model.head':
        dict(in_channels=64, deconv_out_channels=(8, 8, 8))
    })
    dataset = DATASETS.build(mixed.train_dataloader.dataset)
    items = []
    for labeled in (0, 7):
        item = dataset[labeled % len(dataset)]
        item['inputs']['labeled'] = dataset.labeled[labeled]['inputs']
        item['data_samples']['labeled'] = dataset.labeled[labeled][
            'data_samples']
        items.append(item)
    model = MODELS.build(mixed.model).train()
    losses = model.loss(**model.data_preprocessor(pseudo_collate(items), True))
    losses = {k: v for k, v in losses.items() if 'loss' in k}
    assert len(losses) == 4
    assert all(torch.isfinite(v) and v > 0 for v in losses.values())


def test_check_of_mpii_and_aic(mixed):
    found = check(mixed)
    assert problems(found) == []
    assert has(
        found, 'ok', '14 of 16 keypoints are mapped, neck to '
        'upper_neck among them', 'keypoints')
    assert has(found, 'ok', '4 head boxes', 'val')
    assert has(found, 'note', 'labeled and unlabeled have images in common: 4')


@pytest.mark.parametrize('mapping, text', [
    ([(0, 13)], 'changes the side: 1 .right_shoulder to left_shoulder'),
    ([(14, 1)], 'sources are below 14, targets below 16'),
    ([(0, 12), (1, 12)], 'maps twice'),
    ([(0, 12, 3)], 'no pair of keypoints'),
    (None, 'has no KeypointConverter from 14 to 16'),
])
def test_converter_mistakes(mapping, text, mixed):
    part = mixed.train_dataloader.dataset.labeled.datasets[1]
    if mapping is None:
        part.pipeline = []
    else:
        part.pipeline[0].mapping = mapping
    assert has(check(mixed, images=0), 'ERROR', text, 'keypoints')


@pytest.mark.parametrize('change, text', [
    (lambda c: c[0].update(center=[1]), 'not made of finite numbers: 1'),
    (lambda c: c[0].update(joints=[[1, 2]] * 3), 'keypoints that are not'),
    (lambda c: c[0].update(image='x.jpg'), 'begins with a number'),
    (lambda c: c.append(None), 'no dict'),
    (lambda c: c.pop(), 'headboxes_src'),
])
def test_mpii_mistakes(change, text, mixed):
    path = Path(mixed.val_dataloader.dataset.data_root, 'annotations',
                'mpii_val.json')
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert has(check(mixed, images=0), 'ERROR', text, 'val')


# ------------------------------------------------------------ the command line


@pytest.fixture
def call(monkeypatch, capsys):
    """Call the tool; its exit status, output and error output."""

    def run(*args):
        with pytest.raises(SystemExit) as end:
            main(['check', *map(str, args)])
        return (end.value.code, *capsys.readouterr())

    return run


def test_report_and_exit_status(folder, call, no_yapf, tmp_path):
    path = tmp_path / 'own.py'
    make_config(folder).dump(path)
    status, out, _ = call(path)
    assert status == 0 and '\n0 errors, 0 warnings' in out
    assert re.search(r'\nlabeled +5 +5 +5 +\d+ +0 +0\n', out)
    assert '\n  ok       ' in out
    status, out, _ = call(path, '--images', 'all', '--cfg-options',
                          'model.head.out_channels=3')
    assert status == 1 and '\n  ERROR    model.head.out_channels is 3' in out
    assert '\n1 errors, 0 warnings' in out


@pytest.mark.parametrize('args, message', [
    (['gone.py'], 'config file gone.py does not exist'),
    (['own.py', '--images', 'some'], "whole number or 'all'"),
    (['own.py', '--images', '-3'], "whole number or 'all'"),
    (['own.py', '--imags', '3'], 'did you mean --images'),
    (['own.py', '--num-labels', '3'], '--num-labels has no effect'),
    (['own.py', '--data-root', 'gone'], 'folder gone does not exist'),
    (['broken.py'], 'broken.py cannot be read: .*division by zero'),
])
def test_wrong_usage(args, message, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'own.py').write_text('model = dict()\n')
    (tmp_path / 'broken.py').write_text('a = 1 / 0\n')
    status, out, err = call(*args)
    assert status == 2 and out == ''
    assert err.count('\n') == 1 and re.search(message, err), err


def test_config_without_data(call, tmp_path):
    (tmp_path / 'own.py').write_text("model = dict(type='X')\n")
    status, out, _ = call(tmp_path / 'own.py')
    assert status == 0 and 'the config has no train_dataloader' in out
