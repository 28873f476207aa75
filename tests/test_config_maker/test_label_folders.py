# Copyright (c) semipose_mm authors.
"""Configs for a folder that ``semipose import`` wrote: it tells the rest."""
import json
import shutil

import pytest
from mmengine.config import Config
from own_toys import BASE, NAMES, draw, frames, labels, make, save

from semipose_mm.cli import main
from semipose_mm.data_files import WARNING, DataError
from semipose_mm.importing import import_labels


@pytest.fixture
def data(tmp_path):
    """Labels of a tool, and images without."""
    draw(tmp_path / 'images', frames(6))
    draw(tmp_path / 'more', frames(4))
    save(tmp_path / 'labels.json', labels(frames(6)))
    return tmp_path


def imported(data, **options):
    """The folder of the labels."""
    import_labels([str(data / 'labels.json')],
                  str(data / 'mice'),
                  images=[str(data / 'images')],
                  **options)
    return str(data / 'mice')


def test_region(data, monkeypatch):
    folder = imported(
        data, box_rule=dict(kind='region', region=[4, 6, 150, 900]))
    monkeypatch.chdir(data)
    main([
        'config', folder, '--base', BASE, '--unlabeled',
        str(data / 'more'), '--recipe', 'supervised', '--no-timing'
    ])
    cfg = Config.fromfile('supervised_mice.py')
    assert cfg.box_rule == dict(kind='region', region=[4, 6, 150, 900])
    assert cfg.labeled_data.ann_file == f'{folder}/annotations/train.json'
    assert cfg.val_data.ann_file == f'{folder}/annotations/val.json'
    assert cfg.val_data.data_prefix.img == f'{folder}/images/'
    # nothing around the region is shown
    assert cfg.box == dict(type='GetBBoxCenterScale', padding=1.)
    assert cfg.val_dataloader.dataset.pipeline[1] == cfg.box
    content = json.loads((data / 'supervised_mice_unlabeled.json').read_text())
    truth = json.loads((data / 'mice/annotations/train.json').read_text())
    box = truth['annotations'][0]['bbox']
    assert box[:3] == [4, 6, 150]
    assert [one['bbox'] for one in content['annotations']] == [box] * 4
    assert cfg.unlabeled_data.ann_file == str(data /
                                              'supervised_mice_unlabeled.json')


@pytest.mark.parametrize('copy', [False, True])
def test_images_that_validate_are_left_out(data, copy):
    folder = imported(
        data, box_rule=dict(kind='region', region=[4, 6, 150, 110]), copy=copy)
    made = make(
        data / 'out.py', labeled=folder, unlabeled=str(data / 'images'))
    assert made.plan.data.num_unlabeled == 5
    assert not (data / 'out_unlabeled.txt').exists()
    content = json.loads((data / 'out_unlabeled.json').read_text())
    held = json.loads((data / 'mice/annotations/val.json').read_text())
    names = {one['file_name'] for one in content['images']}
    assert len(names) == 5
    [out] = held['images']
    assert names | {out['file_name'].rpartition('/')[2]} == set(frames(6))


def test_boxes_around_keypoints(data):
    folder = imported(data, box_rule=dict(kind='keypoints', margin=.25))
    made = make(data / 'out.py', labeled=folder, unlabeled=str(data / 'more'))
    assert any('those of the labels lie around their keypoints' in one
               for one in made.findings.lines(WARNING))
    cfg = Config.fromfile(made.config)
    assert cfg.box_rule == dict(kind='keypoints', margin=.25)
    assert 'ann_file' not in cfg.unlabeled_data


def test_moved_images_and_other_labels_that_validate(data):
    folder = imported(data, copy=True)
    shutil.move(folder, data / 'moved')
    val = save(data / 'other.json', labels(frames(3)))
    made = make(
        data / 'out.py',
        labeled=str(data / 'moved'),
        val=val,
        val_images=str(data / 'images'))
    cfg = Config.fromfile(made.config)
    assert cfg.labeled_data.data_prefix.img.startswith(f'{data}/moved/images/')
    assert cfg.val_data.ann_file == val
    assert made.plan.data.keypoints.names == NAMES
    assert cfg.box_rule == dict(kind='whole')


def test_a_region_outside_of_unlabeled_images(data):
    folder = imported(
        data, box_rule=dict(kind='region', region=[20, 2, 130, 110]))
    draw(data / 'small', frames(2), size=(16, 16))
    with pytest.raises(DataError, match='gives no box inside of an image of'):
        make(data / 'out.py', labeled=folder, unlabeled=str(data / 'small'))


@pytest.mark.parametrize('labels, message', [
    ([], 'labels are missing: name a folder or --labeled'),
    (['a', '--labeled', 'b.json'], 'a and --labeled both name labels'),
])
def test_labels_are_named_once(capsys, labels, message):
    with pytest.raises(SystemExit):
        main(['config', *labels, '--base', BASE])
    assert message in capsys.readouterr().err
