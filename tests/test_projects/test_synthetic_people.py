# Copyright (c) semipose_mm authors.
"""Tests of the generator in projects/synthetic_people."""
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

PROJECT = Path(__file__).parents[2] / 'projects' / 'synthetic_people'
sys.path.insert(0, str(PROJECT))
dataset = importlib.import_module('people.dataset')
make_sample = importlib.import_module('people.sample').make_sample
skeleton = importlib.import_module('people.skeleton')
write_dataset = dataset.write_dataset
KEYPOINTS = skeleton.KEYPOINTS

SMALL = dict(
    labeled=3, unlabeled=4, val=2, seed=5, size=(64, 80), verbose=False)
SIDED = [name[5:] for name in KEYPOINTS if name.startswith('left_')]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp('people') / 'set'
    assert write_dataset(out, **SMALL)
    return out


def read(folder, name):
    return json.loads((folder / 'annotations' / name).read_text())


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*')) if path.is_file()
    }


def keypoints_of(sample):
    keypoints = np.array(sample.annotations[0]['keypoints']).reshape(17, 3)
    return dict(zip(KEYPOINTS, keypoints))


def run(*args):
    return subprocess.run(
        [sys.executable,
         str(PROJECT / 'generate.py'), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True)


def test_same_arguments_give_the_same_bytes(folder, tmp_path):
    write_dataset(tmp_path / 'set', **SMALL)
    assert tree(tmp_path / 'set') == tree(folder)


def test_workers_change_nothing(folder, tmp_path):
    write_dataset(tmp_path / 'set', workers=2, **SMALL)
    assert tree(tmp_path / 'set') == tree(folder)


def test_another_seed_gives_other_pictures(folder, tmp_path):
    write_dataset(tmp_path / 'set', **{**SMALL, 'seed': 6})
    mine, other = tree(folder), tree(tmp_path / 'set')
    pictures = [name for name in mine if name.endswith('.jpg')]
    assert len(pictures) == 9
    assert all(mine[name] != other[name] for name in pictures)
    assert len({mine[name] for name in pictures}) == 9


def test_a_picture_does_not_depend_on_the_counts(folder, tmp_path):
    write_dataset(tmp_path / 'set', **{
        **SMALL, 'labeled': 5,
        'unlabeled': 1,
        'val': 3
    })
    mine, other = tree(folder), tree(tmp_path / 'set')
    common = [name for name in mine if name in other and '.jpg' in name]
    assert len(common) == 3 + 1 + 2
    assert all(mine[name] == other[name] for name in common)
    for split in ('train', 'val'):
        name = f'person_keypoints_{split}.json'
        few, many = read(folder, name), read(tmp_path / 'set', name)
        assert len(few['annotations']) < len(many['annotations'])
        for key in ('images', 'annotations'):
            assert few[key] == many[key][:len(few[key])]


@pytest.mark.parametrize('split, count', [('train', 3), ('val', 2)])
def test_annotations_are_coco(folder, split, count):
    content = read(folder, f'person_keypoints_{split}.json')
    category, = content['categories']
    assert category['keypoints'] == list(KEYPOINTS)
    assert (category['id'], category['name']) == (1, 'person')
    assert len(content['images']) == len(content['annotations']) == count
    for image in content['images']:
        path = folder / 'images' / split / image['file_name']
        assert cv2.imread(str(path)).shape == (80, 64, 3)
        assert (image['width'], image['height']) == (64, 80)
    ids = [a['id'] for a in content['annotations']]
    assert len(set(ids)) == count
    assert [a['image_id'] for a in content['annotations']
            ] == [image['id'] for image in content['images']]
    for annotation in content['annotations']:
        flags = annotation['keypoints'][2::3]
        assert len(flags) == 17 and set(flags) <= {0, 1, 2}
        assert annotation['num_keypoints'] == sum(f > 0 for f in flags) > 0
        assert annotation['iscrowd'] == 0 and annotation['category_id'] == 1
        width, height = annotation['bbox'][2:]
        assert 0 < annotation['area'] <= width * height


def test_unlabeled_part_has_boxes_and_no_annotations(folder):
    content = read(folder, 'image_info_unlabeled.json')
    assert 'annotations' not in content
    assert len(content['images']) == 4
    ids = {image['id'] for image in content['images']}
    for split in ('train', 'val'):
        other = read(folder, f'person_keypoints_{split}.json')
        assert not ids & {image['id'] for image in other['images']}
    detections = read(folder, 'unlabeled_detections.json')
    assert {d['image_id'] for d in detections} == ids
    for detection in detections:
        assert set(detection) == {'image_id', 'category_id', 'bbox', 'score'}
        x, y, width, height = detection['bbox']
        assert width > 0 and height > 0 and x >= 0 and y >= 0
        assert 0 < detection['score'] <= 1


def test_detections_are_jittered_and_false_ones_score_low():
    overlaps, false = [], 0
    for i in range(40):
        sample = make_sample(0, 'unlabeled', i, (48, 60))
        x, y, w, h = sample.annotations[0]['bbox']
        a, b, c, d = sample.detections[0]['bbox']
        wide = min(x + w, a + c) - max(x, a)
        high = min(y + h, b + d) - max(y, b)
        overlaps.append(wide * high / (w * h + c * d - wide * high))
        assert sample.detections[0]['score'] >= .45
        for detection in sample.detections[1:]:
            assert detection['score'] <= .35
            false += 1
    assert np.mean(overlaps) > .8 and np.max(overlaps) < 1
    assert 0 < false < 15


@pytest.mark.parametrize('people', [1, 2])
def test_keypoints_lie_in_picture_and_box(people):
    seen, counts = set(), set()
    for i in range(40):
        sample = make_sample(3, 'train', i, (60, 72), people)
        counts.add(len(sample.annotations))
        for annotation in sample.annotations:
            x, y, w, h = annotation['bbox']
            assert x >= 0 and y >= 0 and x + w <= 60 and y + h <= 72
            for kx, ky, flag in np.reshape(annotation['keypoints'], (17, 3)):
                seen.add(int(flag))
                if flag == 0:
                    assert (kx, ky) == (0, 0)
                else:
                    assert 0 <= kx <= 59 and 0 <= ky <= 71
                    assert x - .01 <= kx <= x + w + .01
                    assert y - .01 <= ky <= y + h + .01
    assert seen == {0, 1, 2}
    assert max(counts) == people


@pytest.mark.parametrize('yaw, sign', [(0, 1), (180, -1)])
def test_left_is_left_from_front_and_back(yaw, sign):
    for i in range(5):
        points = keypoints_of(
            make_sample(
                0, 'val', i, pose=skeleton.rest_pose(yaw), size=(100, 120)))
        for part in SIDED:
            left, right = points[f'left_{part}'], points[f'right_{part}']
            if left[2] and right[2]:
                assert sign * (left[0] - right[0]) > 0, part


def test_bodies_are_never_mirrored():
    rng = np.random.default_rng(0)
    for _ in range(50):
        figure = skeleton.solve(
            skeleton.sample_body(rng), skeleton.sample_pose(rng))
        points = figure.points
        # With x right, y down and z away, left x up points to the front.
        for left, right, bottom, top, face in (('left_shoulder',
                                                'right_shoulder', 'waist',
                                                'neck', 'chest'),
                                               ('left_ear', 'right_ear',
                                                'head', 'head', 'head')):
            frame = figure.frames[face]
            up = points[top] - points[bottom] + frame @ (0, -.01, 0)
            front = np.cross(points[left] - points[right], up)
            assert front @ frame @ (0, 0, -1) > 0
        nose = points['nose'] - points['head']
        assert nose @ figure.frames['head'] @ (0, 0, -1) > 0


def test_joints_bend_the_way_joints_do():
    rng = np.random.default_rng(0)
    for yaw in range(0, 360, 45):
        pose = {**skeleton.rest_pose(yaw), 'elbow': (90, 90), 'knee': (90, 90)}
        figure = skeleton.solve(skeleton.sample_body(rng), pose)
        points, front = figure.points, figure.frames['chest'] @ (0, 0, -1)
        for side in ('left', 'right'):
            elbow, knee = points[f'{side}_elbow'], points[f'{side}_knee']
            assert (points[f'{side}_wrist'] - elbow) @ front > .05
            assert (points[f'{side}_ankle'] - knee) @ front < -.05


def test_face_is_seen_from_the_front_and_hidden_from_behind(monkeypatch):
    monkeypatch.setattr('people.sample.add_occluders', lambda *args: None)
    for yaw, flag in ((0, 2), (180, 1)):
        points = keypoints_of(
            make_sample(0, 'train', 3, pose=skeleton.rest_pose(yaw)))
        for name in ('nose', 'left_eye', 'right_eye'):
            assert points[name][2] in (flag, 0)
    # In profile the far arm is behind the trunk.
    points = keypoints_of(
        make_sample(0, 'train', 3, pose=skeleton.rest_pose(90)))
    near, far = points['left_shoulder'], points['right_shoulder']
    assert {near[2], far[2]} == {1, 2}


def test_an_object_in_front_hides_keypoints(monkeypatch):

    def wall(rng, canvas, points, unit):
        canvas.depth[:] = -1e6

    monkeypatch.setattr('people.sample.add_occluders', wall)
    points = keypoints_of(
        make_sample(0, 'train', 0, pose=skeleton.rest_pose()))
    assert {int(p[2]) for p in points.values()} <= {0, 1}


def test_poses_vary():
    rng = np.random.default_rng(0)
    poses = [skeleton.sample_pose(rng) for _ in range(400)]
    assert {pose['family'] for pose in poses} == set(skeleton.FAMILIES)
    facing = np.array([np.cos(np.radians(pose['yaw'])) for pose in poses])
    assert (facing > .5).mean() > .3 and (facing < -.5).mean() > .1


def test_the_same_set_again_is_left_alone(folder):
    before = {p: p.stat().st_mtime_ns for p in folder.rglob('*')}
    assert write_dataset(folder, **SMALL) is False
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob('*')}


def test_another_set_is_not_overwritten(folder):
    before = tree(folder)
    with pytest.raises(FileExistsError, match='another set.*wanted 6'):
        write_dataset(folder, **{**SMALL, 'seed': 6})
    assert tree(folder) == before


@pytest.mark.parametrize('content', [None, '[]', '{'])
def test_foreign_folders_are_not_overwritten(tmp_path, content):
    out = tmp_path / 'mine'
    out.mkdir()
    (out / 'thesis.txt').write_text('years of work')
    if content is not None:
        (out / 'manifest.json').write_text(content)
    before = tree(out)
    with pytest.raises(FileExistsError, match='manifest'):
        write_dataset(out, **SMALL)
    assert tree(out) == before and os.listdir(tmp_path) == ['mine']


@pytest.mark.parametrize('damage', ['annotation', 'image'])
def test_damaged_sets_are_noticed(tmp_path, damage):
    out = tmp_path / 'set'
    write_dataset(out, **SMALL)
    if damage == 'image':
        (out / 'images' / 'val' / '000001.jpg').unlink()
    else:
        (out / 'annotations' / 'unlabeled_detections.json').write_text('[]')
    with pytest.raises(FileExistsError, match='missing'):
        write_dataset(out, **SMALL)


def test_nothing_is_left_of_an_interrupted_run(tmp_path, monkeypatch):
    calls = []

    def fail(*args):
        calls.append(args)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return make_sample(*args)

    monkeypatch.setattr(dataset, 'make_sample', fail)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / 'set', **SMALL)
    assert len(calls) == 5 and os.listdir(tmp_path) == []


def test_command_line(folder, tmp_path):
    args = ('--labeled', 3, '--unlabeled', 4, '--val', 2, '--seed', 5,
            '--size', '64x80')
    (tmp_path / 'set').mkdir()
    done = run(tmp_path / 'set', *args)
    assert (done.returncode, done.stderr) == (0, '')
    assert tree(tmp_path / 'set') == tree(folder)
    assert 'nothing to do' in run(tmp_path / 'set', *args).stdout


@pytest.mark.parametrize('args, message', [
    (('--labeled', -1), 'labeled must be from 0 to 1000000, got -1'),
    (('--seed', -1), 'seed must be from 0'),
    (('--people', 3), 'people must be from 1 to 2, got 3'),
    (('--workers', 0), 'workers must be from 1'),
    (('--size', 8), 'width in size must be from 48'),
    (('--size', '128x'), "must be one number or WIDTHxHEIGHT, got '128x'"),
    (('--labeled', 0, '--unlabeled', 0, '--val', 0), 'nothing to make'),
])
def test_bad_arguments_give_one_clear_error(tmp_path, args, message):
    done = run(tmp_path / 'set', *args)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if 'error' in line]
    assert len(errors) == 1 and message in errors[0]
    assert 'Traceback' not in done.stderr
    assert os.listdir(tmp_path) == []


def test_mmpose_reads_it_and_scores_the_truth_with_one(folder):
    datasets = pytest.importorskip('mmpose.datasets')
    evaluation = pytest.importorskip('mmpose.evaluation')
    ann_file = str(folder / 'annotations' / 'person_keypoints_train.json')
    people = datasets.CocoDataset(
        ann_file=ann_file,
        data_prefix=dict(img=str(folder / 'images' / 'train')),
        test_mode=True,
        pipeline=[dict(type='mmpose.LoadImage')])
    assert len(people) == 3
    metric = evaluation.CocoMetric(ann_file=ann_file)
    metric.dataset_meta = people.metainfo
    for i in range(len(people)):
        item = people[i]
        assert item['img'].shape == (80, 64, 3)
        found = dict(
            keypoints=item['keypoints'],
            keypoint_scores=np.ones((1, 17)),
            bboxes=item['bbox'],
            bbox_scores=np.ones(1))
        metric.process({}, [
            dict(
                id=item['id'],
                img_id=item['img_id'],
                category_id=1,
                gt_instances=found,
                pred_instances=found)
        ])
    assert metric.evaluate(size=3)['coco/AP'] == pytest.approx(1)
