# Copyright (c) semipose_mm authors.
"""Unlabeled folders, lists and videos become one list of images."""
import os
import os.path as osp
from typing import Any, Dict, List, Tuple

from semipose_mm.data_files import WARNING, Findings
from semipose_mm.data_files.images import Image
from semipose_mm.data_files.text import IMAGES, VIDEOS, read_lines, video_names
from semipose_mm.datasets.reading.unlabeled import Source as Boxes
from semipose_mm.datasets.reading.unlabeled import read_source
from semipose_mm.videos.rules import NUM
from .base import ConfigFault
from .labels import image_folder, name_left_out
from .request import Request
from .writing import Stage

OPTION = '--unlabeled'


def videos_of(path: str) -> List[str]:
    """The videos that a source stands for.

    Args:
        path (str): A video, or a folder that has videos, and neither images
            nor folders; anything else stands for none.
    """
    if not osp.isdir(path):
        return [path] if path.lower().endswith(VIDEOS) else []
    names = [one for one in os.listdir(path) if not one.startswith('.')]
    if any(one.lower().endswith(IMAGES) or osp.isdir(osp.join(path, one))
           for one in names):
        return []
    return [osp.join(path, one) for one in video_names(path)]


def read_list(path: str, request: Request,
              findings: Findings) -> Tuple[List[Image], str, str]:
    """Read a text list of images.

    Args:
        path (str): The ``.txt`` file.
        request (Request): The options.
        findings (Findings): Learns what is wrong or doubtful.

    Returns:
        tuple: Its images, the folder that they lie in, and what messages
        call the list.
    """
    lines, guessed = read_lines(path, OPTION, findings)
    where = f"{OPTION} '{path}'"
    where += ' (no UTF-8, read as Latin-1)' if guessed else ''
    images = [
        Image(name, name, None, i) for i, (_, name) in enumerate(lines)
        if not name.startswith('#')
    ]
    twice = len(images) - len({one.name for one in images})
    if twice:
        findings.warn('images', where,
                      f'names {twice} of its {len(images)} images again')
    folder = image_folder(path, where, images, OPTION,
                          request.unlabeled_images, request, findings)
    return images, folder, where


def gather(request: Request, stage: Stage,
           findings: Findings) -> Tuple[str, Dict[str, Any], str]:
    """Make one list of the images of several sources.

    Frames of videos are written to ``CONFIG_frames/`` beside the config, or
    found there.

    Args:
        request (Request): The options.
        stage (Stage): Where the list is written.
        findings (Findings): Learns what is doubtful, and how many images a
            source has.

    Returns:
        tuple: The values of a :class:`Source`.

    Raises:
        ConfigFault: If a source cannot be one of several.
    """
    sources = request.unlabeled
    lists = [one for one in sources if one.lower().endswith('.txt')]
    if request.unlabeled_images and not lists:
        raise ConfigFault(f'--unlabeled-images has no meaning, as {OPTION} '
                          'names folders and videos alone')
    for path in sources:
        if not (osp.isdir(path) or path in lists or videos_of(path)):
            raise ConfigFault(
                f"{OPTION} '{path}' cannot be one of several sources: those "
                'are folders of images, .txt lists of them, and videos; a '
                'COCO file is the only one')
    videos = _frames(request, stage, findings)
    found: Dict[str, None] = {}
    told = []
    for path in sources:
        left_out: Dict[str, int] = {}
        if path in lists:
            images, folder, _ = read_list(path, request, findings)
            new = [osp.join(folder, one.name) for one in images]
        elif own := videos_of(path):
            new = [name for one in own for name in videos[osp.realpath(one)]]
        else:
            folder = osp.join(osp.abspath(path), '')
            index, left_out = read_source(
                Boxes('', '', folder, (folder, )), findings)
            new = [one['img_path'] for one in index]
        told.append(f'{len(new):,} images of {path}{name_left_out(left_out)}')
        found.update((osp.abspath(one), None) for one in new)
    where = f'{OPTION} ' + ', '.join(f"'{one}'" for one in sources)
    if not found:
        raise ConfigFault(f'{where} has no usable image: {", ".join(told)}'
                          f'{damaged(findings)}')
    findings.note('sources', where, f'gives {", ".join(told)}')
    folder = osp.join(osp.commonpath([osp.dirname(one) for one in found]), '')
    names = ''.join(f'{osp.relpath(one, folder)}\n' for one in found)
    options = dict(
        ann_file=stage.write('_unlabeled.txt', names.encode()),
        data_prefix=dict(img=folder))
    return where, options, 'whole images, as these have no boxes'


def damaged(findings: Findings) -> str:
    """The first image that cannot be read, and why; empty if all can be.

    Args:
        findings (Findings): What was found.
    """
    found = dict(zip(findings.kinds(WARNING), findings.lines(WARNING)))
    return f'; {found["image"]}' if 'image' in found else ''


def _frames(request: Request, stage: Stage,
            findings: Findings) -> Dict[str, List[str]]:
    """Paths of the frames of each video, by its real path."""
    videos = [video for one in request.unlabeled for video in videos_of(one)]
    if not videos:
        return {}
    from semipose_mm.videos.sheet import write_sheet
    from semipose_mm.videos.writing import find_videos, write_frames
    out = f'{osp.splitext(stage.out)[0]}_frames'
    videos = find_videos(videos)
    made = write_frames(
        videos,
        out,
        request.frames or NUM,
        request.frames_by or 'kmeans',
        findings=findings)
    write_sheet(f'{out}.jpg', out, made)
    findings.note('frames', f'{osp.relpath(out)}.jpg',
                  'shows some of the frames that were chosen')
    return {
        osp.realpath(video): [osp.join(out, name) for name in one.names]
        for video, one in zip(videos, made)
    }
