# Copyright (c) semipose_mm authors.
"""Tests of importing: the command, boxes, joints, and what is written."""
import json
import re

import pytest
from import_toys import (FIRST, NAMES, SECOND, SIZE, dlc_project, flat,
                         frames_in, labels_of, paint, studio_file,
                         studio_points, videos_in, write_table)

from semipose_mm.cli import main
from semipose_mm.data_files import DataError
from semipose_mm.data_files.label_folder import read_manifest
from semipose_mm.importing import import_labels

WHOLE = [0, 0, *SIZE]


def test_command(tmp_path, capsys):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2], b=[5, 6], c=[7]))
    out = tmp_path / 'labels'
    main([
        'import',
        str(project), '--out',
        str(out), '--val-videos', 'b', '--box', 'keypoints', '--margin', '0'
    ])
    said = capsys.readouterr().out
    assert 'DeepLabCut or Lightning Pose, 5 labeled images' in said
    assert 'held out by video: b; 5 new images, 0 relabeled' in said
    assert 'warning' not in said
    train, people = labels_of(out, 'train')
    val, _ = labels_of(out, 'val')
    assert people == {
        name: [flat(FIRST)]
        for name in ('a/img001.png', 'a/img002.png', 'c/img007.png')
    }
    assert videos_in(out, 'val') == {'b'}
    ids = [one['id'] for one in train['images'] + val['images']]
    assert len(set(ids)) == 5
    assert train['categories'] == val['categories'] == [
        dict(id=1, name='animal', keypoints=NAMES, skeleton=[[1, 2], [1, 3]])
    ]
    assert train['annotations'][0]['bbox'] == [4.5, 5, 6.5, 8]
    manifest = read_manifest(str(out))
    assert manifest['images'] == str(tmp_path / 'labels/images')
    assert manifest['box_rule'] == dict(kind='keypoints', margin=0)
    assert manifest['split'] == dict(
        rule='video', share=0.2, seed=0, videos=['b'])
    assert manifest['counts']['train'] == dict(
        images=3, instances=3, labeled_joints=6, videos=2)
    [made] = manifest['imports']
    assert made['sources'][0]['images'] == made['added'] == 5


@pytest.mark.parametrize('options, message', [
    (['--margin', '1'], '--margin needs --box keypoints'),
    (['--region', *'1234', '--box', 'whole'], '--region cannot be used'),
    (['--margin', '-1', '--box', 'keypoints'], 'argument --margin'),
    (['--val-share', '1'], '--val-share is 1; it must be above 0 and below'),
    (['--images', 'nowhere'], '--images nowhere is no folder'),
    (['--region', '90', '90', '5', '5'], 'gives no box inside of an image'),
    (['--region', '0', '0', '0', '5'], 'region is .*; it must be x, y, width'),
])
def test_calls_that_cannot_be(tmp_path, capsys, options, message):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    with pytest.raises(SystemExit):
        main(['import', str(project), '--out', str(tmp_path / 'o'), *options])
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert re.search(message, said), said
    assert not (tmp_path / 'o/manifest.json').exists()


def test_boxes_of_several_animals(tmp_path):
    project = dlc_project(
        tmp_path / 'p', dict(a=[1, 2]), animals=['one', 'two'])
    done = import_labels([str(project)], str(tmp_path / 'o'))
    assert done.project.box_rule == dict(kind='keypoints', margin=0.25)
    content, people = labels_of(tmp_path / 'o', 'train')
    assert people == {'a/img001.png': [flat(FIRST), flat(SECOND)]}
    assert content['annotations'][1]['bbox'] == pytest.approx(
        [20 - 1.75, 8 - 1.75, 10.25 + 3.5, 14 + 3.5])
    with pytest.raises(DataError, match='has 2 labeled instances, and 1 more'):
        import_labels([str(project)],
                      str(tmp_path / 'o'),
                      box_rule=dict(kind='whole'))


def test_a_new_box_rule_is_that_of_all(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2], b=[3]))
    done = import_labels([str(project)], str(tmp_path / 'o'))
    content, _ = labels_of(tmp_path / 'o', 'train')
    assert {tuple(one['bbox'])
            for one in content['annotations']} == {tuple(WHOLE)}
    assert any('span 15% of the longer' in one
               for one in done.findings.lines('warning'))
    more = dlc_project(tmp_path / 'q', dict(c=[1]))
    rule = dict(kind='region', region=[1, 2, 30, 20])
    done = import_labels([str(more)], str(tmp_path / 'o'), box_rule=rule)
    assert not any('outside of the region' in one
                   for one in done.findings.lines('warning'))
    import_labels([str(more)], str(tmp_path / 'o'))  # and stays
    content, _ = labels_of(tmp_path / 'o', 'train')
    assert [one['bbox'] for one in content['annotations']
            ] == [[1, 2, 30, 20]] * len(content['annotations'])
    assert read_manifest(str(tmp_path / 'o'))['box_rule'] == rule


def test_joints_outside_of_the_region(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    rule = dict(kind='region', region=[0, 7, 30, 20])
    done = import_labels([str(project)], str(tmp_path / 'o'), box_rule=rule)
    assert any('img001.png has labeled joints outside of the region' in one
               for one in done.findings.lines('warning'))
    rule = dict(kind='region', region=[0, 0, 900, 20])
    done = import_labels([str(project)], str(tmp_path / 'q'), box_rule=rule)
    assert any('pixels: the region [0, 0, 900, 20] is cut to it' in one
               for one in done.findings.lines('warning'))


def test_joints_of_sources_are_brought_into_one_order(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    paint(tmp_path / 's/b_1.png')
    studio = studio_file(tmp_path / 's/labels.json',
                         {'b_1.png': studio_points(SECOND)[::-1]})
    done = import_labels([str(project), str(studio)], str(tmp_path / 'o'))
    _, train = labels_of(tmp_path / 'o', 'train')
    assert [flat(SECOND)] in train.values()
    assert any('has no left_ear: not labeled there' in one
               for one in done.findings.lines('warning'))
    write_table(
        tmp_path / 's/more.csv', {'b_1.png': FIRST},
        names=['nose', 'tail', 'left_ear'],
        split=1)
    with pytest.raises(DataError, match='has the keypoints tail; allowed are'):
        import_labels([str(tmp_path / 's/more.csv')], str(tmp_path / 'o'))


def test_a_joint_outside_of_its_image_is_not_labeled(tmp_path):
    for i in (1, 2):
        paint(tmp_path / f'v/img{i}.png')
    outside = [(5., 6.), (SIZE[0] + 2., 3.), (SIZE[0] + .5, 30.)]
    write_table(
        tmp_path / 'v/labels.csv', {
            'img1.png': FIRST,
            'img2.png': outside
        },
        split=1)
    done = import_labels([str(tmp_path / 'v/labels.csv')], str(tmp_path / 'o'))
    _, val = labels_of(tmp_path / 'o', 'val')
    assert val == {'v/img2.png': [flat([outside[0], None, outside[2]])]}
    assert any('has left_ear at 42, 3, outside of its 40 x 30' in one
               for one in done.findings.lines('warning'))


def test_broken_images_are_refused(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    image = project / 'labeled-data/a/img002.png'
    image.write_bytes(image.read_bytes()[:-40])
    with pytest.raises(DataError, match='img002.png'):
        import_labels([str(project)], str(tmp_path / 'o'))
    assert not (tmp_path / 'o').exists()


@pytest.mark.parametrize('change, message', [
    (dict(format='x'), "manifest.json, format is 'x'; it must be"),
    (dict(split=None), 'manifest.json, split is None; it must be a dict'),
    (dict(box_rule=dict(kind='x')), 'manifest.json, box_rule is'),
])
def test_manifests_that_cannot_be_read(tmp_path, change, message):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    import_labels([str(project)], str(tmp_path / 'o'))
    path = tmp_path / 'o/manifest.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match=message):
        import_labels([str(project)], str(tmp_path / 'o'))


def test_real_labels_of_lightning_pose(tmp_path, data_root):
    table = data_root / 'mirror_mouse/CollectedData.csv'
    if not table.is_file():
        pytest.skip('needs mirror_mouse')
    done = import_labels([str(table)], str(tmp_path))
    counts = done.project.counts()
    assert counts['train']['images'] == 72 and counts['val']['images'] == 18
    assert frames_in(tmp_path, 'val')[0] > max(frames_in(tmp_path, 'train'))
    assert len(done.project.names) == 17
