# Copyright (c) semipose_mm authors.
"""COCO keypoints, with scores as in the files of ``semipose predict``."""
from typing import Dict, Sequence

from semipose_mm.files import json_bytes
from semipose_mm.importing.project import coco_category
from ..candidates import Subject
from ..shots import Shot

NAME = 'coco.json'


def contents(shots: Sequence[Shot], subject: Subject) -> Dict[str, bytes]:
    """Write labels in COCO's keypoint format.

    Args:
        shots (Sequence[Shot]): The frames.
        subject (Subject): What is labeled.

    Returns:
        dict[str, bytes]: The file; joints that are not pre-annotated have
        visibility 0.
    """
    category = coco_category(subject.category, subject.names, subject.skeleton,
                             subject.flip_pairs)
    images, annotations = [], []
    for i, shot in enumerate(shots, 1):
        image = dict(
            id=i,
            file_name=shot.file,
            width=shot.size[0],
            height=shot.size[1],
            video=shot.video)
        images.append(
            dict(image, frame=shot.number) if shot.number >= 0 else image)
        annotations.append(
            dict(
                id=i,
                image_id=i,
                category_id=1,
                keypoints=shot.keypoints(),
                num_keypoints=int(shot.given.sum()),
                keypoint_scores=shot.scores.tolist(),
                score=round(float(shot.scores.mean()), 6),
                bbox=list(shot.box),
                area=round(shot.box[2] * shot.box[3], 2),
                iscrowd=0))
    content = dict(
        images=images, annotations=annotations, categories=[category])
    return {NAME: json_bytes(content)}
