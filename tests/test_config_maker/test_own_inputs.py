# Copyright (c) semipose_mm authors.
"""Data as people keep them: the right config, or one line that says why."""
import json
import os
import shutil
from unicodedata import normalize

import numpy as np
import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS
from own_toys import (BASE, NAMES, detections, draw, entries, frames, labels,
                      make, save)

from semipose_mm.data_files import NOTE, WARNING, DataError


@pytest.fixture
def splits(tmp_path):
    """Three splits whose files have equal names."""
    for part, num in (('train', 6), ('val', 5), ('unlabeled', 7)):
        draw(tmp_path / 'images' / part, frames(num))
        content = labels(frames(num), seed=num)
        if part == 'unlabeled':
            content = dict(images=content['images'])
        save(tmp_path / f'annotations/{part}.json', content)
    return tmp_path


def parts(made):
    cfg = Config.fromfile(made.config)
    data = cfg.train_dataloader.dataset
    return data.labeled, cfg.val_dataloader.dataset, data.unlabeled


def folders(made, root):
    return [
        os.path.relpath(part.data_prefix.img, root) for part in parts(made)
    ]


def given(splits, **more):
    notes = splits / 'annotations'
    return dict(
        dict(
            labeled=str(notes / 'train.json'),
            val=str(notes / 'val.json'),
            unlabeled=str(notes / 'unlabeled.json'),
            boxes=save(notes / 'boxes.json', detections(7, 1))), **more)


def test_each_split_has_its_folder(splits):
    made = make(splits / 'out.py', **given(splits))
    expected = ['images/train', 'images/val', 'images/unlabeled']
    assert folders(made, splits) == expected
    said = '\n'.join(made.lines())
    assert all(f'{splits}/{one}/' in said for one in expected)
    assert 'category 1' in said and ', '.join(NAMES) in said
    # numbers add up
    for text in ('6 of 6 annotations', '5 of 5 annotations', '7 of 7'):
        assert text in said
    assert not made.findings.count(WARNING)
    # labels of one split alone
    made = make(
        splits / 'one.py',
        labeled=str(splits / 'annotations/val.json'),
        unlabeled=str(splits / 'images/unlabeled'))
    assert folders(made, splits) == ['images/val'] * 2 + ['images/unlabeled']


def test_frames_of_two_videos(splits):
    for video, num in (('video1', 6), ('video2', 6)):
        draw(splits / 'frames' / video, [f'f_{i}.png' for i in range(num)])
    path = splits / 'annotations/video2.json'
    save(path, labels([f'f_{i}.png' for i in range(6)]))
    source = str(splits / 'frames/video1')
    made = make(splits / 'out.py', labeled=str(path), unlabeled=source)
    assert folders(made, splits) == ['frames/video2'] * 2 + ['frames/video1']
    path = shutil.copy(path, splits / 'annotations/mine.json')
    with pytest.raises(DataError, match='frames/video1 and in .*--labeled-im'):
        make(splits / 'mine.py', labeled=path, unlabeled=source)
    made = make(
        splits / 'mine.py',
        labeled=path,
        unlabeled=source,
        labeled_images=str(splits / 'frames/video1'))
    assert folders(made, splits) == ['frames/video1'] * 3


def test_detectors_count_in_their_own_way(splits):
    boxes = save(splits / 'yolo.json', detections(7, 0, 1, 2))
    with pytest.raises(DataError, match=r'0 \(7 boxes\), 1 \(7 boxes\), 2'):
        make(splits / 'out.py', **given(splits, boxes=boxes))
    made = make(
        splits / 'a.py', **given(splits, boxes=boxes), boxes_category=0)
    unlabeled = parts(made)[2]
    assert unlabeled.category_ids == [0]
    assert '7 of 21, without 14 of other categories' in '\n'.join(made.lines())
    # names in the list of images tell it
    named = save(
        splits / 'annotations/unlabeled.json',
        dict(
            images=entries(frames(7)),
            categories=[
                dict(id=0, name='cat'),
                dict(id=1, name='dog'),
                dict(id=2, name='Bird')
            ]))
    made = make(splits / 'b.py', **given(splits, boxes=boxes, unlabeled=named))
    assert parts(made)[2].category_ids == [2]


def test_labels_are_mended_in_a_copy(splits):
    path = splits / 'annotations/val.json'
    content = json.loads(path.read_text())
    for i, area in enumerate([0, None, -1, 5000.]):
        content['annotations'][i]['area'] = area
    content['annotations'][4]['keypoints'][-3:] = [0, 0, 2]
    before = save(path, content) and path.read_text()
    made = make(splits / 'out.py', **given(splits))
    assert path.read_text() == before
    mended = json.loads((splits / 'out_val.json').read_text())['annotations']
    assert [one['area'] for one in mended] == [4900, 4900, 4900, 5000, 4900]
    assert [one['num_keypoints'] for one in mended] == [4, 4, 4, 4, 3]
    assert not (splits / 'out_train.json').exists()
    warned = '\n'.join(made.findings.lines(WARNING))
    assert 'annotations[0].area is 0' in warned and '(0, 0)' in warned
    assert 'out_val.json' in made.findings.lines(NOTE)[0]


def test_validation_in_another_order(splits):
    path = splits / 'annotations/val.json'
    content = json.loads(path.read_text())
    truth = [one['keypoints'] for one in content['annotations']]
    order = [2, 0, 3, 1]
    content['categories'][0]['keypoints'] = [NAMES[i] for i in order]
    for one in content['annotations']:
        one['keypoints'] = np.reshape(one['keypoints'],
                                      (4, 3))[order].ravel().tolist()
    save(path, content)
    made = make(splits / 'out.py', **given(splits))
    dataset = DATASETS.build(parts(made)[1])
    assert [
        dataset.get_data_info(i)['keypoints'].ravel().tolist()
        for i in range(5)
    ] == [
        pytest.approx(np.reshape(one, (4, 3))[:, :2].ravel()) for one in truth
    ]
    assert 'reordered by name' in made.findings.lines(WARNING)[0]
    content['categories'][0]['keypoints'][0] = 'foot'
    save(path, content)
    with pytest.raises(DataError, match="'foot', 'beak'.*'beak', 'left_w"):
        make(splits / 'other.py', **given(splits))


@pytest.mark.parametrize('names, pairs', [
    (['nose', 'FL', 'FR', 'BL', 'BR'], 2),
    (['nose', 'ear1', 'ear2'], 0),
])
def test_flips(splits, names, pairs):
    path = splits / 'annotations/train.json'
    save(path, labels(frames(6), names))
    made = make(splits / 'out.py', **given(splits, val=None))
    cfg = Config.fromfile(made.config)
    steps = [one.type for one in cfg.train_dataloader.dataset.labeled.pipeline]
    assert ('RandomFlip' in steps) == cfg.model.test_cfg.get(
        'flip_test', True) == bool(pairs)
    assert len(made.plan.data.keypoints.pairs) == pairs
    assert ('images are not flipped' in '\n'.join(made.lines())) != bool(pairs)


@pytest.mark.parametrize('folder', [
    "Anna's data", 'a "b" c', "'''\"",
    normalize('NFC', 'Vögel für alle'),
    normalize('NFD', 'Vögel für alle'), 'a b/{c}/d#e'
])
def test_any_folder(tmp_path, folder, monkeypatch):
    root = tmp_path / folder
    names = ["it's.png", 'a "b".png', *frames(4)]
    names.append(normalize('NFC', 'größe.png'))
    draw(root / 'images', [normalize('NFD', one) for one in names])
    path = save(root / 'labels.json', labels(names))
    draw(root / 'unl', frames(3))
    monkeypatch.chdir(root)
    (root / 'base.py').write_text(f'_base_ = {BASE!r}\n')
    made = make(
        'cfgs/cfg.py', base='base.py', labeled='labels.json', unlabeled='unl')
    assert made.config == str(root / 'cfgs/cfg.py')
    assert path and folders(made, root) == ['images', 'images', 'unl']
    # and after the configs are moved
    shutil.move(str(root / 'cfgs'), str(tmp_path / 'moved'))
    cfg = Config.fromfile(tmp_path / 'moved/cfg.py')
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (6, 3)
    assert len(DATASETS.build(cfg.val_dataloader.dataset)) == 1


def test_the_unlabeled_rest_of_a_file(tmp_path):
    names = frames(9)
    draw(tmp_path / 'images', names)
    content = labels(names)
    content['annotations'] = content['annotations'][:5]
    path = save(tmp_path / 'labels.json', content)
    made = make(tmp_path / 'a.py', labeled=path, recipe='supervised')
    assert made.findings.lines(NOTE)[0].endswith(
        'has 4 images without labels. --unlabeled '
        f'{path} learns from them')
    made = make(tmp_path / 'b.py', labeled=path, unlabeled=path)
    dataset = DATASETS.build(
        Config.fromfile(made.config).train_dataloader.dataset)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (4, 4)
    used = {
        os.path.basename(dataset.unlabeled.get_data_info(i)['img_path'])
        for i in range(4)
    }
    assert used == set(names[5:])


def test_entries_of_one_file_stay_together(tmp_path):
    """They train or validate, both of them."""
    draw(tmp_path / 'images', frames(4))
    content = labels(frames(4) * 3)
    save(tmp_path / 'labels.json', content)
    make(tmp_path / 'out.py', labeled=str(tmp_path / 'labels.json'))
    names = []
    for ending in ('train', 'val'):
        text = (tmp_path / f'out_{ending}.json').read_text()
        names.append([one['file_name'] for one in json.loads(text)['images']])
    train, val = names
    assert len(train) == 9 and len(val) == 3
    assert not set(train) & set(val)


def test_places_that_cannot_be_written(tmp_path):
    draw(tmp_path / 'images', frames(4))
    given = dict(labeled=save(tmp_path / 'labels.json', labels(frames(4))))
    for out, message in ((tmp_path / 'labels.json/a.py', 'Not a directory'),
                         (tmp_path / '{{ fileDirname }}/a.py',
                          'has in its name what MMEngine replaces')):
        with pytest.raises(DataError, match=message):
            make(out, **given)
    assert len(list(tmp_path.iterdir())) == 2


def test_joints_without_a_label(tmp_path):
    draw(tmp_path / 'images', frames(6))
    content = labels(frames(6))
    for one in content['annotations']:
        one['keypoints'][3:6] = [0, 0, 0]
        one['num_keypoints'] = 3
    save(tmp_path / 'labels.json', content)
    made = make(
        tmp_path / 'out.py',
        labeled=str(tmp_path / 'labels.json'),
        unlabeled=draw(tmp_path / 'more', frames(3)))
    said = ' '.join(made.findings.lines(WARNING))
    assert 'has no label of left_wing: they are not learned' in said


def test_several_categories(tmp_path):
    names = frames(8)
    draw(tmp_path / 'images', names)
    content, cats = labels(names), labels(names, ['nose', 'ear'], 2)
    cats['categories'][0]['name'] = 'cat'
    for one in cats['annotations']:
        one['id'] += 100
    for field in ('annotations', 'categories'):
        content[field] += cats[field]
    path = save(tmp_path / 'labels.json', content)
    draw(tmp_path / 'unl', frames(3))
    options = dict(labeled=path, unlabeled=str(tmp_path / 'unl'))
    with pytest.raises(
            DataError,
            match="1 'bird' .8 labeled instances., "
            "2 'cat' .8 labeled instances.*by --category"):
        make(tmp_path / 'a.py', **options)
    made = make(tmp_path / 'a.py', **options, category='cat')
    dataset = DATASETS.build(parts(made)[0])
    assert len(dataset) == 6
    assert dataset.metainfo['num_keypoints'] == 2
    assert '6 of 16 annotations, without 8 of other categories, 2 of the ' \
        'other part' in '\n'.join(made.lines())


def test_what_is_no_file_of_labels(splits):
    (splits / 'labels.csv').write_text('a,b\n')
    (splits / 'labels.h5').write_bytes(b'')
    (splits / 'walk.mp4').write_bytes(b'')
    for name in ('labels.csv', 'labels.h5', 'walk.mp4', 'images', 'nowhere',
                 'annotations/boxes.json'):
        path = str(splits / name)
        with pytest.raises(DataError) as info:
            make(splits / 'out.py', **given(splits, labeled=path))
        assert f"--labeled '{path}'" in str(info.value)
        assert '\n' not in str(info.value)


def test_an_image_that_is_missing(splits):
    os.rename(splits / 'images/val/000003.png',
              splits / 'images/val/000003.jpg')
    with pytest.raises(
            DataError,
            match='lists 000003.png, .*/images/val; '
            'there is 000003.jpg'):
        make(splits / 'out.py', **given(splits))


def test_boxes_in_another_format(splits):
    path = splits / 'annotations/train.json'
    content = json.loads(path.read_text())
    for one in content['annotations']:
        x, y, w, h = one['bbox']
        one['bbox'] = [x, y, x + w, y + h]
    save(path, content)
    with pytest.raises(DataError, match='--labeled .* two corners'):
        make(splits / 'out.py', **given(splits))


def test_whole_images_beside_tight_labels(splits):
    made = make(
        splits / 'out.py',
        **given(
            splits, unlabeled=str(splits / 'images/unlabeled'), boxes=None))
    line, = made.findings.lines(WARNING)
    assert 'takes whole images as boxes' in line
