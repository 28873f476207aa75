# Copyright (c) semipose_mm authors.
"""Tests of ``semipose label-next``: what is written, and read back."""
import csv
import json
import os.path as osp
import shutil
import xml.etree.ElementTree as ET
from collections import Counter
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from import_toys import dlc_project, labels_of, paint, write_table
from next_toys import NAMES, SIZE, toy_poses, write_predictions
from toy_tools import run_command
from video_toys import frame_of, number_of, numbered_video, write_video

from semipose_mm.data_files import WARNING, DataError, Findings
from semipose_mm.importing import import_labels
from semipose_mm.importing.formats import read_source
from semipose_mm.label_next.run import label_next

FRAMES = 60
FILES = {
    'label-studio': 'label_studio.json',
    'cvat': 'cvat.xml',
    'deeplabcut': '',
    'coco': 'coco.json'
}
LINES = [('nose', 'left_ear'), ('nose', 'right_ear')]
EARS = [('left_ear', 'right_ear')]
#: Joints of the chosen frames that are not pre-annotated.
UNSURE = 2


@pytest.fixture(scope='module')
def done(tmp_path_factory):
    """What the command writes for a video some frames of which are labeled.

    The networks disagree the more the later it is after frame 40.
    """
    root = tmp_path_factory.mktemp('next')
    video = numbered_video(root / 'walk.mp4', FRAMES)
    first = toy_poses(FRAMES)
    first[:, UNSURE, 2] = 0.1
    second = first.copy()
    second[40:, :, :2] += np.linspace(2, 8, FRAMES - 40)[:, None, None]
    write_predictions(root / 'predictions', video,
                      dict(net0=first, net1=second))
    # 3 and 44 are trained on, 52 and 56 held out
    project = dlc_project(root / 'p',
                          dict(walk=[3, 10, 20, 30, 35, 36, 37, 44, 52, 56]))
    import_labels([str(project)], str(root / 'labels'))
    run_command('label-next', root / 'predictions', video, '--num', 4, '--gap',
                3, '--pool', 2, '--min-score', 0.2, '--labels',
                root / 'labels', '--out', root / 'out')
    with open(root / 'out/label_next.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    chosen = [int(row['frame']) for row in rows if row['chosen'] == '1']
    return SimpleNamespace(
        root=root,
        out=root / 'out',
        poses=first,
        rows=rows,
        chosen=chosen,
        video=video)


def test_the_table_says_what_became_of_each_frame(done):
    assert [row['frame'] for row in done.rows] == [*map(str, range(FRAMES))]
    reasons = [row['reason'] for row in done.rows]
    assert [i for i, one in enumerate(reasons)
            if one == 'labeled'] == [3, 10, 20, 30, 35, 36, 37, 44, 52, 56]
    assert {i
            for i, one in enumerate(reasons)
            if one == 'would be held out'} == {53, 54, 55}
    assert reasons[43] == 'near to the labeled frame 44'
    assert len(done.chosen) == 4 and all(reasons[i] == 'chosen'
                                         for i in done.chosen)
    # where the networks disagree most
    assert FRAMES - 1 in done.chosen
    for row in done.rows:
        assert (row['image'] != '') == (row['chosen'] == '1')
        assert float(row['value']) == pytest.approx(
            (float(row['disagreement_rank']) + float(row['low_score_rank'])) /
            2,
            abs=1e-5)
        score = done.poses[int(row['frame']), :, 2].mean()
        assert float(row['score']) == pytest.approx(score, abs=1e-5)
    about = json.loads((done.out / 'label_next.json').read_text())
    assert about['networks'] == ['net0', 'net1']
    assert about['images'] == [
        f'labeled-data/walk/img{i:02d}.png' for i in done.chosen
    ]


def test_the_images_are_the_frames(done):
    folder = done.out / 'labeled-data/walk'
    assert sorted(path.name for path in folder.glob('*.png')) == [
        f'img{i:02d}.png' for i in done.chosen
    ]
    for i in done.chosen:
        assert number_of(cv2.imread(str(folder / f'img{i:02d}.png'))) == i


@pytest.mark.parametrize('name, file', FILES.items())
def test_what_is_written_is_read_back(done, name, file):
    findings = Findings()
    source = read_source(str(done.out / file), [], '', findings)
    assert [(one.video, one.number)
            for one in source.frames] == [('walk', i) for i in done.chosen]
    assert sorted(source.names) == sorted(NAMES[:UNSURE] if name ==
                                          'label-studio' else NAMES)
    for frame in source.frames:
        person, = frame.people
        points = np.reshape(person, (-1, 3))
        pose = done.poses[frame.number]
        for joint, point in zip(source.names, points):
            i = NAMES.index(joint)
            expected = [0, 0, 0] if i == UNSURE else [*pose[i, :2], 2]
            assert point == pytest.approx(expected, abs=1e-9)
    assert source.flip_pairs == (EARS if name == 'coco' else None)
    assert source.skeleton == ([] if name == 'label-studio' else LINES)
    told = ' '.join(findings.lines(WARNING))
    if name in ('label-studio', 'coco'):
        assert 'taken as labels' in told


def people_of(folder, part):
    """Labels of a part by the name of the image alone."""
    return {
        osp.basename(name): people
        for name, people in labels_of(folder, part)[1].items()
    }


@pytest.mark.parametrize('file', FILES.values())
def test_the_answer_is_merged_and_the_held_out_part_stays(
        done, file, tmp_path, capsys):
    labels = shutil.copytree(done.root / 'labels', tmp_path / 'labels')
    val, count = people_of(labels, 'val'), len(people_of(labels, 'train'))
    run_command('import', done.out / file, '--out', labels)
    said = capsys.readouterr().out
    assert people_of(labels, 'val') == val
    train = people_of(labels, 'train')
    assert len(train) == count + 4 and not set(train) & set(val)
    assert 'the held-out part is as it was: scores before and after' in said
    assert f'(before: {count} on {count}, {2 * count} joints)' in said
    with open(labels / 'imports.csv', newline='') as file:
        rows = [(row['import'], row['part'], int(row['images']))
                for row in csv.DictReader(file)]
    assert rows == [('1', 'train', count), ('1', 'val', len(val)),
                    ('2', 'train', count + 4), ('2', 'val', len(val))]


def test_a_changed_label_that_is_held_out_is_said(done, tmp_path):
    labels = shutil.copytree(done.root / 'labels', tmp_path / 'labels')
    write_table(
        tmp_path / 'labels.csv',
        {'walk/img056.png': [(1., 2.), (3., 4.), None]},
        split=1)
    again = import_labels([str(tmp_path / 'labels.csv')],
                          str(labels),
                          images=[str(done.root / 'p/labeled-data')])
    assert 'the held-out part is not as it was' in '\n'.join(again.lines())


def test_what_else_tools_need(done):
    """Label Studio's units, and CVAT's places of joints that are not seen."""
    tasks = json.loads((done.out / 'label_studio.json').read_text())
    result = tasks[0]['predictions'][0]['result'][1]
    assert result['original_width'], result['original_height'] == SIZE
    assert result['value']['y'] == pytest.approx(
        100 * done.poses[done.chosen[0], 1, 1] / SIZE[1])
    interface = ET.parse(done.out / 'label_studio.xml').getroot()
    control = interface.find('KeyPointLabels')
    assert [one.get('value') for one in control] == NAMES
    assert {one['from_name']
            for one in tasks[0]['predictions'][0]['result']
            } == {control.get('name')}
    label, = json.loads((done.out / 'cvat_labels.json').read_text())
    root = ET.parse(done.out / 'cvat.xml').getroot()
    assert label['svg'] == root.find('.//svg').text
    assert [one['name'] for one in label['sublabels']] == NAMES
    for skeleton in root.iter('skeleton'):
        assert [one.get('outside') for one in skeleton] == ['0', '0', '1']
    with open(
            done.out / 'labeled-data/walk/CollectedData_semipose.csv',
            newline='') as file:
        head = [row[:4] for row in csv.reader(file)][:4]
    assert head[:3] == [['scorer', '', '', 'semipose'],
                        ['bodyparts', '', '', 'nose'], ['coords', '', '', 'x']]
    assert head[3][:2] == ['labeled-data', 'walk']


def test_deeplabcut_h5(done, tmp_path):
    pandas = pytest.importorskip('pandas')
    pytest.importorskip('tables')
    path = done.out / 'labeled-data/walk/CollectedData_semipose.h5'
    table = pandas.read_hdf(path)
    assert list(table.columns.names) == ['scorer', 'bodyparts', 'coords']
    # how DeepLabCut's conversion of the csv reads it
    again = pandas.read_csv(
        path.with_suffix('.csv'), header=[0, 1, 2], index_col=[0, 1, 2])
    assert list(table.index) == list(again.index)
    assert np.allclose(table.to_numpy(), again.to_numpy(), equal_nan=True)
    alone = shutil.copy(path, done.out / 'labeled-data/walk/alone.h5')
    source = read_source(str(alone), [], '', Findings())
    alone.unlink()
    assert [one.number for one in source.frames] == done.chosen


def test_names_that_xml_and_urls_must_escape(tmp_path):
    names = ['a & b', 'tail "tip"']
    paint(tmp_path / 'day 1%/frame_1.png', size=SIZE)
    poses = np.array([[[5., 6, .5], [7.5, 8, .5]]])
    media = write_predictions(
        tmp_path / 'p', tmp_path / 'day 1%', dict(net0=poses), names=names)
    label_next(str(tmp_path / 'p'), [media], 1, str(tmp_path / 'o'))
    for file in FILES.values():
        source = read_source(str(tmp_path / 'o' / file), [], '', Findings())
        assert source.names == names
        assert source.frames[0].people == [[5, 6, 2, 7.5, 8, 2]]


def test_images_are_copied_and_known_by_their_content(tmp_path):
    for i in range(12):
        paint(tmp_path / f'set/images/walk_{i:03d}.png', size=SIZE)
    (tmp_path / 'other').mkdir()
    rows = {}
    for i, name in ((2, 'x.png'), (7, 'y.png'), (9, 'z.png')):
        shutil.copy(tmp_path / f'set/images/walk_{i:03d}.png',
                    tmp_path / 'other' / name)
        rows[name] = [(1., 2.), (3., 4.), None]
    write_table(tmp_path / 'other/labels.csv', rows, split=1)
    labels = str(tmp_path / 'labels')
    import_labels([str(tmp_path / 'other/labels.csv')], labels)
    poses = toy_poses(12)
    poses[4] = np.nan
    media = write_predictions(tmp_path / 'p', tmp_path / 'set/images',
                              dict(net0=poses))
    done = label_next(
        str(tmp_path / 'p'), [media],
        3,
        str(tmp_path / 'o'),
        formats=['coco'],
        labels=labels,
        gap=1)
    counts = Counter(done.choice.reasons)
    assert counts['labeled'] == 3 and counts['no pose'] == 1
    assert [done.choice.reasons[i] for i in (2, 7, 9)] == ['labeled'] * 3
    for i in done.choice.chosen:
        name = f'walk_{i:03d}.png'
        assert (tmp_path / 'o/labeled-data/set' /
                name).read_bytes() == (tmp_path / 'set/images' /
                                       name).read_bytes()
    assert any('nothing disagrees with it' in one for one in done.lines())
    assert sorted(path.name for path in (tmp_path / 'o').iterdir()) == [
        'coco.json', 'label_next.csv', 'label_next.json', 'labeled-data'
    ]


@pytest.mark.parametrize('change, message', [
    (dict(network='net9'), '--network is net9, but must be one of .* net0, n'),
    (dict(labels='nowhere'), '--labels nowhere is no folder that semipose'),
    (dict(gap=1000), 'no frame is left to choose: of 60, '),
    (dict(out='out'), 'has frames that were chosen before'),
    (dict(predictions='nothing'), 'walk.about.json does not exist: semipose'),
])
def test_what_cannot_be(done, tmp_path, change, message):
    media = write_predictions(
        tmp_path / 'p', done.video,
        dict(net0=done.poses, net1=done.poses + [1, 0, 0]))
    given = dict(
        predictions=str(tmp_path / 'p'),
        num=2,
        labels=str(done.root / 'labels'),
        out=str(tmp_path / 'o'))
    given.update(change)
    if 'out' in change:
        given['out'] = str(done.out)
    with pytest.raises(DataError, match=message):
        label_next(media=[media], **given)
    assert not (tmp_path / 'o').exists()


def test_predictions_of_another_video_or_model_are_refused(done, tmp_path):
    other = numbered_video(tmp_path / 'walk.mp4', 9)
    with pytest.raises(DataError, match='of a video with another content'):
        media = write_predictions(tmp_path / 'q', other, {})
        label_next(str(done.root / 'predictions'), [media], 1, 'o')
    about = tmp_path / 'q/walk.about.json'
    for broken, message in (('{"settings"', 'cannot be read as json'),
                            ('[]', 'is not what semipose predict writes')):
        about.write_text(broken)
        with pytest.raises(DataError, match=f'walk.about.json.* {message}'):
            label_next(str(tmp_path / 'q'), [media], 1, 'o')
    second = numbered_video(tmp_path / 'run.mp4', 9)
    poses = dict(net0=toy_poses(9))
    media = [
        write_predictions(tmp_path / 'p', other, poses),
        write_predictions(
            tmp_path / 'p', second, poses, checkpoint_sha256='x')
    ]
    with pytest.raises(DataError, match='with different checkpoint_sha256'):
        label_next(str(tmp_path / 'p'), media, 1, str(tmp_path / 'o'))


@pytest.mark.parametrize('options, message', [
    (['--num', 0], '--num is 0, but must be at least 1'),
    (['--num', 1, '--weights', 0, 0], '--weights is 0 0, but must be two'),
    (['--num', 1, '--gap', 0], '--gap is 0, but must be at least 1'),
])
def test_options_that_cannot_be(done, refused, options, message):
    assert message in refused('label-next', done.root / 'predictions',
                              done.video, *options)


def test_a_killed_call_leaves_no_frame_of_another_video(tmp_path, monkeypatch):
    out = tmp_path / 'o'

    def choose(day, first, num):
        (tmp_path / day).mkdir(exist_ok=True)
        video = write_video(tmp_path / day / 'walk.mp4',
                            [frame_of(first + i) for i in range(12)])
        media = write_predictions(tmp_path / day / 'p', video,
                                  dict(net0=toy_poses(12)))
        return label_next(
            str(tmp_path / day / 'p'), [media],
            num,
            str(out),
            gap=2,
            formats=['coco']).choice.chosen

    with monkeypatch.context() as patch:
        patch.setattr('semipose_mm.label_next.run.write_all',
                      lambda contents: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            choose('a', 0, 2)
    left = sorted((out / 'labeled-data/walk').iterdir())
    with pytest.raises(DataError, match=r'walk/img\d+.png, which are not'):
        choose('b', 30, 1)
    assert sorted(out.rglob('*.*')) == left
    assert [
        number_of(cv2.imread(str(out / f'labeled-data/walk/img{i:02d}.png')))
        for i in choose('b', 30, 2)
    ] == [30 + int(one.stem[3:]) for one in left]


def test_a_model_predicts_first(trained, tmp_path, capsys):
    video = numbered_video(tmp_path / 'walk.mp4', 12)
    out = tmp_path / 'next'
    run_command('label-next', trained.config, trained.checkpoint, video,
                '--num', 2, '--gap', 2, '--boxes', 'whole', '--device', 'cpu',
                '--format', 'coco', '--out', out)
    said = capsys.readouterr().out
    assert '12 frames: ' in said and '2 chosen' in said
    about = json.loads((out / 'label_next.json').read_text())
    assert about['networks'] == ['net0', 'net1', 'ensemble']
    # they are read, not made again
    run_command('label-next', out / 'predictions', video, '--num', 2, '--gap',
                2, '--format', 'coco', '--out', tmp_path / 'again')
    assert (tmp_path /
            'again/coco.json').read_bytes() == (out /
                                                'coco.json').read_bytes()
