# Copyright (c) semipose_mm authors.
"""Tests of image folders: they are found, or asked for."""
import os
import random
from unicodedata import normalize

import pytest
from PIL import Image

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.image_folders import Wanted, find_image_folder


def draw(folder, names, size=(16, 12)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', size).save(folder / name)


def find(path, names, size=(16, 12), given=None, places=()):
    wanted = Wanted(
        str(path), f'--val {path}', names, [size] * len(names), '--val-images')
    found = find_image_folder(wanted, given and str(given),
                              [*map(str, places)], Findings())
    return os.path.relpath(found, path.parents[1])


NAMES = [f'{i:06d}.png' for i in range(3)]


@pytest.mark.parametrize('file, folder', [
    ('annotations/train.json', 'images/train'),
    ('annotations/val.json', 'images/val'),
    ('annotations/person_keypoints_val.json', 'images/val'),
    ('annotations/instances_validation.json', 'images/val'),
    ('annotations/image_info_unlabeled.json', 'images/unlabeled'),
    ('annotations/test-dev.json', 'images/test-dev'),
    ('annotations/test.json', 'images/test'),
    ('annotations/video2.json', 'images/video2'),
    ('labels/session_video1_final.json', 'images/video1'),
    ('annotations/train2017.json', 'images/train2017'),
])
def test_equal_names(tmp_path, file, folder):
    for one in ('train', 'val', 'unlabeled', 'test', 'test-dev', 'video1',
                'video2', 'train2017'):
        if not (file.endswith('/test-dev.json') and one in ('test', 'val')
                or one == 'train' and '2017' in file):
            draw(tmp_path / 'images' / one, NAMES)
    assert find(tmp_path / file, NAMES) == folder


def test_a_data_set_named_as_one_of_its_folders(tmp_path):
    """Its labels lie beside the images, not below a folder of labels."""
    draw(tmp_path / 'my labels/frames', NAMES)
    path = tmp_path / 'my labels/all.json'
    path.write_text('{}')
    assert find(path, NAMES) == 'my labels/frames'


def test_a_whole_path_that_is_not_there(tmp_path):
    """It has its folder, which no option changes."""
    draw(tmp_path / 'a/frames', NAMES)
    names = [str(tmp_path / 'a/frames' / one) for one in NAMES]
    assert find(tmp_path / 'a/all.json', names) == 'a/frames'
    with pytest.raises(DataError, match='frames/no.png, but it is') as info:
        find(tmp_path / 'a/all.json', [*names, f'{names[0][:-10]}no.png'])
    assert '--val-images' not in str(info.value)


def test_sizes_decide_before_names(tmp_path):
    draw(tmp_path / 'images/train', NAMES, (20, 20))
    draw(tmp_path / 'images/other', NAMES)
    assert find(tmp_path / 'annotations/train.json', NAMES) == 'images/other'
    # without sizes, the name does
    assert find(tmp_path / 'annotations/train.json', NAMES,
                None) == 'images/train'


def test_more_than_one_is_refused_with_all(tmp_path):
    draw(tmp_path / 'images/a', NAMES)
    draw(tmp_path / 'images/b', NAMES)
    path = tmp_path / 'annotations/labels.json'
    with pytest.raises(DataError) as info:
        find(path, NAMES)
    for text in ('images/a and in', 'images/b. Name', '--val-images'):
        assert text in str(info.value)
    assert find(path, NAMES, given=tmp_path / 'images/b') == 'images/b'
    assert find(path, NAMES, places=[tmp_path / 'images/b']) == 'images/b'
    with pytest.raises(DataError):
        find(path, NAMES, places=[tmp_path / 'images'])


def test_all_names_count(tmp_path):
    """The last of many images is only in the right folder."""
    names = [f'{i}.png' for i in range(60)]
    draw(tmp_path / 'images/a', names[:-1])
    draw(tmp_path / 'images/b', names)
    assert find(tmp_path / 'annotations/x.json', names) == 'images/b'


def test_missing_images_are_named(tmp_path):
    draw(tmp_path / 'images/val', [*NAMES[:2], '000002.tif'])
    draw(tmp_path / 'images/other', NAMES[:1])
    path = tmp_path / 'annotations/val.json'
    with pytest.raises(DataError) as info:
        find(path, NAMES)
    assert (f'lists 000002.png, but it is missing in {tmp_path}/images/val; '
            'there is 000002.tif') in str(info.value)
    # a folder of another split has them all, which is chance
    draw(tmp_path / 'images/train', NAMES)
    with pytest.raises(
            DataError, match='000002.png, but it is missing in .*'
            'images/val;'):
        find(path, NAMES)
    for name in os.listdir(tmp_path / 'images/val'):
        os.rename(tmp_path / 'images/val' / name,
                  tmp_path / 'images/val' / f'v{name}')
    with pytest.raises(DataError, match='images/train, but none in .*val'):
        find(path, NAMES)
    with pytest.raises(
            DataError,
            match='lists 1 images, such as x.png, of '
            'which none lies in .* --val-images'):
        find(path, ['x.png'])


def test_a_split_of_the_training_images(tmp_path):
    """Where there is no folder of the split, its images are no doubt."""
    draw(tmp_path / 'images/train', NAMES)
    assert find(tmp_path / 'annotations/val.json', NAMES) == 'images/train'


def test_other_data_sets_are_no_candidates(tmp_path):
    draw(tmp_path / 'mine/images', NAMES[:2])
    draw(tmp_path / 'other/images', NAMES)
    for path in ('mine/annotations/a.json', 'mine/a.json'):
        with pytest.raises(DataError, match='000002.png, but it is missing'):
            find(tmp_path / path, NAMES)
    # below one another, too
    draw(tmp_path / 'mine/images', NAMES)
    draw(tmp_path / 'mine/old/images', NAMES)
    (tmp_path / 'mine/old/annotations').mkdir()
    draw(tmp_path / 'mine/older/images', NAMES)
    (tmp_path / 'mine/older/labels.json').touch()
    assert find(tmp_path / 'mine/annotations/a.json', NAMES) == 'images'


@pytest.mark.parametrize('file, folder', [
    ('a.json', '.'),
    ('a.json', 'images'),
    ('annotations/a.json', '.'),
    ('annotations/v1/a.json', 'data/raw/frames'),
    ('a.json', 'x/y/z'),
])
def test_places_near_the_file(tmp_path, file, folder):
    draw(tmp_path / 'root' / folder, ['s1/0.png', 's2/0.png', '1.png'])
    path = tmp_path / 'root' / file
    found = find(path, ['s1/0.png', 's2\\0.png', '1.png'])
    assert (path.parents[1] / found).resolve() == \
        (tmp_path / 'root' / folder).resolve()


def test_letters_with_marks_and_links(tmp_path):
    draw(tmp_path / 'images', [normalize('NFD', 'Vögel.png')])
    os.symlink('.', tmp_path / 'images/latest')
    os.symlink('images', tmp_path / 'Images2')
    assert find(tmp_path / 'annotations/a.json',
                [normalize('NFC', 'Vögel.png')]) == 'images'


def test_whole_paths(tmp_path):
    draw(tmp_path / 'far/away', NAMES)
    names = [str(tmp_path / 'far/away' / one) for one in NAMES]
    assert find(tmp_path / 'annotations/a.json', names) == 'far/away'


def test_the_folder_holds_all_or_none_is_taken(tmp_path):
    """Whatever lies around: never a folder that lacks an image."""
    pick = random.Random(0)
    for number in range(40):
        root = tmp_path / str(number)
        names = NAMES[:pick.randint(1, 3)]
        folders = pick.sample(
            ['images/train', 'images/val', 'images', 'val', 'frames/v1', '.'],
            pick.randint(1, 4))
        for folder in folders:
            draw(root / folder, pick.sample(names, pick.randint(0,
                                                                len(names))),
                 pick.choice([(16, 12), (16, 12), (9, 9)]))
        stem = pick.choice(['train', 'val', 'labels', 'v1'])
        holding = {
            os.path.normpath(one)
            for one in folders
            if all((root / one / name).is_file() for name in names)
        }
        try:
            found = find(root / f'annotations/{stem}.json', names)
        except DataError as error:
            assert len(holding) != 1 or 'but none' in str(error) or \
                'missing' in str(error)
            continue
        assert found in holding
