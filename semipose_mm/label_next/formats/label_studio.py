# Copyright (c) semipose_mm authors.
"""Label Studio: tasks with predictions, and the labeling interface.

https://labelstud.io/guide/predictions has the format,
https://labelstud.io/tags/keypointlabels the units.
"""
from typing import Dict, Sequence
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from semipose_mm.files import json_bytes
from ..candidates import Subject
from ..shots import Shot

TASKS, INTERFACE = 'label_studio.json', 'label_studio.xml'
#: Names in the interface, which results refer to.
FROM, TO = 'keypoints', 'image'
#: Diameter of a point in percent of the image.
WIDTH = 0.75


def contents(shots: Sequence[Shot], subject: Subject,
             model: str) -> Dict[str, bytes]:
    """Write tasks, whose images Label Studio serves as local files.

    Args:
        shots (Sequence[Shot]): The frames.
        subject (Subject): What is labeled.
        model (str): ``model_version`` of the predictions.

    Returns:
        dict[str, bytes]: The tasks and the interface.
    """
    tasks = [
        dict(
            data={TO: f'/data/local-files/?d={quote(shot.file)}'},
            predictions=[
                dict(
                    model_version=model,
                    score=round(float(shot.scores.mean()), 6),
                    result=_results(shot, subject.names))
            ]) for shot in shots
    ]
    labels = ''.join(f'    <Label value={quoteattr(name)}/>\n'
                     for name in subject.names)
    interface = (f'<View>\n  <Image name="{TO}" value="${TO}" zoom="true" '
                 f'zoomControl="true"/>\n  <KeyPointLabels name="{FROM}" '
                 f'toName="{TO}">\n{labels}  </KeyPointLabels>\n</View>\n')
    return {TASKS: json_bytes(tasks), INTERFACE: interface.encode()}


def _results(shot: Shot, names: Sequence[str]) -> list:
    """The joints of a frame; x and y are percent of the image."""
    (width, height), points = shot.size, shot.points.tolist()
    return [
        dict(
            id=f'joint{i}',
            type='keypointlabels',
            from_name=FROM,
            to_name=TO,
            original_width=width,
            original_height=height,
            image_rotation=0,
            score=float(shot.scores[i]),
            value=dict(
                x=100 * points[i][0] / width,
                y=100 * points[i][1] / height,
                width=WIDTH,
                keypointlabels=[name])) for i, name in enumerate(names)
        if shot.given[i]
    ]
