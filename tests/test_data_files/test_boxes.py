# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/data_files/boxes.py."""
import numpy as np
import pytest
from toy_labels import coco, entry

from semipose_mm.data_files import ERROR, DataError, Findings
from semipose_mm.data_files.boxes import read_annotations, read_detections
from semipose_mm.data_files.images import read_images

IMAGES = read_images(coco(), 'x', '', Findings())
CATEGORIES = [dict(id=16, name='bird'), dict(id=57, name='chair')]


def found(image_id=1, **fields):
    return dict(
        dict(image_id=image_id, category_id=16, bbox=[1, 2, 3, 4], score=.5),
        **fields)


def test_no_category_is_never_all(write):
    path = write([found(), found(2), found(category_id=57)])
    with pytest.raises(
            DataError,
            match=r'no entry of category_ids=\[1, 0\].*16 \(bird\): 2, 57 '
            r'\(chair\): 1'):
        read_detections(path, 'bbox_file', IMAGES, Findings(), [1, 0],
                        CATEGORIES)
    with pytest.raises(DataError, match=r'category_ids=\[16\].*categories 1'):
        read_annotations(
            coco(entry(0)), 'x', IMAGES, Findings(), category_ids=[16])
    boxes = read_detections(path, 'bbox_file', IMAGES, Findings(), [57, 3])
    assert boxes.entries.tolist() == [2]
    assert boxes.left_out == {'of other categories': 2}


@pytest.mark.parametrize('seed', range(5))
def test_numbers_add_up(write, seed):
    """Whatever is wrong in the entries."""
    rng = np.random.default_rng(seed)
    odd = [
        7,
        found(9),
        found(category_id=None),
        found(bbox=[1, 2, 0, 4]),
        found(bbox='x'),
        found(score=None),
        found(category_id=1),
        found(),
        found(bbox=[1, 2, float('nan'), 4])
    ]
    entries = [odd[i] for i in rng.integers(0, len(odd), 50)] + [found()]
    findings = Findings(False)
    boxes = read_detections(
        write(entries), 'bbox_file', IMAGES, findings, [16])
    assert len(boxes.images) + sum(boxes.left_out.values()) == 51
    assert boxes.left_out['with errors'] == findings.count(ERROR)
    assert boxes.xywh.shape == (len(boxes.scores), 4)


def test_on_images_without_labels():
    none = [0] * 12
    boxes = read_annotations(
        coco(
            entry(0), entry(4, keypoints=none), entry(1, keypoints=none),
            entry(5, keypoints=None), entry(2, keypoints=[3, 3, -1] * 4),
            entry(3, bbox=None, keypoints=none)),
        'x',
        IMAGES,
        Findings(),
        without_labels=True)
    assert boxes.entries.tolist() == [2, 3, 4]
    assert boxes.left_out == {'on images with labels': 2, 'without a box': 1}
