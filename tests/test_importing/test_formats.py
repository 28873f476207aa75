# Copyright (c) semipose_mm authors.
"""Tests of the readers: what each tool's labels become."""
import json
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from import_toys import (CVAT_LABELS, FIRST, NAMES, SECOND, coco_file,
                         cvat_file, cvat_points, dlc_project, flat, paint,
                         studio_file, studio_points, write_table, yolo_folder)

from semipose_mm.data_files import NOTE, WARNING, DataError, Findings
from semipose_mm.importing import import_labels
from semipose_mm.importing.formats import read_source
from semipose_mm.importing.sleap import _folder

EARS = [('left_ear', 'right_ear')]


def read(path, *images, findings=None):
    """Read a source; frames of videos are for its folder ``frames``."""
    return read_source(
        str(path), [str(one) for one in images], str(path.parent / 'frames'),
        findings or Findings())


def people(source):
    """From video and number to the joints of each animal."""
    return {
        (one.video, one.number):
        [pytest.approx(person) for person in one.people]
        for one in source.frames
    }


@pytest.mark.parametrize('animals', [None, ['a', 'b']])
@pytest.mark.parametrize('named', ['', 'config.yaml'])
def test_dlc_project(tmp_path, animals, named):
    project = dlc_project(
        tmp_path / 'p', dict(one=[3, 12], two=[7]), animals=animals)
    source = read(project / named if named else project)
    expected = [flat(FIRST)] + ([flat(SECOND)] if animals else [])
    assert people(source) == {
        ('one', 3): expected,
        ('one', 12): expected,
        ('two', 7): expected
    }
    assert source.names == NAMES
    assert source.skeleton == [('nose', 'left_ear'), ('nose', 'right_ear')]
    assert source.flip_pairs is None and len(source.files) == 2
    assert source.frames[0].path == str(project /
                                        'labeled-data/one/img003.png')


def test_dlc_table_alone(tmp_path):
    paint(tmp_path / 'labeled-data/img01.png')
    write_table(
        tmp_path / 'CollectedData.csv', {
            'labeled-data/img01.png': FIRST,
            'labeled-data/img02.png': [None] * 3
        },
        split=1)
    source = read(tmp_path / 'CollectedData.csv')
    assert people(source) == {(tmp_path.name, 1): [flat(FIRST)]}
    assert dict(source.left_out) == {'frames without a label': 1}
    assert source.skeleton == []


def test_dlc_table_of_a_project_knows_its_skeleton(tmp_path):
    project = dlc_project(tmp_path, dict(one=[3], two=[7]))
    source = read(project / 'labeled-data/two/CollectedData_me.csv')
    assert people(source) == {('two', 7): [flat(FIRST)]}
    assert len(source.skeleton) == 2


def test_dlc_unique_body_parts_are_left_out(tmp_path):
    paint(tmp_path / 'v/img1.png')
    path = tmp_path / 'v/labels.csv'
    path.write_text('scorer,me,me,me,me,me,me\n'
                    'individuals,a,a,b,b,single,single\n'
                    'bodyparts,nose,nose,nose,nose,door,door\n'
                    'coords,x,y,x,y,x,y\nv/img1.png,1,2,3,4,5,6\n')
    findings = Findings()
    source = read(path, findings=findings)
    assert source.names == ['nose']
    assert people(source) == {('v', 1): [[1, 2, 2], [3, 4, 2]]}
    assert 'has door, which belong to no' in findings.lines(WARNING)[0]


@pytest.mark.parametrize('change, message', [
    (('coords,,,x,y', 'coords,,,x,likelihood'), 'likelihoods: it holds pred'),
    (('coords', 'what'), 'is no table of labels: its first rows must be'),
    (('5.5', 'far'), "row 4, nose x is 'far'; it must be a finite number"),
    (('5.5', 'inf'), "row 4, nose x is 'inf'"),
    (('5.5,', ''), 'row 4 has 8 columns; it must have 9'),
    (('img003.png', 'img004.png'), "'labeled-data/one/img004.png' does not"),
])
def test_dlc_faults(tmp_path, change, message):
    project = dlc_project(tmp_path, dict(one=[3]), config=False)
    path = project / 'labeled-data/one/CollectedData_me.csv'
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(DataError, match=message):
        read(path)


def test_dlc_labels_of_two_people(tmp_path):
    project = dlc_project(tmp_path, dict(one=[3]))
    folder = project / 'labeled-data/one'
    (folder / 'CollectedData_you.csv').write_bytes(
        (folder / 'CollectedData_me.csv').read_bytes())
    with pytest.raises(DataError, match='CollectedData_me.csv, CollectedData'):
        read(project)


def test_dlc_h5(tmp_path):
    pandas = pytest.importorskip('pandas')
    pytest.importorskip('tables')
    project = dlc_project(tmp_path, dict(one=[3, 4]))
    path = project / 'labeled-data/one/CollectedData_me.csv'
    table = pandas.read_csv(path, header=[0, 1, 2], index_col=[0, 1, 2])
    table.to_hdf(path.with_suffix('.h5'), key='df_with_missing', mode='w')
    path.unlink()
    source = read(path.with_suffix('.h5'))
    assert people(source) == {
        ('one', 3): [flat(FIRST)],
        ('one', 4): [flat(FIRST)]
    }


def test_dlc_h5_is_read_from_the_csv_beside_it(tmp_path):
    project = dlc_project(tmp_path, dict(one=[3]))
    path = project / 'labeled-data/one/CollectedData_me.h5'
    path.touch()
    findings = Findings()
    assert people(read(path, findings=findings)) == {('one', 3): [flat(FIRST)]}
    assert 'is read from CollectedData_me.csv' in findings.lines(NOTE)[0]


def test_dlc_h5_alone_needs_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tables', None)
    path = tmp_path / 'CollectedData_me.h5'
    path.touch()
    with pytest.raises(DataError, match=r'pip install .semipose_mm\[labels\]'):
        read(path)


def test_coco(tmp_path):
    images = [paint(tmp_path / f'images/walk_{i:03d}.jpg') for i in (4, 5)]
    path = coco_file(
        tmp_path / 'annotations/all.json',
        images,
        skeleton=[[1, 2]],
        flip_pairs=[[2, 3]])
    source = read(path)
    video = f'{tmp_path.name}/walk'
    assert people(source) == {
        (video, 4): [flat(FIRST)],
        (video, 5): [flat(FIRST)]
    }
    assert (source.skeleton, source.flip_pairs,
            source.category) == ([('nose', 'left_ear')], EARS, 'mouse')


def test_coco_of_different_joints(tmp_path):
    path = coco_file(tmp_path / 'a.json', [paint(tmp_path / 'v/1.png')])
    content = json.loads(path.read_text())
    content['categories'][0].pop('keypoints')
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="must have the same 'keypoints'"):
        read(path)


@pytest.mark.parametrize('named', ['', 'data.yaml'])
def test_yolo(tmp_path, named):
    folder = yolo_folder(tmp_path / 'set')
    source = read(folder / named if named else folder)
    assert people(source) == {
        ('set/a_train', 1): [flat(FIRST), flat(SECOND)],
        ('set/a_val', 1): [flat(FIRST)]
    }
    assert (source.names, source.flip_pairs) == (NAMES, EARS)
    assert source.category == 'mouse'
    assert dict(source.left_out) == {'frames without a label': 1}


def test_yolo_without_names_and_visibility(tmp_path):
    folder = yolo_folder(
        tmp_path / 'set',
        kpt_names=None,
        flip_idx=None,
        kpt_shape=[3, 2],
        val=None)
    (folder / 'labels/train/a_train_01.txt'
     ).write_text('0 .5 .5 1 1 0.25 0.5 0 0 0.5 1\n')
    findings = Findings()
    source = read(folder, findings=findings)
    assert people(source) == {
        ('set/a_train', 1): [[10, 15, 2, 0, 0, 0, 20, 30, 2]]
    }
    assert source.names == ['kp0', 'kp1', 'kp2']
    assert source.flip_pairs is None
    assert 'has no kpt_names' in findings.lines(WARNING)[0]


@pytest.mark.parametrize('more, message', [
    (dict(kpt_shape=[3, 4]), r'kpt_shape is \[3, 4\]; it must be the number'),
    (dict(flip_idx=[1, 2, 0]), r'flip_idx is \[1, 2, 0\]'),
    (dict(kpt_names=['a', 'b']), 'it must be 3 different names'),
    (dict(val='nowhere'), "val is 'nowhere'; it must be a folder of images"),
    (dict(kpt_shape=[4, 3], kpt_names=None,
          flip_idx=None), 'line 1 has 14 values; .* 17 in all'),
])
def test_yolo_faults(tmp_path, more, message):
    with pytest.raises(DataError, match=message):
        read(yolo_folder(tmp_path, **more))


def test_label_studio(tmp_path):
    for name in ('walk_01.png', 'walk_02.png', 'walk 03.png', 'rest.png'):
        paint(tmp_path / 'v' / name)
    boxes = [dict(id=one, type='rectanglelabels', value={}) for one in 'ab']
    relation = [
        dict(type='relation', from_id=name, to_id='b') for name in NAMES
    ]
    path = studio_file(
        tmp_path / 'project.json', {
            '/data/upload/3/0a1b2c3d-walk_01.png':
            studio_points(FIRST),
            's3://bucket/v/walk_02.png':
            boxes + studio_points(FIRST, parentID='a') +
            studio_points(SECOND) + relation,
            '/data/local-files/?d=v/walk%2003.png':
            studio_points(SECOND),
            'rest.png': []
        })
    source = read(path)
    assert source.names == NAMES
    assert people(source) == {
        ('v/walk', 1): [flat(FIRST)],
        ('v/walk', 2): [flat(FIRST), flat(SECOND)],
        ('v/walk', 3): [flat(SECOND)]
    }
    assert dict(source.left_out) == {'frames without a label': 1}


def test_label_studio_min(tmp_path):
    paint(tmp_path / 'v/walk_01.png')
    task = dict(
        id=1,
        annotation_id=2,
        annotator=3,
        img='/data/upload/1/0a1b2c3d-walk_01.png',
        kp=[
            dict(
                one['value'],
                original_width=one['original_width'],
                original_height=one['original_height'])
            for one in studio_points(SECOND)
        ])
    path = tmp_path / 'min.json'
    path.write_text(json.dumps([task]))
    source = read(path)
    assert source.names == ['nose', 'right_ear']
    assert people(source) == {('v/walk', 1): [[20, 8, 2, 30.25, 22, 2]]}


@pytest.mark.parametrize('results, message', [
    (studio_points(FIRST) * 2, 'has nose twice in one instance'),
    ([], 'has no keypointlabels'),
    ([dict(type='keypointlabels', value=dict(x=1, keypointlabels=['a']))
      ], 'it must have one label, x and y in percent'),
])
def test_label_studio_faults(tmp_path, results, message):
    paint(tmp_path / 'a.png')
    with pytest.raises(DataError, match=message):
        read(studio_file(tmp_path / 'p.json', {'a.png': results}))


@pytest.mark.parametrize('skeletons', [True, False])
def test_cvat(tmp_path, skeletons):
    for name in ('walk_01.png', 'walk_02.png'):
        paint(tmp_path / 'v' / name)
    groups = ['group_id="1"', 'group_id="2"']
    both = ''.join(
        cvat_points(one, skeletons, group)
        for one, group in zip((FIRST, SECOND), groups))
    path = cvat_file(
        tmp_path / 'annotations.xml', {
            'walk_01.png': both,
            'v/walk_02.png': cvat_points(SECOND, skeletons),
            'gone.png': ''
        }, CVAT_LABELS if skeletons else '')
    source = read(path)
    first = flat(FIRST)
    first[5] = 1  # occluded
    assert source.names == NAMES
    assert people(source) == {
        ('v/walk', 1): [first, flat(SECOND)],
        ('v/walk', 2): [flat(SECOND)]
    }
    assert source.skeleton == ([('nose', 'right_ear')] if skeletons else [])
    assert dict(source.left_out) == {'frames without a label': 1}


@pytest.mark.parametrize('text, message', [
    ('<annotations><track/></annotations>', "is no 'CVAT for images 1.1'"),
    ('<annotations>', 'cannot be read: no element found'),
    ('<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', 'defines entities'),
    ('<annotations><image name="a.png"/></annotations>', 'has no skeleton'),
    ('<annotations><image name="a.png"><points label="b" points="1,2;3,4"/>'
     '</image></annotations>', "b is '2;3'"),
])
def test_cvat_faults(tmp_path, text, message):
    path = tmp_path / 'a.xml'
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path)


@pytest.mark.parametrize('embed', [False, True])
def test_sleap(tmp_path, embed):
    sleap_io = pytest.importorskip('sleap_io')
    video = str(tmp_path / 'walk.mp4')
    writer = cv2.VideoWriter(video, cv2.VideoWriter_fourcc(*'mp4v'), 25,
                             (64, 48))
    for i in range(12):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    skeleton = sleap_io.Skeleton(
        nodes=list(NAMES), edges=[('nose', 'left_ear')], symmetries=list(EARS))

    def animal(kind, points):
        return kind.from_numpy(
            np.array([one or (np.nan, np.nan) for one in points]),
            skeleton=skeleton)

    frames = [
        sleap_io.LabeledFrame(
            video=sleap_io.Video.from_filename(video),
            frame_idx=number,
            instances=[animal(kind, FIRST)])
        for number, kind in ((2, sleap_io.Instance),
                             (5, sleap_io.PredictedInstance),
                             (9, sleap_io.Instance))
    ]
    path = tmp_path / ('labels.pkg.slp' if embed else 'labels.slp')
    sleap_io.Labels(frames).save(str(path), embed=embed)
    source = read(path)
    assert people(source) == {
        ('walk', 2): [flat(FIRST)],
        ('walk', 9): [flat(FIRST)]
    }
    assert (source.names, source.flip_pairs) == (NAMES, EARS)
    assert source.skeleton == [('nose', 'left_ear')]
    frame = source.frames[1]
    assert frame.path == str(tmp_path / 'frames/walk/frame000009.png')
    frame.make(str(tmp_path / 'made.png'))
    made = cv2.imread(str(tmp_path / 'made.png'))
    assert made.shape == (48, 64, 3) and abs(made.mean() - 180) < 5
    import_labels([str(path)], str(tmp_path / 'o'))
    assert (tmp_path / 'o/images/walk/frame000009.png').read_bytes() == (
        tmp_path / 'made.png').read_bytes()


def test_videos_of_one_name_have_folders_of_their_own():
    folders = {}
    names = [
        _folder(SimpleNamespace(filename=name), folders)
        for name in ('day1/cam.mp4', 'cam_3.mp4', 'day2/cam.mp4',
                     'day3/cam.mp4', 'day1/cam.mp4')
    ]
    assert names == ['cam', 'cam_3', 'cam_2', 'cam_4', 'cam']


def test_sleap_needs_an_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sleap_io', None)
    path = tmp_path / 'a.slp'
    path.touch()
    with pytest.raises(DataError, match=r'pip install .semipose_mm\[labels\]'):
        read(path)


@pytest.mark.parametrize('name, message', [
    ('gone.csv', 'does not exist'),
    ('a.zip', "has the ending '.zip'; it must be a DeepLabCut project"),
    ('folder', 'has no yaml file with bodyparts'),
    ('two', 'has CollectedData.csv, CollectedData_new.csv: name the one'),
])
def test_what_is_no_source(tmp_path, name, message):
    (tmp_path / 'a.zip').touch()
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'two').mkdir()
    for one in ('', '_new'):
        (tmp_path / f'two/CollectedData{one}.csv').touch()
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


def test_a_project_of_lightning_pose(tmp_path):
    project = dlc_project(tmp_path, dict(one=[3], two=[3]), config=False)
    tables = sorted(project.glob('labeled-data/*/*.csv'))
    first, second = (one.read_text().splitlines(True) for one in tables)
    (tmp_path / 'CollectedData.csv').write_text(''.join(first + second[3:]))
    found = read(tmp_path)
    assert [one.video for one in found.frames] == ['one', 'two']


def test_an_image_of_another_video_is_not_taken(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(one=[3], two=[3]))
    (project / 'labeled-data/two/img003.png').unlink()
    with pytest.raises(DataError, match='two/img003.png.*--images'):
        read(project)


def test_images_elsewhere(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(one=[3]), config=False)
    (project / 'labeled-data/one/img003.png').rename(
        paint(tmp_path / 'other/one/img003.png'))
    table = project / 'labeled-data/one/CollectedData_me.csv'
    with pytest.raises(DataError, match='name the folder that it lies in by'):
        read(table)
    assert people(read(table, tmp_path / 'other')) == {
        ('one', 3): [flat(FIRST)]
    }
    paint(tmp_path / 'other/two/one/img003.png')
    with pytest.raises(DataError, match='may be .* or .*: name its folder'):
        read(table, tmp_path / 'other')
