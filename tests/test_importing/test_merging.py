# Copyright (c) semipose_mm authors.
"""Tests of labels that come into a folder of labels."""
import json
import shutil

import pytest
from import_toys import (FIRST, SECOND, coco_file, dlc_project, files_of, flat,
                         frames_in, labels_of, paint, videos_in, write_table)

from semipose_mm.data_files import DataError
from semipose_mm.data_files.label_folder import read_manifest
from semipose_mm.files import file_digest
from semipose_mm.importing import import_labels
from semipose_mm.importing.placing import placed
from semipose_mm.importing.source import Frame


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
