# Copyright (c) semipose_mm authors.
"""The files of a prediction: csv and h5 as DeepLabCut's, COCO json."""
import csv
import json
import os.path as osp
import shutil
from array import array
from contextlib import ExitStack
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Any, Iterable, List, Sequence, Tuple, Union

from semipose_mm.data_files import DataError, Findings
from semipose_mm.data_files.text import read_json
from semipose_mm.files import whole_files, write_json
from .run import Task, journal_path, read_records


def files_of(task: Task) -> List[str]:
    """The csv and the json of each network."""
    return [
        f'{task.out}_{name}.{ending}' for name in task.names
        for ending in ('csv', 'json')
    ]


def about_file(task: Task) -> str:
    """The file that says what a finished prediction is of."""
    return f'{task.out}.about.json'


def is_finished(task: Task) -> bool:
    """Whether these very predictions are written already.

    Raises:
        DataError: If there are others in their place.
    """
    about = about_file(task)
    there = [path for path in [*files_of(task), about] if osp.exists(path)]
    if osp.isfile(about):
        before = read_settings(about)
        now = json.loads(json.dumps(task.settings))
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                raise DataError(
                    f'{task.out}_*.csv are of another '
                    f'{key.replace("_sha256", "")}: remove them and '
                    f'{about}, or choose another --out')
        return len(there) == len(files_of(task)) + 1
    # written by a run that was killed before it could say so
    if there and not osp.isfile(journal_path(task.out)):
        raise DataError(f'{there[0]} exists already and would be '
                        'overwritten: remove it or choose another --out')
    return False


def read_settings(about: str) -> dict:
    """How predictions were made.

    Args:
        about (str): The file beside them, see :func:`about_file`.

    Raises:
        DataError: If it cannot be read or is another file.
    """
    content = read_json(about, 'predictions', Findings())
    if not isinstance(content, dict) or 'settings' not in content:
        raise DataError(f"'{about}' is not what semipose predict writes: it "
                        'has no settings')
    return content['settings']


def write_files(task: Task, meta: dict,
                warnings: Sequence[str]) -> Tuple[dict, dict]:
    """Write the files of a journal that is complete.

    Args:
        task (Task): What was predicted.
        meta (dict): Meta information of the data set.
        warnings (Sequence[str]): What was doubtful.

    Returns:
        tuple: Numbers of frames and of those that have no pose, by reason;
        and the mean score of all joints, by network.

    Raises:
        DataError: If no image could be read.
    """
    counts = dict(frames=0)
    joints, links, flips = described(meta)
    with whole_files(*files_of(task)) as parts, ExitStack() as stack:
        files = [
            stack.enter_context(open(part, 'w', encoding='utf-8', newline=''))
            for part in parts
        ]
        tables = [
            CsvTable(file, f'{task.settings["model"]}_{name}', joints)
            for name, file in zip(task.names, files[::2])
        ]
        lists = [CocoList(file, joints, links, flips) for file in files[1::2]]
        sizes = array('i')
        for record in read_records(journal_path(task.out)):
            counts['frames'] += 1
            sizes.extend(record['size'])
            poses = record.get('poses')
            if poses is None:
                reason = record['reason']
                counts[reason] = counts.get(reason, 0) + 1
            name = _name(task, record['index'])
            for i, (table, coco) in enumerate(zip(tables, lists)):
                table.add(name, poses and poses[i])
                if poses:
                    coco.add(record, poses[i])
        for coco in lists:
            coco.end(
                (index, _name(task, index), width, height)
                for index, (width,
                            height) in enumerate(zip(sizes[::2], sizes[1::2])))
        if counts['frames'] == sum(counts.values()) - counts['frames']:
            first = next(key for key in counts if key != 'frames')
            raise DataError(f'no frame of {task.media.path or "the images"} '
                            f'could be predicted; the first: {first}')
    scores = {
        name: round(one.total / one.number, 6)
        for name, one in zip(task.names, lists)
    }
    write_json(
        about_file(task),
        dict(
            task.told,
            settings=task.settings,
            counts=counts,
            scores=scores,
            warnings=list(warnings)))
    return counts, scores


def described(meta: dict) -> Tuple[List[str], list, list]:
    """Names of the joints, and which ones belong together.

    Args:
        meta (dict): Meta information of a data set.

    Returns:
        tuple: Names, and pairs of the indices of those that are linked, and
        of those that a mirror image exchanges.
    """
    names = meta['keypoint_id2name']
    flips = [(i, int(other))
             for i, other in enumerate(meta.get('flip_indices') or ())
             if i < other]
    return ([names[i]
             for i in range(len(names))], list(meta['skeleton_links']), flips)


def _name(task: Task, index: int) -> Union[int, str]:
    """What stands for a frame in the files: its number, or its path."""
    return index if task.media.is_video else task.media.images[index]


class CsvTable:
    """A csv in DeepLabCut's layout.

    Three rows of names (scorer, bodyparts, coords), then a row for each
    frame: its number or path, and x, y and likelihood of each joint, empty
    where there is no pose.

    Args:
        file: It is written to.
        scorer (str): What has predicted.
        joints (Sequence[str]): Names of the keypoints.
    """

    def __init__(self, file, scorer: str, joints: Sequence[str]) -> None:
        self.writer = csv.writer(file, lineterminator='\n')
        self.empty = [''] * (3 * len(joints))
        self.writer.writerow(['scorer', *[scorer] * len(self.empty)])
        self.writer.writerow(
            ['bodyparts', *(name for name in joints for _ in range(3))])
        self.writer.writerow(
            ['coords', *('x', 'y', 'likelihood') * len(joints)])

    def add(self, name, pose) -> None:
        """Add a row; ``pose`` is x, y, score of all joints, or None."""
        self.writer.writerow([name, *(self.empty if pose is None else pose)])


class CocoList:
    """A COCO file, written entry by entry.

    Keypoints have visibility 2 throughout, their scores are
    ``keypoint_scores`` and the mean of these ``score``. An image's id is its
    position, and of a video the number of the frame.

    Args:
        file: It is written to.
        joints (Sequence[str]): Names of the keypoints.
        links (Sequence): Pairs of the indices of joints that are linked.
        flips (Sequence): Those that a mirror image exchanges; they are
            ``flip_pairs`` of the category.
    """

    def __init__(self, file, joints: Sequence[str], links: Sequence,
                 flips: Sequence) -> None:
        self.file, self.number, self.total = file, 0, 0.
        category = dict(
            id=1,
            name='subject',
            keypoints=list(joints),
            skeleton=[[int(a) + 1, int(b) + 1] for a, b in links])
        if flips:
            category['flip_pairs'] = [[joints[a], joints[b]] for a, b in flips]
        file.write(f'{{"categories": [{json.dumps(category)}],\n'
                   '"annotations": [')

    def add(self, record: dict, pose: Sequence[float]) -> None:
        """Add a pose, x, y, score of all joints in one list."""
        scores = pose[2::3]
        keypoints = list(pose)
        keypoints[2::3] = [2] * len(scores)
        x, y, w, h = record['box']
        score = round(sum(scores) / len(scores), 6)
        self.number += 1
        self.total += score
        entry = dict(
            id=self.number,
            image_id=record['index'],
            category_id=1,
            bbox=[x, y, w, h],
            area=round(w * h, 2),
            iscrowd=0,
            num_keypoints=len(scores),
            keypoints=keypoints,
            keypoint_scores=scores,
            score=score)
        self.file.write((',\n' if self.number > 1 else '\n') +
                        json.dumps(entry))

    def end(self, images: Iterable[Tuple]) -> None:
        """Write id, name, width and height of all images, and the end."""
        self.file.write('\n],\n"images": [')
        for key, name, width, height in images:
            file_name = name if isinstance(name, str) else f'frame {name}'
            entry = dict(
                id=key, file_name=file_name, width=width, height=height)
            self.file.write((',\n' if key else '\n') + json.dumps(entry))
        self.file.write('\n]}\n')


def check_tables() -> None:
    """Refuse h5 files where the packages for them are missing.

    Raises:
        DataError: If pandas or tables is not installed.
    """
    missing = [name for name in ('pandas', 'tables') if not find_spec(name)]
    if missing:
        raise DataError(f'--h5 needs {" and ".join(missing)}: pip install '
                        '"semipose_mm[tables]", or pip install pandas tables')


def write_h5(path: str) -> str:
    """Write the table of a csv as DeepLabCut's h5.

    Args:
        path (str): The csv.

    Returns:
        str: The h5 beside it.
    """
    import pandas
    with open(path, encoding='utf-8', newline='') as file:
        names, joints, axes, *rows = csv.reader(file)
    columns = pandas.MultiIndex.from_tuples(
        list(zip(names[1:], joints[1:], axes[1:])),
        names=[names[0], joints[0], axes[0]])
    index = [row[0] for row in rows]
    # read_csv takes a first row without values for names of the index
    table = pandas.DataFrame(
        [[float(value or 'nan') for value in row[1:]] for row in rows],
        index=list(map(int, index)) if all(map(str.isdigit, index)) else index,
        columns=columns)
    out = f'{osp.splitext(path)[0]}.h5'
    with whole_files(out) as (part, ):
        save_table(table, part)
    return out


def save_table(table: Any, path: str, form: str = 'table') -> None:
    """Write a table of pandas as DeepLabCut does.

    Args:
        table (pandas.DataFrame): The table.
        path (str): The file, which is there and may be locked.
        form (str): pandas' ``format``. Defaults to ``'table'``.
    """
    # HDF5 refuses a file that is locked, as unfinished ones are
    with TemporaryDirectory() as folder:
        written = osp.join(folder, 'table.h5')
        # its name from DeepLabCut, which reads whatever table there is
        table.to_hdf(written, key='df_with_missing', mode='w', format=form)
        shutil.copyfile(written, path)
