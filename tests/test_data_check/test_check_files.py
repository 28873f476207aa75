# Copyright (c) semipose_mm authors.
"""Tests of what ``semipose check`` says of annotation files."""
import copy
import json
import os
import random
import shutil

import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS
from people_toys import ROOT
from toy_check import (BOXES, DATASET, LABELED, LIST, TRAIN, UNLABELED, VAL,
                       check, edit, first_image, has, make_config, problems)

from semipose_mm.data_check import check_data
from semipose_mm.data_files import DataError


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
    assert problems(check(cfg, images=5)) == []


@pytest.mark.parametrize('overrides', [
    {}, {f'{UNLABELED}score_thr': 0.9}, {f'{LABELED}sample_interval': 2},
    {f'{UNLABELED}max_per_image': 1, f'{UNLABELED}category_ids': [1]},
    {f'{LABELED}indices': 2, f'{UNLABELED}indices': -3},
    {f'{LABELED}indices': [0, 2], f'{UNLABELED}bbox_file': None,
     f'{UNLABELED}ann_file': f'annotations/{TRAIN}.json',
     f'{UNLABELED}score_thr': 0.,
     f'{UNLABELED}data_prefix': dict(img='images/train/')},
    {f'{UNLABELED}bbox_file': None, f'{UNLABELED}ann_file': '',
     f'{UNLABELED}score_thr': 0.},
])  # yapf: disable
def test_counts_are_those_of_the_datasets(overrides, folder):
    """Used instances and images, as the classes themselves have them."""

    def boxes(content):
        for k, box in enumerate(content):
            box['score'] = [0.3, 0.95, 0.6][k % 3]
        content += [
            dict(content[0], category_id=2, score=0.99),
            dict(content[1], bbox=[-50, -50, 20, 20])
        ]

    edit(folder, BOXES, boxes)
    edit(folder, TRAIN, lambda c: c['annotations'][1].update(iscrowd=1))
    edit(folder, TRAIN, lambda c: c['annotations'][2].update(num_keypoints=0))
    cfg = make_config(folder, **overrides)
    report = check_data(cfg)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    val = DATASETS.build(cfg.val_dataloader.dataset)
    for name, one in (('labeled', dataset.labeled),
                      ('unlabeled', dataset.unlabeled), ('val', val)):
        assert report[name].used == len(one), name
        paths = {
            os.path.normpath(one.get_data_info(i)['img_path'])
            for i in range(len(one))
        }
        assert set(report[name].paths) == paths, name
    assert report['labeled'].joints == sum(
        int(dataset.labeled.get_data_info(i)['keypoints_visible'].sum())
        for i in range(len(dataset.labeled)))


def at(key, index=0, **values):
    """Update an entry of a list of a COCO file, or of detections."""
    return lambda c: (c if key is None else c[key])[index].update(values)


def drop(key, name):

    def change(content):
        (content if key is None else content[key])[0].pop(name)

    return change


def each(change):
    """Change all boxes and joints of a file."""

    def all_of(content):
        sizes = {i['id']: (i['width'], i['height']) for i in content['images']}
        for ann in content['annotations']:
            change(ann, *ann['bbox'], *sizes[ann['image_id']])

    return all_of


def normalise(ann, x, y, w, h, width, height):
    ann['bbox'] = [x / width, y / height, w / width, h / height]


def corners(ann, x, y, w, h, *_):
    ann['bbox'] = [x, y, x + w, y + h]


def likelihoods(ann, *_):
    ann['keypoints'][2::3] = [0.7] * 17


def at_origin(ann, *_):
    ann['keypoints'][:3] = [0, 0, 2]


ANN, NAN = 'annotations', float('nan')
FLAWS = [
    # file, change, part, mark, text
    (TRAIN, lambda c: [c], 'labeled', 'ERROR', 'holds a list'),
    (TRAIN, lambda c: dict(c, annotations=[]), 'labeled', 'ERROR',
     'uses none of 0 annotations'),
    (TRAIN, at('images', height=0), 'labeled', 'ERROR', 'height is 0; it'),
    (TRAIN, at(ANN, image_id=99999), 'labeled', 'warning',
     r'annotations\[0\] is left out, as those of images that the file does'),
    (TRAIN, at(ANN, bbox=[1, 2, NAN, 4]), 'labeled', 'ERROR',
     r'annotations\[0\].bbox is \[1, 2, nan, 4\]; it must be four finite'),
    (TRAIN, at(ANN, bbox=[500, 10, 10, 10]), 'labeled', 'warning',
     'whose box has no area inside their image'),
    (TRAIN, at(ANN, bbox=[-5, 10, 40, 40]), 'labeled', 'note',
     r'annotations\[0\] has a box that reaches over the edge'),
    (TRAIN, at(ANN, keypoints=[1, 2]), 'labeled', 'ERROR', '51 finite number'),
    (TRAIN, at(ANN, keypoints=[9, 9, 0] * 17), 'labeled', 'ok',
     '4 of 5 annotations .*; left out: 1 without a labeled joint'),
    (TRAIN, at(ANN, num_keypoints=3), 'labeled', 'warning', 'counted anew'),
    (TRAIN, each(likelihoods), 'labeled', 'ERROR', 'as likelihoods of a'),
    (TRAIN, each(at_origin), 'labeled', 'warning', r'labeled at \(0, 0\)'),
    (TRAIN, at(ANN, keypoints=[9, 999, 2] * 17), 'labeled', 'note',
     'labeled joints outside of its image'),
    (TRAIN, each(normalise), 'labeled', 'ERROR', 'shares of the width'),
    (TRAIN, each(corners), 'labeled', 'ERROR', 'look like two corners'),
    (VAL, each(corners), 'val', 'ERROR', 'look like two corners'),
    (VAL, lambda c: c['categories'][0]['keypoints'].reverse(), 'val', 'ERROR',
     'in another order'),
    (TRAIN, at('categories', keypoints=['a'] * 16), 'labeled', 'ERROR',
     'the 17 names of the metainfo'),
    (TRAIN, at('categories', keypoints=list('abcdefghijklmnopq')), 'labeled',
     'warning', 'of other names'),
    (TRAIN, at('categories', id=3), 'labeled', 'warning', 'is not listed'),
    (LIST, lambda c: c['images'].append(c['images'][0]), 'unlabeled', 'ERROR',
     'unique'),
    (BOXES, at(None, image_id=7777), 'unlabeled', 'ERROR',
     r"bbox_file '.*', entry 0.image_id is 7777"),
    (BOXES, at(None, score=7), 'unlabeled', 'warning', 'outside of 0 to 1'),
    (BOXES, lambda c: c[:1], 'unlabeled', 'note', 'have no used box'),
    (BOXES, lambda c: [dict(b, bbox=[.1, .1, .5, .6]) for b in c], 'unlabeled',
     'ERROR', 'shares of the width'),
    (BOXES, lambda c: [dict(b, bbox=[20, 20, 9, 12]) for b in c], 'unlabeled',
     'warning', 'times smaller than the labeled ones'),
    (VAL, lambda c: c.pop(ANN) and None, 'evaluation', 'ERROR',
     "no 'annotations'"),
]


@pytest.mark.parametrize('name, change, part, mark, text', FLAWS)
def test_flaw(name, change, part, mark, text, folder):
    edit(folder, name, change)
    found = check(make_config(folder), images=0)
    assert has(found, mark, text, part), found
    assert not has(found, 'ERROR', 'ended early')


@pytest.mark.parametrize('name, change', [
    one[:2] for one in FLAWS
    if one[2] != 'evaluation' and one[3] == 'ERROR' and one[0] != VAL
])
def test_what_training_refuses_is_said_in_its_words(name, change, folder):
    edit(folder, name, change)
    cfg = make_config(folder)
    try:
        DATASETS.build(cfg.train_dataloader.dataset)
    except DataError as error:
        lines = [
            text for _, mark, text in check(cfg, images=0) if mark == 'ERROR'
        ]
        # numbers of what is used may be told in other words
        assert any(str(error) in line for line in lines) or \
            'uses none of' in str(error)


@pytest.mark.parametrize('field', ['area', 'num_keypoints', 'iscrowd'])
def test_fields_that_only_our_metric_mends(field, folder):
    edit(folder, VAL, drop(ANN, field))
    cfg = make_config(folder)
    found = check(cfg, images=0)
    assert not has(found, 'ERROR', ''), found
    cfg.val_evaluator[0].type = 'CocoMetric'
    found = check(cfg, images=0)
    assert has(found, 'ERROR', rf"\[0\] has no '{field}', which CocoMetric",
               'evaluation')


def test_boxes_of_another_category(folder):
    """The number is that of the labels, the name tells otherwise."""
    edit(folder, LIST, lambda c: c.update(categories=[dict(id=1, name='cat')]))
    found = check(make_config(folder, **{f'{UNLABELED}category_ids': [1]}))
    assert has(found, 'warning', r"those of \['cat'\], but .*\['person'\]",
               'unlabeled'), found


@pytest.mark.parametrize('metric, mark, text', [
    (dict(category_ids=[9]), 'ERROR', r'no annotation of the categories'),
    (dict(ann_file='copy.json'), 'warning', 'is another file than'),
    (dict(ann_file='gone.json'), 'ERROR', "gone.json' does not exist"),
])
def test_metrics(metric, mark, text, folder):
    if 'ann_file' in metric:
        metric['ann_file'] = str(folder / metric['ann_file'])
    shutil.copy(folder / 'annotations' / f'{VAL}.json', folder / 'copy.json')
    cfg = make_config(folder)
    cfg.val_evaluator = dict(cfg.val_evaluator[0], **metric)
    assert has(check(cfg, images=0), mark, text, 'evaluation')


def test_all_is_collected(folder):
    """Several flaws in several files: each is told."""
    edit(folder, TRAIN, at(ANN, bbox=[10, 10, 0, 20]))
    edit(folder, BOXES, at(None, score='high'))
    (folder / 'annotations' / f'{VAL}.json').write_text('{"images": [')
    first_image(folder).unlink()
    edit(folder, TRAIN, lambda c: c['images'].reverse())
    found = check(make_config(folder, **{'model.head.out_channels': 16}))
    assert has(found, 'warning', 'no area', 'labeled')
    assert has(found, 'ERROR', 'a finite number', 'unlabeled')
    assert has(found, 'ERROR', 'cannot be read as json', 'val')
    assert has(found, 'ERROR', 'cannot be read as json', 'evaluation')
    assert has(found, 'ERROR', 'out_channels is 16', 'keypoints')


ODD = [
    None, True, -1, 0, 3.5, 1e400, NAN, '', 'x', [], {}, [[]], [None],
    dict(a=1), 10**400, [1, 2, 3, 'x']
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

    for _ in range(100):
        for path, text in zip(paths, fine):
            content = json.loads(text)
            for _ in range(rng.randrange(4)):
                spoil(content)
            path.write_text(json.dumps(content))
        found = check(cfg, images=0)
        assert not has(found, 'ERROR', 'ended early'), found


@pytest.mark.parametrize(
    'content', [
        b'', b'{"images": [{"id": 1, "fi', b'null', b'3', b'"x"',
        b'\xff\xfe\x00', b'[' * 100000
    ],
    ids=range(7))
def test_broken_json(content, folder):
    for name in (TRAIN, VAL, LIST, BOXES):
        (folder / 'annotations' / f'{name}.json').write_bytes(content)
    found = check(make_config(folder), images=0)
    for name in (TRAIN, VAL, LIST):
        assert has(found, 'ERROR', f'{name}.json')
    assert not has(found, 'ERROR', 'ended early')


@pytest.mark.parametrize('name, part', [(TRAIN, 'labeled'), (VAL, 'val'),
                                        (LIST, 'unlabeled'),
                                        (BOXES, 'unlabeled')])
def test_missing_file(name, part, folder):
    (folder / 'annotations' / f'{name}.json').unlink()
    found = check(make_config(folder))
    assert has(found, 'ERROR', f"{name}.json' does not exist", part)


@pytest.mark.parametrize('name, text', [('a.csv', 'is a .csv file'),
                                        ('a.h5', 'is a .h5 file'),
                                        ('a.mp4', 'is a video'),
                                        ('images', 'is a folder')])
@pytest.mark.parametrize('part', ['labeled', 'val'])
def test_what_is_no_label_file(part, name, text, folder):
    if name != 'images':
        (folder / name).write_bytes(b'1,2')
    cfg = make_config(folder)
    dataset = cfg.val_dataloader.dataset if part == 'val' else \
        cfg.train_dataloader.dataset.labeled
    dataset.ann_file = str(folder / name)
    assert has(check(cfg), 'ERROR', text, part)


def test_fewer_labels_than_indices(folder):
    found = check(make_config(folder, **{f'{LABELED}indices': 50}))
    assert has(found, 'warning', 'asks for 50 instances, but there are 5',
               'labeled')


@pytest.mark.parametrize('overrides, part, text', [
    ({f'{LABELED}type': 'NoDataset'}, 'labeled', 'NoDataset'),
    ({f'{LABELED}colour': 'red'}, 'labeled', 'colour'),
    ({f'{UNLABELED}max_per_image': 0}, 'unlabeled', 'max_per_image'),
    ({f'{UNLABELED}bbox_file': None}, 'unlabeled',
     "no 'annotations', so its images have no boxes"),
    ({f'{UNLABELED}category_ids': [7]}, 'unlabeled',
     r'no entry of category_ids=\[7\]'),
    ({f'{DATASET}unlabeled': None}, 'unlabeled', 'no dataset'),
    ({'val_dataloader.dataset.metainfo': dict(dataset_name='x')}, 'val',
     'cannot be set up'),
])  # yapf: disable
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
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.labeled
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
    assert not has(found, 'ERROR', '')
    assert has(found, 'ok', '8 of 8 whole images', 'unlabeled')
    (folder / 'list.txt').write_text(f'{first_image(folder, "unlabeled").name}'
                                     '\n\ngone.jpg\n')
    part.ann_file = 'list.txt'
    found = check(cfg)
    assert has(found, 'ERROR', "line 3 names '.*gone.jpg'", 'unlabeled')
    part.score_thr = 0.5
    assert has(check(cfg), 'ERROR', 'score_thr of', 'unlabeled')
