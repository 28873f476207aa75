# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/datasets/index_cache.py and unlabeled_reading.py."""
import json
import multiprocessing
import os
import shutil

import numpy as np
import pytest
from mmpose.datasets import CocoDataset
from PIL import Image

from semipose_mm.datasets import (UnlabeledPoseDataset, index_cache,
                                  unlabeled_dataset, unlabeled_reading)

METAINFO = CocoDataset(lazy_init=True).metainfo


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The names of what is kept, in a folder of the test, oldest first."""
    folder = tmp_path / 'cache'
    monkeypatch.setenv(index_cache.VARIABLE, str(folder))
    monkeypatch.setattr(index_cache, 'MIN_BYTES', 0)
    monkeypatch.setattr(index_cache, 'MIN_IMAGES', 0)

    def names():
        files = folder.iterdir() if folder.is_dir() else ()
        return sorted(files, key=lambda file: file.stat().st_mtime_ns)

    return names


@pytest.fixture
def reads(monkeypatch):
    """The sources that were read from their files."""
    found, read = [], unlabeled_reading._read

    def spy(source):
        found.append(source)
        return read(source)

    monkeypatch.setattr(unlabeled_reading, '_read', spy)
    return found


@pytest.fixture
def logged(monkeypatch):
    """The lines that were logged."""
    lines = []
    for module in (unlabeled_dataset, index_cache):
        monkeypatch.setattr(module, 'print_log',
                            lambda text, **kwargs: lines.append(text))
    return lines


def write(folder, images=4, scores=(0.5, 0.25, 0.75)):
    folder.mkdir(exist_ok=True)
    (folder / 'list.json').write_text(
        json.dumps(
            dict(images=[
                dict(id=i, file_name=f'{i}.jpg', width=50, height=40)
                for i in range(images)
            ])))
    boxes = [
        dict(image_id=i, category_id=1, bbox=[i, 2, 30, 20], score=score)
        for i, score in enumerate(scores)
    ]
    boxes.append(dict(image_id=0, category_id=1, bbox=[90, 90, 9, 9], score=1))
    (folder / 'boxes.json').write_text(json.dumps(boxes))


def build(folder, **options):
    options = {
        **dict(
            ann_file='list.json',
            bbox_file='boxes.json',
            data_root=str(folder),
            data_prefix=dict(img='img')),
        **options
    }
    return UnlabeledPoseDataset(metainfo=METAINFO, **options)


def records(dataset):
    return [dataset.data_list[i] for i in range(len(dataset))]


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / 'data')
    return tmp_path / 'data'


class TestHits:

    def test_second_time(self, folder, kept, reads, logged):
        first = build(folder)
        second = build(folder, indices=[2, 0])
        assert len(reads) == 1 and len(kept()) == 1
        assert records(second) == [records(first)[i] for i in (2, 0)]
        assert logged[0] == logged[1]
        assert logged[0].endswith('left out: 1 outside their image')

    def test_same_content(self, folder, kept, reads):
        """Times and names of the files do not matter."""
        build(folder)
        os.utime(folder / 'list.json', (1, 1))
        shutil.move(folder / 'boxes.json', folder / 'others.json')
        build(folder, bbox_file='others.json')
        assert len(reads) == 1

    def test_annotations(self, folder, kept, reads):
        content = json.loads((folder / 'list.json').read_text())
        content['annotations'] = [
            dict(image_id=1, bbox=[1, 2, 3, 4], keypoints=[1, 1, 2])
        ]
        (folder / 'list.json').write_text(json.dumps(content))
        first, second = (
            records(build(folder, bbox_file=None)) for _ in range(2))
        assert first == second and len(reads) == 1


class TestMisses:

    @pytest.mark.parametrize('name, change',
                             [('list.json', dict(images=5)),
                              ('boxes.json', dict(scores=(0.5, 0.25, 0.7)))])
    def test_content(self, folder, kept, reads, name, change):
        build(folder)
        size = (folder / name).stat().st_size
        other = folder.parent / 'other'
        write(other, **change)
        shutil.copy(other / name, folder / name)
        dataset = build(folder)
        assert len(reads) == len(kept()) == 2
        if name == 'boxes.json':
            assert records(dataset)[2]['bbox_score'] == np.float32(0.7)
            assert (folder / name).stat().st_size == size - 1

    @pytest.mark.parametrize('option', [
        dict(category_ids=[1]),
        dict(score_thr=0.3),
        dict(max_per_image=1),
        dict(data_prefix=dict(img='other')),
        dict(allow_outside=True),
    ])
    def test_options(self, folder, kept, reads, option):
        build(folder)
        build(folder, **option)
        build(folder, **option)
        assert len(reads) == len(kept()) == 2

    def test_names_are_judged_anew(self, tmp_path, kept, monkeypatch):
        """A relative root may allow a name in one folder, not in another."""
        for name in ('one', 'two'):
            root = tmp_path / name / 'data'
            root.mkdir(parents=True)
            entry = dict(id=0, file_name=str(tmp_path / 'one/data/0.jpg'))
            (root / 'list.json').write_text(json.dumps(dict(images=[entry])))
            (root / 'boxes.json').write_text(
                json.dumps([dict(image_id=0, bbox=[1, 2, 3, 4], score=1)]))
        monkeypatch.chdir(tmp_path / 'one')
        build('data')
        assert len(kept()) == 1
        monkeypatch.chdir(tmp_path / 'two')
        with pytest.raises(ValueError, match='outside of'):
            build('data')

    def test_faults(self, folder, kept):
        (folder / 'boxes.json').write_text('[{"image_id": 77}]')
        for _ in range(2):
            with pytest.raises(ValueError, match="'image_id' is 77"):
                build(folder)
        with pytest.raises(FileNotFoundError, match='bbox_file'):
            build(folder, bbox_file='none.json')
        assert not kept()

    def test_changed_while_reading(self, folder, kept, monkeypatch):
        read = unlabeled_reading._read

        def read_and_change(source):
            reading = read(source)
            write(folder, scores=(0.5, ))
            return reading

        monkeypatch.setattr(unlabeled_reading, '_read', read_and_change)
        assert len(build(folder)) == 3
        assert not kept()
        assert len(build(folder)) == 1
        assert len(kept()) == 1


class TestImages:

    @pytest.fixture
    def folder(self, tmp_path):
        for name in 'abc':
            path = tmp_path / 'data' / 'img' / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new('RGB', (30, 20)).save(path)
        (tmp_path / 'data' / 'list.txt').write_text('a.png\nc.png\n')
        return tmp_path / 'data'

    @pytest.mark.parametrize('ann_file', ['', 'list.txt'])
    def test_change(self, folder, kept, reads, ann_file):

        def size():
            dataset = build(folder, ann_file=ann_file, bbox_file=None)
            return records(dataset)[0]['bbox'][2:]

        assert size() == size() == (30, 20)
        assert len(reads) == len(kept()) == 1
        Image.new('RGB', (25, 15)).save(folder / 'img' / 'a.png')
        assert size() == size() == (25, 15)
        assert len(reads) == len(kept()) == 2

    def test_other_images(self, folder, kept, reads):
        options = dict(ann_file='', bbox_file=None)
        assert len(build(folder, **options)) == 3
        shutil.copy(folder / 'img' / 'a.png', folder / 'img' / 'd.png')
        assert len(build(folder, **options)) == 4
        (folder / 'list.txt').write_text('a.png\nb.png\n')
        for count in (3, 3):
            build(folder, ann_file='list.txt', bbox_file=None)
            assert len(reads) == len(kept()) == count

    def test_faults(self, folder, kept, reads, logged):
        """What is wrong is said again."""
        (folder / 'img' / 'd.png').write_bytes(b'no image')
        for _ in range(2):
            build(folder, ann_file='', bbox_file=None)
        assert len(reads) == 2 and not kept()
        assert logged[0] == logged[2] and 'd.png' in logged[0]
        os.remove(folder / 'img' / 'a.png')
        with pytest.raises(FileNotFoundError, match='line 1'):
            build(folder, ann_file='list.txt', bbox_file=None)


class TestFolder:

    def test_damage(self, folder, kept, reads, logged):
        expected = records(build(folder))
        path, = kept()
        whole = path.read_bytes()
        np.savez(folder / 'objects.npz', images=np.array([None]))
        objects = (folder / 'objects.npz').read_bytes()
        for content in (b'', b'x' * 1000, whole[:len(whole) // 2], objects):
            logged.clear()
            reads.clear()
            path.write_bytes(content)
            assert records(build(folder)) == expected
            assert 'cannot be used and is made anew' in logged[0]
            assert len(logged) == 2 and len(reads) == 1
            assert path.read_bytes() == whole
        for position in range(0, len(whole), 97):
            damaged = bytearray(whole)
            damaged[position] ^= 0x10
            path.write_bytes(damaged)
            assert records(build(folder)) == expected

    @pytest.mark.parametrize('variable', ['off', None])
    def test_nothing_is_kept(self, folder, tmp_path, monkeypatch, variable):
        """If it is turned off, or of what is read in no time."""
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))
        monkeypatch.delenv(index_cache.VARIABLE, raising=False)
        if variable:
            monkeypatch.setenv(index_cache.VARIABLE, variable)
            monkeypatch.setattr(index_cache, 'MIN_BYTES', 0)
        build(folder)
        assert not (tmp_path / 'home').exists()

    def test_default(self, tmp_path, monkeypatch):
        monkeypatch.delenv(index_cache.VARIABLE, raising=False)
        monkeypatch.setenv('XDG_CACHE_HOME', '')
        monkeypatch.setenv('HOME', '/home/someone')
        home = '/home/someone/.cache/semipose_mm/index'
        assert index_cache.cache_folder() == home
        monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
        assert index_cache.cache_folder().startswith(str(tmp_path))

    def test_cannot_be_written(self, folder, kept, logged, tmp_path):
        (tmp_path / 'cache').write_text('in the way')
        assert len(build(folder)) == 3
        assert len(logged) == 2
        assert 'nothing is kept' in logged[0]

    def test_size_is_bounded(self, folder, kept, monkeypatch):
        for count in (1, 2, 3):
            build(folder, max_per_image=count)
            # clocks of file systems are coarse
            for file in kept():
                os.utime(file, (1, file.stat().st_mtime // 2))
        one, two, three = kept()
        # the oldest is used again
        build(folder, max_per_image=1)
        assert kept()[-1] == one
        monkeypatch.setattr(index_cache, 'MAX_BYTES', 3 * one.stat().st_size)
        (three.parent / 'of_others').write_bytes(bytes(10000))
        # what a process that was killed has left
        left = three.parent / '.123.abc.npz'
        left.write_bytes(b'')
        os.utime(left, (1, 1))
        build(folder, max_per_image=4)
        names = kept()
        assert two not in names and {one, three} < set(names)
        assert len(names) == 4 and not left.exists()
        monkeypatch.setattr(index_cache, 'MAX_BYTES', 1)
        build(folder, max_per_image=5)
        assert [file.suffix for file in kept()] == ['', '.npz']

    def test_many_at_once(self, folder, kept):
        """Each writes whole files, and each may read those of others."""
        reading = unlabeled_reading._read(
            unlabeled_reading.Source(
                str(folder / 'list.json'), str(folder / 'boxes.json'), 'img',
                (), None, False, 0., None))
        expected = list(reading.index)

        def work():
            for _ in range(20):
                index_cache.save('key', reading)
                found = index_cache.load('key')
                assert found is not None and list(found.index) == expected

        context = multiprocessing.get_context('fork')
        workers = [context.Process(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
        assert [file.name for file in kept()] == ['key.npz']
