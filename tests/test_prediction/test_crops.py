# Copyright (c) semipose_mm authors.
"""Tests of the boxes in which poses are predicted."""
import json

import numpy as np
import pytest

from semipose_mm.data_files import DataError
from semipose_mm.prediction.crops import (FileBoxes, FollowedBoxes,
                                          choose_boxes, clip_box)
from semipose_mm.prediction.media import Media

VIDEO = Media('v.mp4', 'v', [])
FOLDER = Media('f', 'f', ['f/a.png', 'f/b/c.png'])


def choose(given=None, rule=None, media=VIDEO, margin=None, start=None):
    return choose_boxes(given, rule, 'c.py', media, margin, 0.3, start)


def test_boxes_of_rules():
    whole = choose(rule=dict(kind='whole'))
    # the end is that to which MMPose clips annotated boxes
    assert whole.box(0, 100, 50) == (0, 0, 99, 49)
    region = choose(rule=dict(kind='region', region=[10, 20, 30, 90]))
    assert region.box(3, 100, 50) == (10, 20, 30, 29)
    assert choose('10,20,30,90').box(3, 100, 50) == (10, 20, 30, 29)
    # the option comes before the config
    assert choose('whole', region.rule).box(0, 9, 9) == (0, 0, 8, 8)
    follow = choose(rule=dict(kind='keypoints', margin=0.5))
    assert follow.follows and follow.rule['margin'] == 0.5
    assert choose('follow', follow.rule, margin=0.1).rule['margin'] == 0.1


@pytest.mark.parametrize('arguments, message', [
    (dict(), 'c.py has no box_rule, so nothing tells which part'),
    (dict(rule=dict(kind='all')), 'box_rule of c.py'),
    (dict(rule=dict(kind='keypoints', margin=1), media=FOLDER),
     "is of kind 'keypoints', which images do not have yet: give --boxes"),
    (dict(given='follow'), 'give --margin'),
    (dict(given='1,2,3'), '--boxes is 1,2,3, but must be whole, follow, a '),
    (dict(given='1,2,0,4'), '--boxes is 1,2,0,4, but must be'),
    (dict(given='det.json'), 'det.json'),
])
def test_what_is_refused(arguments, message):
    with pytest.raises(DataError) as info:
        choose(**arguments)
    assert message in str(info.value) and '\n' not in str(info.value)


def test_a_region_outside_of_the_image():
    with pytest.raises(DataError, match='100 x 50 pixels'):
        choose('200,20,30,40').box(0, 100, 50)


def detection(image, bbox, score=1.):
    return dict(image_id=image, category_id=1, bbox=bbox, score=score)


def test_detections_of_a_video(tmp_path):
    path = tmp_path / 'det.json'
    path.write_text(
        json.dumps([
            detection(3, [1, 2, 3, 4.5], 0.2),
            detection(3, [5, 6, 7, 8], 0.9),
            detection(3, [0, 0, 2, 2], 0.3),
            detection(0, [-5, 0, 200, 9])
        ]))
    boxes = choose(str(path))
    assert boxes.box(3, 100, 50) == (5, 6, 7, 8)
    # a detection is taken as it is, as in a test
    assert boxes.box(0, 100, 50) == (-5, 0, 200, 9)
    assert boxes.box(1, 100, 50) is None
    note, = boxes.notes
    assert '2 boxes beside the best one' in note


def test_boxes_of_images(tmp_path):
    images = [
        dict(id=7, file_name='b/c.png'),
        dict(id=8, file_name='/data/f/a.png'),
        dict(id=9, file_name='other.png')
    ]
    coco = tmp_path / 'coco.json'
    annotations = [
        dict(id=1, image_id=7, bbox=[10, 10, 500, 20]),
        dict(id=2, image_id=9, bbox=[1, 1, 2, 2])
    ]
    coco.write_text(json.dumps(dict(images=images, annotations=annotations)))
    with pytest.raises(DataError, match='images such as b/c.png, but a vid'):
        FileBoxes(str(coco), VIDEO)
    boxes = FileBoxes(str(coco), FOLDER)
    assert boxes.box(0, 100, 50) is None
    assert boxes.box(1, 100, 50) == (10, 10, 89, 20)

    found = tmp_path / 'det.json'
    found.write_text(json.dumps([detection(8, [1, 2, 3, 4])]))
    with pytest.raises(DataError, match='det.images.json, which does not'):
        FileBoxes(str(found), FOLDER)
    (tmp_path / 'det.images.json').write_text(json.dumps(dict(images=images)))
    boxes = FileBoxes(str(found), FOLDER)
    assert boxes.box(0, 100, 50) == (1, 2, 3, 4)
    with pytest.raises(DataError, match='images such as .*det.images.json'):
        FileBoxes(str(found), VIDEO)
    found.write_text(json.dumps([detection(9, [1, 2, 3, 4])]))
    with pytest.raises(DataError, match='has no box on any image of f'):
        FileBoxes(str(found), FOLDER)


def test_following():
    boxes = FollowedBoxes(0.5, 0.3, (10, 0, 500, 20))
    assert boxes.first(100, 50) == (10, 0, 89, 20)
    pose = np.array([[20, 10, .9], [40, 20, .8], [90, 40, .1]])
    # 20 wide, so 10 longer: 5 at each end
    assert boxes.after(pose, 100, 50) == (15, 5, 30, 20)
    assert boxes.after(pose, 100, 20) == (15, 5, 30, 14)
    assert boxes.after(pose * [1, 1, .3], 100, 50) is None
    one = np.array([[20, 10, 1.], [40, 20, .2], [90, 40, .2]])
    assert boxes.after(one, 100, 50) is None
    assert boxes.after(pose + [500, 0, 0], 100, 50) is None
    with pytest.raises(DataError, match='--start is'):
        FollowedBoxes(0.5, 0.3, (200, 0, 5, 5)).first(100, 50)


def test_nothing_is_left_of_a_box():
    assert clip_box((100, 0, 5, 5), 100, 50) is None
