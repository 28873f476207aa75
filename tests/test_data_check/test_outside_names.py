# Copyright (c) semipose_mm authors.
"""Tests of file names that lead out of the data, in tools/dataset."""
import json
import os
import shutil

import pytest
from people_toys import own_config

from semipose_mm.data_check import check_data

TRAIN, VAL = 'person_keypoints_train', 'person_keypoints_val'
LIST = 'image_info_unlabeled'
KEY = 'train_dataloader.dataset.'


@pytest.fixture
def folder(people_root, tmp_path):
    """A copy of generated people, with a picture outside of it."""
    folder = shutil.copytree(people_root, tmp_path / 'people')
    image = next((folder / 'images').rglob('*.jpg'))
    shutil.copy(image, tmp_path / 'secret.jpg')
    return folder


def lead_outside(folder, name):
    """Let the first image of a file be the one outside."""
    path = folder / 'annotations' / f'{name}.json'
    content = json.loads(path.read_text())
    content['images'][0]['file_name'] = str(folder.parent / 'secret.jpg')
    path.write_text(json.dumps(content))


def outside(cfg):
    """The findings about names that lead outside, and what was opened."""
    sections = check_data(cfg, images=None).sections
    found = [(one.name, mark) for one in sections
             for mark, text in one.findings if 'outside of' in text]
    paths = [path for one in sections for path in one.paths]
    return found, [path for path in paths if path.endswith('secret.jpg')]


class TestCheckData:

    @pytest.mark.parametrize('name, part, level', [
        (TRAIN, 'labeled', 'ERROR'),
        (LIST, 'unlabeled', 'ERROR'),
        (VAL, 'val', 'warning'),
    ])
    def test_reported_and_not_opened(self, folder, name, part, level):
        lead_outside(folder, name)
        assert outside(own_config(folder,
                                  folder / 'run')) == ([(part, level)], [])

    @pytest.mark.parametrize('name, key', [
        (TRAIN, f'{KEY}allow_outside'),
        (LIST, f'{KEY}allow_outside'),
        (LIST, f'{KEY}unlabeled.allow_outside'),
    ])
    def test_allowed(self, folder, name, key):
        lead_outside(folder, name)
        cfg = own_config(folder, folder / 'run', **{
            key: True,
            f'{KEY}unlabeled.indices': None
        })
        found, opened = outside(cfg)
        assert found == [] and len(opened) == 1


class TestDetectPersons:

    @pytest.mark.parametrize('ending', ['json', 'txt'])
    @pytest.mark.parametrize('name', ['{}/secret.jpg', '../../secret.jpg'])
    def test_refused_unless_allowed(self, folder, ending, name):
        from semipose_mm.data_files import DataError
        from semipose_mm.detection.input import read_source
        name = name.format(folder.parent)
        inside = sorted(os.listdir(folder / 'images'))[0]
        path, root = folder / f'list.{ending}', str(folder / 'images')
        if ending == 'txt':
            path.write_text(f'{root}/{inside}\n{name}\n')
        else:
            path.write_text(
                json.dumps(
                    dict(images=[
                        dict(id=i, file_name=n)
                        for i, n in enumerate([inside, name])
                    ])))
        with pytest.raises(DataError) as error:
            read_source(str(path), root)
        text = str(error.value)
        assert name in text and '--allow-outside allows it' in text
        source = read_source(str(path), root, allow_outside=True)
        assert len(source.names) == 2
