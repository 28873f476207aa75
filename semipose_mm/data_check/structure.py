# Copyright (c) semipose_mm authors.
"""How serious a flaw of a file is for the dataset that reads it."""
from typing import List

from .findings import ERROR, NOTE, OK, WARNING, Finding
from .tables import Table

MMPOSE, UNLABELED, DETECTIONS, MPII = READERS = ('mmpose', 'unlabeled',
                                                 'detections', 'mpii')

# kind of a problem: text, then its level for each of the readers; None where
# the reader does not look at it
PROBLEMS = {
    'no dict': ('entries that are no dict', ERROR, ERROR, ERROR, ERROR),
    'image id':
    ('images whose id is neither integer nor text', ERROR, ERROR, None, None),
    'image id text':
    ('images whose id is no integer', ERROR, None, None, None),
    'image id twice': ('images with the id of an earlier one', ERROR, ERROR,
                       None, None),
    'file_name': ('images without a file name', ERROR, ERROR, None, None),
    'file_name twice': ('images with the file name of an earlier one', WARNING,
                        WARNING, None, None),
    'no size': ('images without width and height', ERROR, NOTE, None, None),
    'size': ('images whose width and height are not positive numbers', ERROR,
             ERROR, None, None),
    'mpii image':
    ("entries whose 'image' is no file name that begins with a number", None,
     None, None, ERROR),
    'id': ('annotations without an id', ERROR, None, None, None),
    'id twice': ('annotations with the id of an earlier one', ERROR, WARNING,
                 None, None),
    'category': ('entries without category_id', ERROR, NOTE, ERROR, None),
    'no image': ('boxes of no image in the list', WARNING, ERROR, ERROR, None),
    'no box': ('entries without a box', NOTE, ERROR, ERROR, None),
    'box': ('boxes that are not made of finite numbers', ERROR, ERROR, ERROR,
            ERROR),
    'no keypoints': ('annotations without keypoints', NOTE, None, None, None),
    'keypoints':
    ('keypoints that are not x, y, visibility of each joint in finite '
     'numbers', ERROR, None, None, ERROR),
    'score': ('detections whose score is no finite number', None, None, ERROR,
              None),
}


def check_structure(table: Table, reader: str) -> List[Finding]:
    """Report the flaws of a file.

    Args:
        table (Table): The table of the file.
        reader (str): One of :data:`READERS`: a COCO-style dataset of MMPose,
            ``UnlabeledPoseDataset``, either of them for detections, or
            ``MpiiDataset``.

    Returns:
        list[Finding]: The findings.
    """
    if table.fatal:
        return [Finding(ERROR, f'{table.path} {table.fatal}')]
    found = []
    for kind, (text, *levels) in PROBLEMS.items():
        level = levels[READERS.index(reader)]
        if level is not None:
            found += table.tally.finding(kind, level, text)
    return found or [Finding(OK, f'{table.path} is well formed')]


def check_evaluation_file(table: Table, use_area: bool) -> List[Finding]:
    """Check what COCO's evaluation needs beside what the dataset reads.

    Args:
        table (Table): The table of the annotation file.
        use_area (bool): ``use_area`` of the metric.

    Returns:
        list[Finding]: The findings.
    """
    found = []
    if not table.annotated:
        found.append(Finding(ERROR, f"{table.path} has no 'annotations'"))
    for count, name in ((table.without_num, 'num_keypoints'),
                        (table.without_area if use_area else 0, 'area')):
        if count:
            hint = '; set use_area=False' if name == 'area' else ''
            found.append(
                Finding(
                    ERROR, f'{count:,} annotations of {table.path} have no '
                    f"'{name}', which CocoMetric needs{hint}"))
    return found
