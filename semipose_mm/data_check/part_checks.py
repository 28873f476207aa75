# Copyright (c) semipose_mm authors.
"""The checks of one part of the data: its files and its images."""
import os.path as osp
from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional

from semipose_mm.data_files.coco_files import FileFault, read_json
from .content import (apply_indices, check_boxes, check_labels, check_scores,
                      check_used, labeled_rows, unlabeled_rows)
from .findings import ERROR, NOTE, OK, WARNING, Finding, reason, some
from .images import Folders, check_exist, check_outside, check_readable, sample
from .keypoints import check_counts, check_names
from .parts import FOLDER, OTHER, Part
from .structure import check_structure
from .tables import Image, Row, Table, read_coco, read_detections, read_mpii


class Options(NamedTuple):
    """Options of the checks.

    Args:
        images (int, optional): How many images of a part are opened; None
            for all.
        seed (int): Seed of their choice.
    """

    images: Optional[int] = 200
    seed: int = 0


@dataclass
class Result:
    """What was found about a part.

    Args:
        name (str): Name of the part.
        title (str): Its config key and class.
        findings (list[Finding]): The findings.
        images (int): Number of images in the file.
        instances (int): Number of annotations or detections.
        used (int): Number of those that are used.
        joints (int): Number of labeled joints of those.
        paths (list[str]): Paths of the images that are used.
        role (str): Role of the part.
    """

    name: str
    title: str
    findings: List[Finding] = field(default_factory=list)
    images: int = 0
    instances: int = 0
    used: int = 0
    joints: int = 0
    paths: List[str] = field(default_factory=list)
    role: str = ''


class Files:
    """Annotation files, each read once."""

    def __init__(self) -> None:
        self._tables: Dict[tuple, Any] = {}

    def table(self,
              path: str,
              kind: str,
              images: Optional[Table] = None) -> Table:
        """Read a file.

        Args:
            path (str): The file.
            kind (str): ``'coco'``, ``'mpii'`` or ``'detections'``.
            images (Table, optional): The image list of detections. Defaults
                to None.

        Returns:
            Table: Its table, ``fatal`` if it cannot be read.
        """
        key = (osp.realpath(path), kind, id(images))
        if key not in self._tables:
            try:
                content = read_json(path).content
            except FileFault as fault:
                # the path stands before it anyway
                text = str(fault)[len(path):].strip()
                self._tables[key] = Table(path, fatal=text)
                return self._tables[key]
            if kind == 'detections':
                table = read_detections(content, path, images)
            else:
                table = dict(
                    coco=read_coco, mpii=read_mpii)[kind](content, path)
            self._tables[key] = table
        return self._tables[key]


def check_part(part: Part, result: Result, files: Files, folders: Folders,
               options: Options) -> None:
    """Check the files of a part; fills the result.

    Args:
        part (Part): The part.
        result (Result): Filled.
        files (Files): The annotation files.
        folders (Folders): The listings.
        options (Options): The options.
    """
    if part.reader == FOLDER:
        check_folder(part, result, folders, options)
        return
    if not part.ann_file:
        result.findings.append(Finding(ERROR, f'{part.key} has no ann_file'))
        return
    if part.reader == OTHER and not part.ann_file.endswith('.json'):
        found = Finding(ERROR, f'there is no file {part.ann_file}')
        if osp.exists(part.ann_file):
            found = Finding(
                NOTE, f'{part.ann_file} is not read, as its format is not '
                'known here')
        result.findings.append(found)
        return
    table = files.table(part.ann_file,
                        'mpii' if part.reader == 'mpii' else 'coco')
    reader = 'mmpose' if part.reader == OTHER else part.reader
    if part.reader == OTHER and not table.fatal:
        result.findings.append(
            Finding(
                NOTE, f'how {part.type} reads instances is not known '
                'here; its images alone are checked'))
    else:
        result.findings += check_structure(table, reader)
    if table.fatal:
        if part.bbox_file:
            source = files.table(part.bbox_file, 'detections', table)
            if source.fatal:
                result.findings += check_structure(source, 'detections')
        return
    result.images, result.instances = len(table.images), len(table.rows)
    used = [] if part.reader == OTHER else check_instances(
        part, table, result, files)
    check_images(part, table, used, result, folders, options)


def check_instances(part: Part, table: Table, result: Result,
                    files: Files) -> List[Row]:
    """Check boxes and labels of a part; the rows that it uses."""
    found, cfg = result.findings, part.cfg
    source, labeled = table, part.reader != 'unlabeled'
    if part.bbox_file:
        source = files.table(part.bbox_file, 'detections', table)
        found += check_structure(source, 'detections')
        result.instances = len(source.rows)
        if source.fatal:
            return []
    elif not labeled and not table.annotated:
        found.append(
            Finding(
                ERROR, f"{table.path} has no 'annotations' and so no boxes; "
                f'{part.key}.bbox_file is missing'))
        return []
    if part.bbox_file and labeled:
        # MMPose takes persons alone, and any of their boxes
        rows, left_out = unlabeled_rows(source, [1], float('-inf'))
    elif labeled:
        rows, left_out = labeled_rows(table, part.reader == 'mpii')
    else:
        rows, left_out = unlabeled_rows(source, cfg.get('category_ids'),
                                        cfg.get('score_thr', 0.),
                                        cfg.get('max_per_image'),
                                        cfg.get('keypoints_only', False))
    used = apply_indices(rows, cfg.get('indices'))
    found += check_used(used, rows, left_out, cfg.get('indices'))
    result.used = len(used)
    strict = bool(part.bbox_file) and not labeled
    found += check_boxes(source, ERROR if strict else WARNING)
    if part.bbox_file:
        found += check_scores(source, used)
    elif labeled:
        found += check_labels(table, used)
        result.joints = sum(v > 0 for r in used for v in r.keypoints[2::3])
        found += check_counts(used, part.metainfo)
        if part.reader == 'mmpose':
            found += check_names(table, used, part.metainfo)
    headboxes = cfg.get('headbox_file')
    if headboxes:
        found += check_headboxes(headboxes, len(table.rows))
    return used


def check_headboxes(path: str, count: int) -> List[Finding]:
    """Check MPII's head boxes.

    Args:
        path (str): The .mat file.
        count (int): Number of annotations.

    Returns:
        list[Finding]: The findings.
    """
    from scipy.io import loadmat
    if not osp.isfile(path):
        return [Finding(ERROR, f'there is no headbox_file {path}')]
    try:
        boxes = loadmat(path)['headboxes_src'].shape
    except Exception as error:  # not a file of that kind
        return [Finding(ERROR, f'{path} cannot be read: {reason(error)}')]
    if len(boxes) != 3 or boxes[2] != count:
        return [
            Finding(
                ERROR, f'{path} has headboxes_src of shape {boxes}, but the '
                f'annotations need (2, 2, {count})')
        ]
    return [Finding(OK, f'{count:,} head boxes')]


def check_images(part: Part, table: Table, used: List[Row], result: Result,
                 folders: Folders, options: Options) -> None:
    """Check the image files of a part; fills the result."""

    def path_of(image: Image) -> str:
        return osp.normpath(osp.join(part.folder, image.name))

    if '://' in part.folder:
        result.findings.append(
            Finding(NOTE, f'images in {part.folder} are not checked'))
        return
    keys = {row.image for row in used} if used or part.reader != OTHER \
        else table.images.keys()
    sizes = {
        path_of(table.images[key]): table.images[key].size
        for key in keys
    }
    others = [path_of(i) for key, i in table.images.items() if key not in keys]
    result.findings += drop_outside(part, sizes, others)
    result.paths = list(sizes)
    result.findings += check_exist(result.paths, others, part.folder, folders)
    check_opened(sizes, result, folders, options)


def drop_outside(part: Part, sizes: dict, others: List[str]) -> List[Finding]:
    """Report images that lead outside, and take them out, unopened."""
    outside = check_outside([*sizes, *others], part.roots)
    if not outside:
        return []
    for path in outside:
        sizes.pop(path, None)
    others[:] = [path for path in others if path not in set(outside)]
    # MMPose's own loading for the evaluation reads whatever is named
    level = ERROR if part.role in ('labeled', 'unlabeled') else WARNING
    return [
        Finding(
            level, f'images outside of {" and ".join(part.roots)}, which '
            f'allow_outside=True allows: {some(len(outside), outside)}')
    ]


def check_opened(sizes: dict, result: Result, folders: Folders,
                 options: Options) -> None:
    """Open a sample of the images that are there; fills the result."""
    there = [path for path in sizes if folders.exists(path)]
    chosen = sample(there, options.images, options.seed)
    result.findings += check_readable({path: sizes[path]
                                       for path in chosen}, len(sizes))


def check_folder(part: Part, result: Result, folders: Folders,
                 options: Options) -> None:
    """Check a folder of images, or a list of them in a text file."""
    from semipose_mm.data_files import DataError, Findings
    from semipose_mm.data_files.images import scan_images
    found, source = result.findings, part.ann_file or part.folder
    try:
        if part.ann_file:
            with open(part.ann_file) as file:
                names = [line.strip() for line in file if line.strip()]
        else:
            names = scan_images(part.folder, Findings())
    except (OSError, DataError, UnicodeDecodeError) as error:
        found.append(
            Finding(ERROR, f'{source} cannot be read: {reason(error)}'))
        return
    options_of_boxes = [
        key for key in ('bbox_file', 'category_ids', 'score_thr',
                        'max_per_image', 'keypoints_only') if part.cfg.get(key)
    ]
    if options_of_boxes:
        found.append(
            Finding(
                ERROR, f'{", ".join(options_of_boxes)} of {part.key} '
                'cannot be used without a COCO-style ann_file'))
    sizes = {osp.normpath(osp.join(part.folder, n)): None for n in names}
    found += drop_outside(part, sizes, [])
    result.images = result.instances = len(names)
    result.paths = list(sizes)[:]
    indices = part.cfg.get('indices')
    result.paths = apply_indices(result.paths, indices)
    result.used = len(result.paths)
    if not names:
        found.append(Finding(ERROR, f'{source} has no images'))
        return
    found.append(
        Finding(
            OK, f'{len(result.paths):,} whole images of {source} are '
            'used as boxes'))
    found += check_exist(result.paths, [], part.folder, folders)
    check_opened({path: None
                  for path in result.paths}, result, folders, options)
