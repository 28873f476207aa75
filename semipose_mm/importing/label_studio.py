# Copyright (c) semipose_mm authors.
"""Label Studio: tasks with keypoints, JSON or JSON-MIN.

Read without sleap-io, which needs tasks that it wrote itself, with a video.
"""
import os.path as osp
import re
from typing import Any, Dict, List, Sequence
from urllib.parse import unquote, urlsplit

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.numbers import is_number
from .finding import ImageFinder
from .source import Source

#: What an upload puts before the name of a file.
_UPLOAD = re.compile(r'^[0-9a-f]{8}-')


def is_label_studio(content: Any) -> bool:
    """Whether the content of a json file is a list of tasks."""
    return isinstance(content, list) and bool(content) and all(
        isinstance(one, dict) and (any(
            isinstance(one.get(key), list)
            for key in ('annotations', 'predictions'
                        )) or 'annotation_id' in one and 'annotator' in one)
        for one in content)


def read_label_studio(path: str, content: List[dict], images: Sequence[str],
                      findings: Findings) -> Source:
    """Read an export of tasks.

    Keypoints belong to the rectangle that is their parent or that a relation
    names; those of no rectangle are one instance. Predictions are labels only
    in a file that has no annotations, such as ``semipose label-next`` writes.

    Args:
        path (str): The json file.
        content (list[dict]): Its tasks.
        images (Sequence[str]): Folders of ``--images``.
        findings (Findings): Learns what is doubtful.

    Returns:
        Source: The labels; joints in the order in which they first occur.

    Raises:
        DataError: If something cannot be read.
    """
    source = Source(path, 'Label Studio', [], files=[path])
    if _has_only(content, 'predictions'):
        findings.warn(
            'predictions',
            source.where,
            'has predictions and no annotations: they are taken as labels',
            advice='Correct them in Label Studio, and import its export')
        content = [
            dict(one, annotations=one['predictions']) for one in content
        ]
    tasks = []
    for index, task in enumerate(content):
        where = f'{source.where}, task {task.get("id", index)}'
        results = _results(task, where, findings)
        name = _image_name(task, where)
        people: Dict[Any, Dict[str, tuple]] = {}
        for one in results:
            if one.get('type') == 'keypointlabels':
                label, point = _point(one, where)
                owner = _owner(one, results)
                points = people.setdefault(owner, {})
                if label in points:
                    raise DataError(
                        f'{where} has {label} twice in one instance; '
                        'keypoints of several animals must have a rectangle '
                        'each as their parent')
                points[label] = point
                if label not in source.names:
                    source.names.append(label)
        tasks.append((name, where, people))
    if not source.names:
        raise DataError(f'{source.where} has no keypointlabels')
    finder = ImageFinder(path, images)
    for name, where, people in tasks:
        if not people:
            source.left_out['frames without a label'] += 1
            continue
        source.add([source.flat(one) for one in people.values()],
                   _find(finder, name, where))
    return source


def _has_only(content: List[dict], key: str) -> bool:
    """Whether tasks are as they are before anybody has worked on them."""
    return all(
        isinstance(one.get(key), list) and 'annotations' not in one
        for one in content)


def _results(task: dict, where: str, findings: Findings) -> List[dict]:
    """The results of the annotation that counts."""
    if 'annotations' not in task:  # JSON-MIN
        return [
            dict(
                value=one,
                type='keypointlabels',
                original_width=one.get('original_width'),
                original_height=one.get('original_height'))
            for values in task.values() if isinstance(values, list)
            for one in values
            if isinstance(one, dict) and one.get('keypointlabels')
        ]
    done = [
        one for one in task['annotations']
        if isinstance(one, dict) and not one.get('was_cancelled')
    ]
    if len(done) > 1:
        findings.warn('annotations', where,
                      f'has {len(done)} annotations: the latest is taken')
    latest = max(
        done, key=lambda one: str(one.get('updated_at', '')), default={})
    return [one for one in latest.get('result') or [] if isinstance(one, dict)]


def _image_name(task: dict, where: str) -> str:
    """The name that a task has for its image."""
    data = task.get('data', task)
    for key in ('image', 'img', *data):
        text = data.get(key)
        if isinstance(text, str) and re.search(
                r'\.(bmp|jpe?g|png|tiff?|webp)(\?|$)', text.lower()):
            url = urlsplit(text)
            return unquote(url.query[2:] if url.query[:2] ==
                           'd=' else url.path)
    raise DataError(f'{where} has no image in its data')


def _find(finder: ImageFinder, name: str, where: str) -> str:
    """Find an image by its name, or by that before it was uploaded."""
    folder, file = osp.split(name.lstrip('/'))
    try:
        return finder.find(osp.join(folder, file), where)
    except DataError:
        plain = _UPLOAD.sub('', file)
        if plain == file:
            raise
        return finder.find(plain, where)


def _owner(one: dict, results: List[dict]) -> Any:
    """Id of the rectangle that a keypoint belongs to; None without any."""
    boxes = {
        other.get('id')
        for other in results if other.get('type') == 'rectanglelabels'
    }
    if one.get('parentID') in boxes:
        return one['parentID']
    for other in results:
        ends = [other.get('from_id'), other.get('to_id')]
        if other.get('type') == 'relation' and one.get('id') in ends:
            ends.remove(one.get('id'))
            if ends[0] in boxes:
                return ends[0]
    return None


def _point(one: dict, where: str) -> tuple:
    """Name of a keypoint, and x, y in pixels and visibility."""
    value = one.get('value')
    value = value if isinstance(value, dict) else {}
    labels = value.get('keypointlabels')
    found = [
        value.get('x'),
        value.get('y'),
        one.get('original_width'),
        one.get('original_height')
    ]
    if not (isinstance(labels, list) and len(labels) == 1) or not all(
            map(is_number, found)):
        raise DataError(f'{where} has the keypoint {value}; it must have one '
                        'label, x and y in percent, and original_width and '
                        'original_height')
    x, y, width, height = found
    return str(labels[0]), (x * width / 100, y * height / 100, 2)
