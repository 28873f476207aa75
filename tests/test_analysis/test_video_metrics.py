# Copyright (c) semipose_mm authors.
"""Measures of predictions on a video without labels."""
import csv
import json

import cv2
import numpy as np
import pytest

from semipose_mm.analysis.video_metrics.measures import (disagreement, jumps,
                                                         pose_space,
                                                         second_differences)
from semipose_mm.analysis.video_metrics.tables import aligned, read_poses
from semipose_mm.cli import main
from semipose_mm.data_files import DataError

JOINTS = ['nose', 'left_ear', 'right_ear', 'tail']


def write_csv(path,
              points,
              scores=None,
              scorer='net0',
              joints=JOINTS,
              frames=None):
    """Write predictions (N, K, 2) in DeepLabCut's layout."""
    scores = np.full(points.shape[:2], 0.9) if scores is None else scores
    with open(path, 'w', newline='') as file:
        out = csv.writer(file)
        out.writerow(['scorer', *[scorer] * 3 * len(joints)])
        out.writerow(['bodyparts', *np.repeat(joints, 3)])
        out.writerow(['coords', *['x', 'y', 'likelihood'] * len(joints)])
        for i, (pose, own) in enumerate(zip(points, scores)):
            cells = np.concatenate((pose, own[:, None]), 1).ravel()
            out.writerow([
                i if frames is None else frames[i],
                *('' if np.isnan(one) else one for one in cells)
            ])
    return str(path)


def track(num=30, seed=0):
    """Poses that move steadily, (N, K, 2) in pixels."""
    start = np.random.default_rng(seed).uniform(20, 100, (len(JOINTS), 2))
    return start + np.arange(num)[:, None, None] * [3., 4.]


def test_jumps():
    points = track()
    frames = np.arange(30)
    assert np.isnan(jumps(points, frames)[0]).all()
    assert jumps(points, frames)[1:] == pytest.approx(5)
    points[10, 2] += [6, 8]
    found = jumps(points, frames)
    assert found[10, 2] == pytest.approx(15)
    assert found[11, 2] == pytest.approx(5)  # back by 3, 4
    assert found[10, [0, 1, 3]] == pytest.approx(5)
    # no frame before, no jump
    frames[20:] += 1
    assert np.isnan(jumps(points, frames)[20]).all()
    assert np.isnan(jumps(points, frames)).any(1).sum() == 2
    points[15, 0] = np.nan
    assert np.isnan(jumps(points, frames)[15:17, 0]).all()


def test_second_differences():
    points = track()
    frames = np.arange(30)
    found = second_differences(points, frames)
    assert np.isnan(found[[0, -1]]).all()
    assert found[1:-1] == pytest.approx(0)
    points[10, 2] += [6, 8]
    found = second_differences(points, frames)
    assert found[9:12, 2] == pytest.approx([10, 20, 10])
    frames[20:] += 1
    found = second_differences(points, frames)
    assert np.isnan(found[[19, 20]]).all() and not np.isnan(found[18]).any()
    assert second_differences(points[:2], frames[:2]).shape == (2, 4)


def test_disagreement():
    points = track()
    others = points + [[3, 4], [0, 0], [0, 0], [6, 8]]
    assert disagreement([points, others])[7] == pytest.approx([5, 0, 0, 10])
    # pairs are 5, 10 and 5 apart
    three = [points + np.multiply([3, 4], i) for i in range(3)]
    assert disagreement(three) == pytest.approx(20 / 3)


def plane(num, seed=0):
    """Poses of two degrees of freedom, and two directions of them."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(50, 150, 8)
    ways = np.linalg.qr(rng.normal(size=(8, 2)))[0].T
    flat = middle + rng.normal(size=(num, 2)) * [30, 20] @ ways
    return flat.reshape(num, 4, 2), middle, ways


def visible(points):
    return np.concatenate((points, np.full((*points.shape[:2], 1), 2)), 2)


def test_pose_space():
    points, middle, ways = plane(40)
    labels = visible(points)
    space = pose_space(labels, 'a')
    assert len(space.components) == 2 and space.poses == 40
    new = middle + 50 * ways.sum(0)
    assert space.errors(new.reshape(1, 4, 2)) == pytest.approx(0, abs=1e-6)
    # a joint that leaves the plane is the farthest
    moved = new.reshape(1, 4, 2).copy()
    moved[0, 1] += [40, -30]
    errors = space.errors(moved)[0]
    assert errors.argmax() == 1 and 10 < errors[1] <= 50
    off = (moved - new.reshape(1, 4, 2)).ravel()
    rest = off - ways.T @ (ways @ off)
    assert errors == pytest.approx(
        np.linalg.norm(rest.reshape(4, 2), axis=1), rel=1e-6)
    # poses without a joint are left out, and a joint that few labels have
    labels[:5, 0, 2] = 0
    labels[:25, 3] = 0
    space = pose_space(labels, 'a')
    assert space.joints.tolist() == [0, 1, 2] and space.poses == 35
    errors = space.errors(moved)[0]
    assert np.isnan(errors[3]) and not np.isnan(errors[:3]).any()
    for few in (labels[:2], labels[:0], visible(plane(8)[0])[:3]):
        with pytest.raises(DataError, match='^a has . poses .* too few'):
            pose_space(few, 'a')


def test_reading(tmp_path):
    points = track()
    points[3, 1] = np.nan
    scores = np.linspace(0, 1, 120).reshape(30, 4)
    one, = read_poses(write_csv(tmp_path / 'a.csv', points, scores))
    assert one.scorer == 'net0' and one.joints == JOINTS
    np.testing.assert_allclose(one.points, points)
    np.testing.assert_allclose(one.scores, scores)
    order = [2, 0, 3, 1]
    path = write_csv(
        tmp_path / 'b.csv',
        points[5:, order],
        joints=[JOINTS[i] for i in order],
        frames=range(5, 30))
    first, second = aligned([one, *read_poses(path)])
    assert first.frames.tolist() == second.frames.tolist() == list(
        range(5, 30))
    np.testing.assert_allclose(first.points, second.points)


@pytest.mark.parametrize('text, message', [
    ('a,b\n1,2\n', 'begins with the rows a, 1, but needs scorer, bodyparts'),
    ('scorer,n,n,n\nindividuals,a,a,a\nbodyparts,j,j,j\ncoords,x,y,z\n',
     'scorer, individuals, bodyparts, but needs scorer, bodyparts, coords'),
    ('scorer,n,n\nbodyparts,j,j\ncoords,x,y\n0,1,2\n',
     'n, j has the columns x, y, but needs x, y, likelihood'),
    ('scorer,n,n,n\nbodyparts,j,j,j\ncoords,x,y,likelihood\n',
     'needs rows of frames'),
    ('scorer,n,n,n\nbodyparts,j,j,j\ncoords,x,y,likelihood\n'
     'a/img1.png,1,2,1\n', "row 4 begins with 'a/img1.png', but needs the "
     'number'),
    ('scorer,n,n,n\nbodyparts,j,j,j\ncoords,x,y,likelihood\n3,1,2,1\n'
     '2,1,2,1\n', 'ascending'),
    ('scorer,n,n,n\nbodyparts,j,j,j\ncoords,x,y,likelihood\n3,1,2\n',
     'row 4 has 3 cells, but the first row has 4'),
    ('scorer,n,n,n\nbodyparts,j,j,j\ncoords,x,y,likelihood\n3,1,b,1\n',
     "row 4: could not convert .* 'b'"),
])
def test_what_is_no_prediction(tmp_path, text, message):
    path = tmp_path / 'a.csv'
    path.write_text(text)
    with pytest.raises(DataError, match=f"'{path}'.*{message}") as info:
        read_poses(str(path))
    assert '\n' not in str(info.value)


@pytest.fixture
def video(tmp_path):
    """Predictions of two networks of one model and of another model."""
    points = track()
    worse = points.copy()
    worse[::3, 0] += [12, -9]
    low = np.full((30, 4), 0.9)
    low[:6] = 0.2
    other = write_csv(tmp_path / 'b.csv', points + [3, 4], scorer='net1')
    return [
        f'dual={write_csv(tmp_path / "a.csv", points)}', f'dual={other}',
        f'sup={write_csv(tmp_path / "c.csv", worse, low)}'
    ]


def write_labels(path, points, joints=JOINTS):
    """Labels in COCO's format, all on images of one size."""
    content = dict(
        images=[
            dict(id=i, file_name=f'{i}.png', width=300, height=300)
            for i in range(len(points))
        ],
        annotations=[
            dict(
                id=i,
                image_id=i,
                category_id=1,
                bbox=[0, 0, 300, 300],
                area=9e4,
                iscrowd=0,
                keypoints=visible(points)[i].ravel().tolist(),
                num_keypoints=4) for i in range(len(points))
        ],
        categories=[dict(id=1, name='mouse', keypoints=joints)])
    path.write_text(json.dumps(content))
    return str(path)


def test_command(video, tmp_path, capsys):
    rng = np.random.default_rng(1)
    # all poses are one that lies anywhere
    poses = track(1) + rng.uniform(0, 100, (20, 1, 2))
    order = [1, 0, 2, 3]
    labels = write_labels(tmp_path / 'l.json', poses[:, order],
                          [JOINTS[i] for i in order])
    out = tmp_path / 'out'
    main(['video-metrics', *video, '--labels', labels, '--out', str(out)])
    said = capsys.readouterr().out
    assert '30 frames, 4 joints' in said
    assert '2 components of 20 labeled poses of 4 joints' in said
    with open(out / 'summary.csv', newline='') as file:
        rows = {
            (row['network'], row['measure'], row['joint']): row
            for row in csv.DictReader(file)
        }
    assert {key[0] for key in rows} == {'dual/net0', 'dual/net1', 'sup'}
    assert float(rows['dual/net0', 'jump', 'all']['mean']) == 5
    assert float(rows['dual/net1', 'disagreement', 'tail']['95%']) == 5
    assert ('sup', 'disagreement', 'all') not in rows
    assert float(rows['sup', 'likelihood', 'all']['low']) == 0.2
    assert float(rows['dual/net0', 'likelihood', 'all']['low']) == 0
    assert rows['sup', 'jump', 'nose']['values'] == '29'
    for measure in ('jump', 'second_difference', 'pose_error'):
        good, bad = (
            float(rows[name, measure, 'nose']['mean'])
            for name in ('dual/net0', 'sup'))
        assert bad > good + 2
    with open(out / 'values_sup.csv', newline='') as file:
        values = list(csv.DictReader(file))
    assert len(values) == 30 * 4
    assert values[12]['frame'] == '3' and values[12]['joint'] == 'nose'
    # three quarters of 15 px, as the other joints give way
    assert float(values[12]['pose_error']) == pytest.approx(11.25)
    assert values[0]['jump'] == ''
    for name in ('frames', 'joints'):
        assert cv2.imread(str(out / f'{name}.png')).std() > 5


def test_mistakes(video, tmp_path, capsys):
    labels = write_labels(tmp_path / 'l.json', plane(20)[0], list('abcd'))
    other = write_csv(tmp_path / 'o.csv', track(), joints=list('abcd'))
    late = write_csv(tmp_path / 'late.csv', track(), frames=range(50, 80))
    for given, message in (
        (['no.csv'], "'no.csv' cannot be read: No such file"),
        ([*video, '--labels', labels], "has no joint 'nose', which is"),
        ([*video, other], "o.csv' has the joints a, b, c, d, but"),
        ([*video, late], 'have no frame in common'),
        ([
            video[0], video[0].replace('dual=', 'a b='),
            video[1].replace('dual=', 'a+b=')
        ], "networks are called 'a_b'"),
    ):
        with pytest.raises(SystemExit) as info:
            main(['video-metrics', *given, '--out', str(tmp_path / 'new')])
        line = capsys.readouterr().err
        assert info.value.code == 1 and line.count('\n') == 1
        assert message in line
    assert not (tmp_path / 'new').exists()
