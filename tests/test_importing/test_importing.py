# Copyright (c) semipose_mm authors.
"""Tests of importing: the split, merging, boxes, and what is written."""
import json
import re
import shutil

import pytest
from import_toys import (FIRST, NAMES, SECOND, SIZE, coco_file, dlc_project,
                         flat, labels_of, paint, studio_file, studio_points,
                         write_table)

from semipose_mm.cli import main
from semipose_mm.data_files import DataError
from semipose_mm.data_files.label_folder import read_manifest
from semipose_mm.files import file_digest
from semipose_mm.importing import import_labels
from semipose_mm.importing.placing import placed
from semipose_mm.importing.source import Frame, video_of
from semipose_mm.importing.split import choose_split, held_out, val_rule

WHOLE = [0, 0, *SIZE]


def videos_in(folder, part):
    """Videos of a part."""
    content, _ = labels_of(folder, part)
    return {one['video'] for one in content['images']}


def frames_in(folder, part):
    """Numbers of the frames of a part."""
    content, _ = labels_of(folder, part)
    return [one['frame'] for one in content['images']]


def files_of(folder):
    """Content of all files below a folder."""
    return {
        path: path.read_bytes()
        for path in folder.rglob('*') if path.is_file()
    }


@pytest.mark.parametrize('path, video, number', [
    ('labeled-data/mouse1/img0012.png', 'mouse1', 12),
    ('mouse1/labeled-data/img12.png', 'mouse1', 12),
    ('day2/images/walk_000004.jpg', 'day2/walk', 4),
    ('day2/frames/frame_7.png', 'day2', 7),
    ('day2/7.png', 'day2', 7),
    ('day2/rat12.png', 'day2', None),
    ('day2/a1f3.png', 'day2', None),
])
def test_video_of(path, video, number):
    assert video_of('/data/' + path) == (video, number)


def test_a_video_leads_nowhere_else():
    frame = Frame('/data/a/img1.png', [], video='../..\\/b/./c')
    assert frame.video == 'b/c'


def frames(**videos):
    """Frames of videos, so many of each."""
    return [
        Frame(f'/data/{video}/img{i}.png', [flat(FIRST)])
        for video, num in videos.items() for i in range(num)
    ]


def test_three_videos_are_split_by_video():
    every = frames(a=10, b=10, c=10, d=10, e=10)
    for seed in range(5):
        split = choose_split(every, None, 0.2, [], seed)
        assert split['rule'] == 'video' and len(split['videos']) == 1
        held = held_out(every, split)
        assert {video for video, _ in held} == set(split['videos'])
        assert len(held) == 10
    chosen = {
        choose_split(every, None, 0.2, [], seed)['videos'][0]
        for seed in range(20)
    }
    assert len(chosen) > 1  # the seed draws


def test_a_video_is_held_out_if_all_are_larger_than_the_share():
    split = choose_split(frames(a=50, b=40, c=60), None, 0.01, [], 0)
    assert split['videos'] == ['b']


@pytest.mark.parametrize('videos', [dict(a=5, b=5, c=5), dict(a=2, b=2)])
def test_something_is_left_to_train_on(videos):
    every = frames(**videos)
    for share in (0.2, 0.9, 0.99):
        held = held_out(every, choose_split(every, None, share, [], 0))
        assert 0 < len(held) < len(every)


def test_fewer_videos_are_split_by_time():
    every = frames(a=20, b=5)
    split = choose_split(every, None, 0.2, [], 0)
    assert split == dict(rule='time', share=0.2, seed=0)
    assert held_out(every, split) == {
        *(('a', f'img{i}.png') for i in range(16, 20)), ('b', 'img4.png')
    }
    few = frames(a=2, b=1)
    assert held_out(few, choose_split(few, None, .1, [],
                                      0)) == {('a', 'img1.png')}


def test_a_random_split_only_if_asked():
    every = frames(a=20)
    split = choose_split(every, 'random', 0.25, [], 3)
    held = held_out(every, split)
    assert len(held) == 5 and held == held_out(every[::-1], split)
    assert held != held_out(every, dict(split, seed=4))


@pytest.mark.parametrize('videos, rule, named, message', [
    (dict(a=1), None, [], 'there are 1 labeled images'),
    (dict(a=5), 'video', [], '--split video needs two videos'),
    (dict(a=5, b=5), None, ['c'], '--val-videos is c; it must be some of a'),
    (dict(a=5, b=5), None, ['b', 'a'], 'and not all'),
])
def test_splits_that_cannot_be(videos, rule, named, message):
    with pytest.raises(DataError, match=message):
        choose_split(frames(**videos), rule, 0.2, named, 0)


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


def test_merging_by_video_keeps_what_is_held_out(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2], b=[5, 6], c=[7]))
    out = tmp_path / 'labels'
    import_labels([str(project)], str(out), val_videos=['b'])
    # the same pictures, copied elsewhere by another tool
    (tmp_path / 'c').mkdir()
    copies = [
        shutil.copy(project / f'labeled-data/{one}', tmp_path / 'c' / name)
        for one, name in (('b/img005.png', 'x.png'), ('a/img001.png', 'y.png'))
    ]
    corrected = coco_file(tmp_path / 'c/corrected.json', copies, points=SECOND)
    more = dlc_project(tmp_path / 'q', dict(b=[9], d=[1]))
    done = import_labels([str(corrected), str(more)], str(out))
    assert (done.added, done.relabeled) == (2, 2)
    _, train = labels_of(out, 'train')
    _, val = labels_of(out, 'val')
    by_name = {
        name.rsplit('/', 2)[-2] + name[-6:-4]: points
        for name, points in [*train.items(), *val.items()]
    }
    first, second = [flat(FIRST)], [flat(SECOND)]
    assert by_name == dict(
        a01=second,
        a02=first,
        b05=second,
        b06=first,
        b09=first,
        c07=first,
        d01=first)
    assert videos_in(out, 'val') == {'b'} and len(val) == 3
    manifest = read_manifest(str(out))
    assert [one['added'] for one in manifest['imports']] == [5, 2]
    assert manifest['imports'][1]['relabeled'] == 2


def test_merging_by_time(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=range(0, 20, 2)))
    out = tmp_path / 'labels'
    done = import_labels([str(project)], str(out))
    assert frames_in(out, 'val') == [16, 18]
    assert any('in a, are 2 apart' in one
               for one in done.findings.lines('warning'))
    more = dlc_project(tmp_path / 'q', dict(a=[3, 15, 17, 25], z=[40]))
    import_labels([str(more)], str(out))
    assert frames_in(out, 'val') == [16, 17, 18]
    assert {3, 15, 25, 40} < set(frames_in(out, 'train'))


def test_what_is_new_is_judged_by_the_span_of_its_video():
    split = dict(rule='time')
    val = frames(a=9)[4:7] + frames(b=1)
    is_held_out = val_rule(split, val[::-1])
    new = frames(a=12, b=2, c=1)
    assert [
        is_held_out(one) for one in new
    ] == 4 * [False] + 3 * [True] + (5 * [False] + [True, False, False])


def test_merging_twice_changes_nothing(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2], b=[5, 6]))
    out = tmp_path / 'labels'
    import_labels([str(project)], str(out), split='random', seed=5)
    before = labels_of(out, 'train'), labels_of(out, 'val')
    done = import_labels([str(project)], str(out))
    assert (done.added, done.relabeled) == (0, 4)
    assert (labels_of(out, 'train'), labels_of(out, 'val')) == before


@pytest.mark.parametrize('option', [
    dict(split='time'),
    dict(val_share=0.3),
    dict(val_videos=['a']),
])
def test_a_held_out_part_cannot_be_chosen_anew(tmp_path, option):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    out = tmp_path / 'labels'
    import_labels([str(project)], str(out))
    with pytest.raises(DataError, match='has a held-out part, which stays'):
        import_labels([str(project)], str(out), **option)


def test_a_failure_leaves_all_as_it_was(tmp_path, monkeypatch):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2]))
    out = tmp_path / 'labels'
    import_labels([str(project)], str(out))
    before = files_of(out)
    other = dlc_project(tmp_path / 'q', dict(b=[3]))
    monkeypatch.setattr('os.replace', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        import_labels([str(other)], str(out))
    assert files_of(out) == before


def test_another_picture_of_the_same_name_is_refused(tmp_path):
    for name in 'pq':
        dlc_project(tmp_path / name, dict(a=[1, 2]))
    both = [str(tmp_path / name) for name in 'pq']
    with pytest.raises(DataError, match='is another picture than'):
        import_labels(both, str(tmp_path / 'o'))
    import_labels(both[:1], str(tmp_path / 'o'))
    with pytest.raises(DataError, match="in the video 'a': rename the folder"):
        import_labels(both[1:], str(tmp_path / 'o'))


def test_a_picture_of_two_sources_is_in_one_part(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2, 3, 4, 5]))
    (tmp_path / 'c').mkdir()
    copy = shutil.copy(project / 'labeled-data/a/img001.png',
                       tmp_path / 'c/img9.png')
    again = coco_file(tmp_path / 'c/again.json', [copy], points=SECOND)
    done = import_labels([str(project), str(again)], str(tmp_path / 'o'))
    assert (done.added, done.relabeled) == (5, 0)
    _, train = labels_of(tmp_path / 'o', 'train')
    _, val = labels_of(tmp_path / 'o', 'val')
    assert len(train) == 4 and len(val) == 1
    assert train['a/img001.png'] == [flat(SECOND)]
    assert any('img9.png, the picture of' in one
               for one in done.findings.lines('warning'))


def test_names_stay_when_images_from_elsewhere_come(tmp_path):
    """A config that was made before reads the same pictures."""
    out = tmp_path / 'a/b/c/o'
    paths = {}
    for i, name in enumerate('pq'):
        project = dlc_project(tmp_path / f'{i}' / name, {name: [1, 2, 3, 4]})
        import_labels([str(project)], str(out))
        before, paths = paths, {
            one['sha256']: one['file_name']
            for part in ('train', 'val')
            for one in labels_of(out, part)[0]['images']
        }
        assert before.items() <= paths.items() and len(paths) == 4 * (i + 1)
    assert all((out / 'images' / one).is_symlink() for one in paths.values())
    (tmp_path / '0').rename(tmp_path / 'moved')
    with pytest.raises(DataError, match='img00..png is no longer there'):
        import_labels([str(project)], str(out))


def test_links_are_no_other_images(tmp_path):
    """The folder of labels may lie beside the export."""
    frames = tmp_path / 'frames'
    for day in 'ab':
        names = ['img1.png', 'img2.png']
        for name in names:
            paint(frames / day / name)
        write_table(
            frames / f'{day}.csv', dict.fromkeys(names, FIRST), split=1)
    out = str(frames / 'labels')
    for _ in range(2):
        done = import_labels([str(frames / 'a.csv')],
                             out,
                             images=[str(frames / 'a')])
    assert (done.added, done.relabeled) == (0, 2)
    (frames / 'b/img1.png').unlink()
    with pytest.raises(DataError, match='img1.png.* does not exist'):
        import_labels([str(frames / 'b.csv')], out, images=[str(frames / 'b')])


def test_a_copy_that_fails_leaves_the_links(tmp_path, monkeypatch):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2, 3]))
    out = tmp_path / 'o'
    import_labels([str(project)], str(out))
    before = files_of(out)
    copyfile = shutil.copyfile

    def fail(source, target):
        if source.endswith('img002.png'):
            raise OSError(28, 'No space left on device')
        return copyfile(source, target)

    monkeypatch.setattr('shutil.copyfile', fail)
    with pytest.raises(DataError, match='No space left'):
        import_labels([str(project)], str(out), copy=True)
    assert files_of(out) == before
    monkeypatch.undo()
    import_labels([str(project)], str(out), copy=True)
    assert not any(path.is_symlink() for path in out.rglob('*'))


@pytest.mark.parametrize('copy', [False, True])
def test_a_link_of_an_earlier_call_is_replaced(tmp_path, copy):
    paths = [str(paint(tmp_path / f'{name}/v/img1.png')) for name in 'ab']
    out = str(tmp_path / 'o')
    for path, copied in zip(paths, (False, copy)):
        with placed([Frame(path, [], digest=file_digest(path))], out, copied):
            pass
    there = tmp_path / 'o/v/img1.png'
    assert file_digest(str(there)) == file_digest(paths[1])
    assert there.is_symlink() != copy
    if copy:
        first = Frame(paths[0], [], digest=file_digest(paths[0]))
        with pytest.raises(DataError, match='o/v/img1.png is another picture'):
            with placed([first], out, False):
                pass


def test_copied_images_can_be_moved(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=[1, 2], b=[3]))
    import_labels([str(project)], str(tmp_path / 'o'), copy=True)
    shutil.rmtree(project)
    (tmp_path / 'o').rename(tmp_path / 'moved')
    manifest = read_manifest(str(tmp_path / 'moved'))
    assert manifest['images'] == str(tmp_path / 'moved/images')
    _, train = labels_of(tmp_path / 'moved', 'train')
    assert all((tmp_path / 'moved/images' / one).is_file() for one in train)
    more = dlc_project(tmp_path / 'p', dict(a=[2, 9]))
    done = import_labels([str(more)], str(tmp_path / 'moved'), copy=True)
    assert (done.added, done.relabeled) == (1, 1)
    assert (tmp_path / 'moved/images/a/img009.png').is_file()


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


def test_weights_are_kept_until_a_label_is_corrected(tmp_path):
    images = [paint(tmp_path / f'v/img{i}.png') for i in range(4)]
    path = coco_file(tmp_path / 'pseudo.json', images)
    content = json.loads(path.read_text())
    for number, one in enumerate(content['annotations'][:3]):
        one['keypoint_weights'] = [number / 8, 0.5, 1]
    path.write_text(json.dumps(content))
    out = tmp_path / 'out'
    import_labels([str(path)], str(out))

    def weights():
        return [
            one.get('keypoint_weights') for part in ('train', 'val')
            for one in labels_of(out, part)[0]['annotations']
        ]

    assert weights() == [[0, 0.5, 1], [0.125, 0.5, 1], [0.25, 0.5, 1], None]
    again = coco_file(tmp_path / 'corrected.json', images[:1], SECOND)
    import_labels([str(again)], str(out))
    assert weights() == [None, [0.125, 0.5, 1], [0.25, 0.5, 1], None]


def test_labels_with_weights_stay_behind_those_without(tmp_path):
    project = dlc_project(tmp_path / 'p', dict(a=range(0, 20, 2)))
    out = tmp_path / 'labels'
    import_labels([str(project)], str(out))
    images = [paint(tmp_path / f'q/a/img{i:03d}.png') for i in (30, 17, 2, 18)]
    for one in images[2:]:
        shutil.copy(project / 'labeled-data/a' / one.name, one)
    path = coco_file(tmp_path / 'q/a/pseudo.json', images, SECOND)
    content = json.loads(path.read_text())
    for one in content['annotations']:
        one['keypoint_weights'] = [0.5, 0, 1]
    path.write_text(json.dumps(content))
    done = import_labels([str(path)], str(out))
    assert (done.added, done.relabeled) == (1, 0)
    assert any('none of 3 images' in one
               for one in done.findings.lines('warning'))
    assert frames_in(out, 'val') == [16, 18]
    assert frames_in(out, 'train') == [*range(0, 16, 2), 30]
    *others, last = (
        one for part in ('val', 'train')
        for one in labels_of(out, part)[0]['annotations'])
    assert all(one['keypoints'] == flat(FIRST) for one in others)
    assert not any('keypoint_weights' in one for one in others)
    assert last['keypoint_weights'] == [0.5, 0, 1]
