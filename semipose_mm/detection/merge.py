# Copyright (c) semipose_mm authors.
"""The result of a detection, made of the journals of its shards."""
import json
import os
import os.path as osp
from contextlib import ExitStack
from typing import Dict, Iterator, List, NamedTuple, Tuple

from semipose_mm.data_files import DataError
from semipose_mm.files import whole_files, write_text
from .journal import (NAME, check_others, folder_of, indices_of, parse,
                      path_of, read_settings)


class Summary(NamedTuple):
    """What a result consists of."""
    images: int
    boxes: int
    with_boxes: int
    skipped: int
    resized: int
    first_reason: str


def skipped_file(out: str) -> str:
    """The list of the images that were skipped.

    Args:
        out (str): The file of the detections.

    Returns:
        str: The path.
    """
    return f'{osp.splitext(out)[0]}.skipped.json'


def missing_shards(out: str) -> List[str]:
    """What is still to be done.

    Args:
        out (str): The file of the detections.

    Returns:
        list[str]: A phrase for each shard that is not finished.

    Raises:
        DataError: If there is no journal, or they do not fit together.
    """
    num_shards, settings = _run_of(out)
    missing = []
    for shard in range(num_shards):
        path = path_of(out, shard, num_shards)
        total = len(indices_of(settings['num_images'], shard, num_shards))
        done = -1
        if osp.isfile(path):
            with open(path, 'rb') as file:
                done += sum(line.endswith(b'\n') for line in file)
        if done < 0:
            missing.append(f'shard {shard}/{num_shards} has not begun')
        elif done < total:
            missing.append(
                f'shard {shard}/{num_shards} has {done} of {total} images')
    return missing


def _run_of(out: str) -> Tuple[int, dict]:
    """The number of shards and the settings of a run."""
    folder = folder_of(out)
    names = sorted(os.listdir(folder)) if osp.isdir(folder) else []
    for match in filter(None, map(NAME.fullmatch, names)):
        settings = read_settings(osp.join(folder, match[0]))
        if settings is not None:
            check_others(out, int(match[2]), settings)
            return int(match[2]), settings
    raise DataError(f'{folder} holds no journal of a run')


def write_result(out: str) -> Summary:
    """Make the result of complete journals, whole or not at all.

    Args:
        out (str): The file of the detections. The list of skipped images
            and, unless the input was a json, the image list are written
            before it.

    Returns:
        Summary: What was written.

    Raises:
        DataError: If no image could be read.
    """
    num_shards, settings = _run_of(out)
    counts = dict.fromkeys(Summary._fields, 0)
    images, skipped = [], []
    with whole_files(out) as (part, ):
        with open(part, 'w') as file:
            file.write('[')
            for record in _merged(out, num_shards, settings['num_images']):
                if 'skipped' in record:
                    skipped.append(
                        dict(
                            image_id=record['id'],
                            file_name=record['file'],
                            reason=record['skipped']))
                    continue
                width, height = record['size']
                images.append(
                    dict(
                        id=record['id'],
                        file_name=record['file'],
                        width=width,
                        height=height))
                for *bbox, score in record['boxes']:
                    entry = dict(
                        image_id=record['id'],
                        category_id=settings['category_id'],
                        bbox=bbox,
                        score=score)
                    file.write(',\n' if counts['boxes'] else '\n')
                    file.write(json.dumps(entry))
                    counts['boxes'] += 1
                counts['with_boxes'] += bool(record['boxes'])
                counts['resized'] += 'listed' in record
            file.write('\n]\n')
        write_text(skipped_file(out), json.dumps(skipped) + '\n')
        if not images:
            raise DataError(
                f'none of the {len(skipped)} images could be read, see '
                f'{skipped_file(out)}; the first: {skipped[0]["reason"]}; '
                f'remove {folder_of(out)} to try again')
        if settings['images_out']:
            content = dict(
                images=images,
                categories=[
                    dict(
                        id=settings['category_id'], name=settings['category'])
                ])
            write_text(
                osp.join(osp.dirname(out), settings['images_out']),
                json.dumps(content) + '\n')
    counts.update(
        images=len(images) + len(skipped),
        skipped=len(skipped),
        first_reason=skipped[0]['reason'] if skipped else '')
    return Summary(**counts)


def _merged(out: str, num_shards: int, num_images: int) -> Iterator[Dict]:
    """The records of all shards in the order of the images."""
    with ExitStack() as stack:
        paths = [path_of(out, i, num_shards) for i in range(num_shards)]
        files = [stack.enter_context(open(path, 'rb')) for path in paths]
        for file in files:
            file.readline()
        for index in range(num_images):
            shard = index % num_shards
            number = index // num_shards + 2
            record = parse(files[shard].readline(), paths[shard], number)
            if record.get('index') != index:
                raise DataError(
                    f'{paths[shard]}, line {number} is not the record of '
                    f'image {index}: remove the file to begin this shard '
                    'again')
            yield record
