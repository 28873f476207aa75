# Copyright (c) semipose_mm authors.
"""Tests of what ``semipose check`` says of images."""
import os
import shutil

import pytest
from PIL import Image
from toy_check import (DATASET, LIST, TRAIN, check, edit, first_image, has,
                       make_config, problems)


def test_missing_images(folder):
    path = first_image(folder)
    path.rename(path.with_name(path.name.upper()))
    found = check(make_config(folder))
    assert has(
        found, 'ERROR', rf"{path.name}' does not exist; there is "
        rf'{path.name.upper()} in its place', 'labeled')
    shutil.rmtree(folder / 'images' / 'unlabeled')
    assert has(
        check(make_config(folder)), 'ERROR', 'nor does its folder',
        'unlabeled')


def test_few_unlabeled_images_may_be_bad(folder):
    """Training leaves them out, up to a number."""
    first_image(folder, 'unlabeled').write_bytes(b'')
    found = check(make_config(folder))
    assert has(found, 'warning', 'is empty', 'unlabeled')
    assert not has(found, 'ERROR', '')
    found = check(make_config(folder, **{DATASET + 'max_bad_images': 0}))
    assert has(found, 'ERROR', 'is empty', 'unlabeled')


def test_missing_image_that_nothing_uses(folder):
    edit(
        folder, TRAIN, lambda c: c['images'].append(
            dict(id=4711, file_name='z.jpg', width=5, height=5)))
    found = check(make_config(folder))
    assert has(found, 'note', 'which nothing uses does not exist', 'labeled')
    assert problems(found) == []


def test_link_that_leads_nowhere(folder):
    path = first_image(folder)
    path.unlink()
    path.symlink_to(folder / 'gone.jpg')
    assert has(
        check(make_config(folder)), 'ERROR', 'does not exist', 'labeled')


def test_truncated_image(folder):
    path = first_image(folder, 'val')
    path.write_bytes(path.read_bytes()[:-200])
    found = check(make_config(folder))
    assert has(found, 'ERROR', f'{path.name}.*cannot be read', 'val')
    assert not has(check(make_config(folder), images=0), 'ERROR', '')


def test_image_of_another_size(folder):
    path = first_image(folder)
    with Image.open(path) as image:
        size = image.size
        other = image.resize((size[0] + 1, size[1]))
    other.save(path)
    found = check(make_config(folder))
    assert has(
        found, 'ERROR', f"{path.name}' is {size[0] + 1} x {size[1]} pixels, "
        f'but its annotation file says {size[0]} x {size[1]}')


def test_sample_is_seeded():
    from semipose_mm.data_check.images import sample
    paths = [str(i) for i in range(50)]
    assert sample(paths, 5, 1) == sample(paths[::-1], 5, 1)
    assert sample(paths, 5, 1) != sample(paths, 5, 2)
    assert len(sample(paths, None, 0)) == len(sample(paths, 99, 0)) == 50


def test_same_file_in_training_and_validation(folder):
    cfg = make_config(folder)
    for key in ('ann_file', 'data_prefix'):
        cfg.val_dataloader.dataset[key] = cfg.train_dataloader.dataset.labeled[
            key]
    found = check(cfg, images=0)
    assert has(found, 'ERROR', 'labeled and val have images in common: 5')
    assert has(found, 'ERROR', 'lacks 5 images of', 'evaluation')


@pytest.mark.parametrize('link', [os.symlink, os.link, shutil.copy])
@pytest.mark.parametrize('part', ['train', 'unlabeled'])
def test_image_under_another_name(part, link, folder):
    """Links of both kinds, and copies, of a validation image."""
    path, val = first_image(folder, part), first_image(folder, 'val')
    path.unlink()
    link(val, path)
    name = dict(train='labeled').get(part, part)
    found = check(make_config(folder))
    assert has(found, 'ERROR', f'^{name} and val have .*: 1', 'overlap')
    # without a look into the files, a link is still seen through
    found = check(make_config(folder), images=0)
    assert has(found, 'ERROR', f'^{name} and val have images in common: 1') \
        == (link is os.symlink)


def test_same_names_in_different_folders(folder):
    """Frames are often numbered alike: a note, as the contents differ."""
    found = check(make_config(folder))
    assert has(found, 'note', 'labeled and val have 4 file names in common')
    assert problems(found) == []


def test_labeled_and_unlabeled_may_overlap(folder):
    cfg = make_config(folder)
    unlabeled, labeled = (
        cfg.train_dataloader.dataset[k] for k in ('unlabeled', 'labeled'))
    unlabeled.update(
        ann_file=labeled.ann_file,
        bbox_file=None,
        data_prefix=labeled.data_prefix)
    labeled.indices = 2
    found = check(cfg)
    assert has(found, 'note', 'labeled and unlabeled have images in common: 2')
    assert problems(found) == []


def test_images_of_another_part(folder):
    """Names that every split has lead to images of the wrong one."""
    names = [f'{i}.jpg' for i in range(5)]
    for name, part in ((TRAIN, 'train'), (LIST, 'unlabeled')):
        old = sorted((folder / 'images' / part).iterdir())

        def rename(content):
            for entry in content['images']:
                path = folder / 'images' / part / entry['file_name']
                entry['file_name'] = f'{old.index(path)}.jpg'

        edit(folder, name, rename)
        for i, path in enumerate(old):
            path.rename(path.with_name(f'{i}.jpg'))
    edit(
        folder, LIST, lambda c: c.update(
            images=[i for i in c['images'] if i['file_name'] in names]))
    cfg = make_config(folder)
    part = cfg.train_dataloader.dataset.unlabeled
    part.update(bbox_file=None, ann_file='')
    part.pop('score_thr')
    assert not has(check(cfg), 'warning', 'leads to')
    lines = '\n'.join(names)
    (folder / 'unlabeled.txt').write_text(lines)
    part.update(ann_file='unlabeled.txt', data_prefix=dict(img='images/train'))
    found = check(cfg)
    assert has(found, 'warning', "of '.*unlabeled.txt' are in "
               "'.*images/unlabeled/'", 'unlabeled'), found
