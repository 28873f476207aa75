# Copyright (c) semipose_mm authors.
"""Generated people whose files are altered, and what the checks say."""
import json
import re

from people_toys import own_config

from semipose_mm.data_check import check_data

TRAIN, VAL = 'person_keypoints_train', 'person_keypoints_val'
LIST, BOXES = 'image_info_unlabeled', 'unlabeled_detections'
DATASET = 'train_dataloader.dataset.'
LABELED, UNLABELED = DATASET + 'labeled.', DATASET + 'unlabeled.'


def edit(folder, name, change):
    """Alter an annotation file; a change may return new content."""
    path = folder / 'annotations' / f'{name}.json'
    content = json.loads(path.read_text())
    result = change(content)
    path.write_text(json.dumps(content if result is None else result))


def make_config(folder, **overrides):
    """The config that reads the people, all of them."""
    return own_config(folder, folder / 'run', **{
        f'{UNLABELED}indices': None,
        **overrides
    })


def check(cfg, images=200):
    """Run the checks; findings as (part, mark, text)."""
    report = check_data(cfg, images=images)
    return [(one.name, *found) for one in report.sections
            for found in one.findings]


def problems(found):
    return [one for one in found if one[1] in ('ERROR', 'warning')]


def has(found, mark, text, part=''):
    return any(
        one[0].startswith(part) and one[1] == mark and re.search(text, one[2])
        for one in found)


def first_image(folder, part='train'):
    return min((folder / 'images' / part).iterdir())
