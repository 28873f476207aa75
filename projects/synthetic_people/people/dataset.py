# Copyright (c) semipose_mm authors.
"""Write a set of pictures in COCO format, whole or not at all."""
import hashlib
import json
import multiprocessing
import os
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Dict, List, Tuple, Union

import cv2

from .sample import SPLITS, make_sample
from .skeleton import KEYPOINTS

VERSION = '1.0'
MAX_IMAGES = 1000000
MAX_SEED = 2**32 - 1
SIZE_LIMITS = (48, 2048)
# 1-based, as COCO writes it.
LIMBS = [[16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13],
         [6, 7], [6, 8], [7, 9], [8, 10], [9, 11], [2, 3], [1, 2], [1, 3],
         [2, 4], [3, 5], [4, 6], [5, 7]]  # yapf: disable


def write_dataset(out: Union[str, Path],
                  labeled: int = 60,
                  unlabeled: int = 600,
                  val: int = 120,
                  seed: int = 0,
                  size: Tuple[int, int] = (160, 200),
                  people: int = 1,
                  workers: int = 1,
                  verbose: bool = True) -> bool:
    """Write the set, unless the same one is there already.

    Args:
        out (str or Path): Folder of the set. It must be absent, empty or hold
            the same set.
        labeled (int): Pictures of the split 'train'. Defaults to 60.
        unlabeled (int): Pictures without annotations. Defaults to 600.
        val (int): Pictures of the split 'val'. Defaults to 120.
        seed (int): Seed of the set. Defaults to 0.
        size (tuple): Width and height in pixels. Defaults to (160, 200).
        people (int): Figures in a picture, 1 or 2. Defaults to 1.
        workers (int): Processes; the result is the same. Defaults to 1.
        verbose (bool): Whether to print progress. Defaults to True.

    Returns:
        bool: True if it was written, False if it was there.
    """
    counts = dict(train=labeled, unlabeled=unlabeled, val=val)
    _check(counts, seed, size, people, workers)
    manifest = dict(
        generator='synthetic_people',
        version=VERSION,
        seed=seed,
        counts=counts,
        arguments=dict(
            labeled=labeled,
            unlabeled=unlabeled,
            val=val,
            seed=seed,
            size=list(size),
            people=people))
    out = Path(os.path.abspath(out))
    if _already_there(out, manifest):
        if verbose:
            print(f'{out}: this set is already there, nothing to do')
        return False

    out.parent.mkdir(parents=True, exist_ok=True)
    partial_out = out.parent / f'.{out.name}.partial-{os.getpid()}'
    partial_out.mkdir()
    try:
        manifest['sha256'] = _write(partial_out, counts, seed, tuple(size),
                                    people, workers, verbose)
        _dump(partial_out / 'manifest.json', manifest, indent=2)
        try:
            os.rename(partial_out, out)
        except OSError:
            # Another process may have finished the same set meanwhile.
            if not _already_there(out, manifest):
                raise
    finally:
        shutil.rmtree(partial_out, ignore_errors=True)
    if verbose:
        print(f'{out}: {sum(counts.values())} pictures written')
    return True


def _check(counts: Dict[str, int], seed: int, size: Tuple[int, int],
           people: int, workers: int) -> None:
    """Raise ValueError for arguments that make no set."""
    options = dict(train='labeled', unlabeled='unlabeled', val='val')
    limits = {options[k]: (v, 0, MAX_IMAGES) for k, v in counts.items()}
    limits.update(
        seed=(seed, 0, MAX_SEED),
        people=(people, 1, 2),
        workers=(workers, 1, 256))
    for name, value in zip(('width in size', 'height in size'), size):
        limits[name] = (value, *SIZE_LIMITS)
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise ValueError(
                f'{name} must be from {low} to {high}, got {value}')
    if not sum(counts.values()):
        raise ValueError('labeled, unlabeled and val are all 0, nothing to '
                         'make')


def _already_there(out: Path, manifest: Dict) -> bool:
    """Whether ``out`` holds this very set; an error if it holds another."""
    if not out.exists() or out.is_dir() and not any(out.iterdir()):
        return False
    path = out / 'manifest.json'
    advice = 'choose another folder or remove this one'
    if not path.is_file():
        raise FileExistsError(
            f'{out} exists and holds no manifest.json of a set: {advice}')
    try:
        found = json.loads(path.read_text())
        digests = dict(found['sha256']).items()
    except (ValueError, KeyError, TypeError):
        raise FileExistsError(
            f'{path} is not a manifest of this generator: {advice}') from None
    wanted = {k: v for k, v in manifest.items() if k != 'sha256'}
    for key, value in wanted.items():
        if found.get(key) != value:
            raise FileExistsError(
                f'{out} holds another set: {key} there is {found.get(key)}, '
                f'wanted {value}; {advice}')
    for name, digest in digests:
        file = out / 'annotations' / name
        if not file.is_file() or _sha256(file) != digest:
            raise FileExistsError(
                f'{file} is missing or was changed after it was written: '
                f'{advice}')
    for split, count in wanted['counts'].items():
        for i in range(count):
            if not (out / 'images' / split / _name(i)).is_file():
                raise FileExistsError(f'{out / "images" / split / _name(i)} '
                                      f'is missing: {advice}')
    return True


def _name(index: int) -> str:
    return f'{index:06d}.jpg'


def _dump(path: Path, content, indent: int = None) -> str:
    """Write json with fixed bytes and return its SHA-256."""
    separators = (',', ': ') if indent else (',', ':')
    path.write_text(
        json.dumps(
            content, sort_keys=True, indent=indent, separators=separators) +
        '\n')
    return _sha256(path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _make_and_save(job: Tuple[str, int], folder: str, seed: int,
                   size: Tuple[int, int],
                   people: int) -> Tuple[List[Dict], List[Dict]]:
    """Write one picture; returns its annotations and detections."""
    cv2.setNumThreads(1)
    split, index = job
    sample = make_sample(seed, split, index, size, people)
    path = os.path.join(folder, 'images', split, _name(index))
    quality = [cv2.IMWRITE_JPEG_QUALITY, sample.jpeg_quality]
    if not cv2.imwrite(path, sample.image, quality):
        raise OSError(f'cannot write {path}')
    return sample.annotations, sample.detections


def _write(folder: Path, counts: Dict[str, int], seed: int, size: Tuple[int,
                                                                        int],
           people: int, workers: int, verbose: bool) -> Dict[str, str]:
    """Write pictures and annotations; returns the digests of the jsons."""
    (folder / 'annotations').mkdir()
    for split in SPLITS:
        (folder / 'images' / split).mkdir(parents=True)
    jobs = [(split, i) for split in SPLITS for i in range(counts[split])]
    work = partial(
        _make_and_save,
        folder=str(folder),
        seed=seed,
        size=size,
        people=people)
    if workers == 1:
        results = _report(map(work, jobs), len(jobs), verbose)
    else:
        # Spawned, since forks may deadlock in the threads of OpenCV.
        with multiprocessing.get_context('spawn').Pool(workers) as pool:
            results = _report(
                pool.imap(work, jobs, chunksize=8), len(jobs), verbose)

    digests, start = {}, 0
    for split in SPLITS:
        end = start + counts[split]
        digests.update(
            _write_split(folder / 'annotations', split, size, seed,
                         results[start:end]))
        start = end
    return digests


def _report(results, total: int, verbose: bool) -> List:
    """Collect results, saying now and then how far it is."""
    collected, began, said = [], time.time(), time.time()
    for result in results:
        collected.append(result)
        now = time.time()
        if verbose and now - said > 3:
            left = (now - began) / len(collected) * (total - len(collected))
            print(
                f'{len(collected)}/{total} pictures, {left:.0f} s left',
                flush=True)
            said = now
    return collected


def _write_split(folder: Path, split: str, size: Tuple[int, int], seed: int,
                 results: List[Tuple[List[Dict], List[Dict]]]
                 ) -> Dict[str, str]:  # yapf: disable
    """Write the json files of one split; returns their digests."""
    first = 1 + SPLITS.index(split) * MAX_IMAGES
    content = dict(
        info=dict(description='synthetic_people', version=VERSION, seed=seed),
        licenses=[],
        categories=[
            dict(
                id=1,
                name='person',
                supercategory='person',
                keypoints=list(KEYPOINTS),
                skeleton=LIMBS)
        ],
        images=[
            dict(
                id=first + i,
                file_name=_name(i),
                width=size[0],
                height=size[1]) for i in range(len(results))
        ])
    if split == 'unlabeled':
        detections = [
            dict(image_id=first + i, category_id=1, **detection)
            for i, (_, found) in enumerate(results) for detection in found
        ]
        files = {
            'image_info_unlabeled.json': content,
            'unlabeled_detections.json': detections
        }
    else:
        content['annotations'] = [
            dict(
                id=10 * (first + i) + j,
                image_id=first + i,
                category_id=1,
                **annotation) for i, (annotations, _) in enumerate(results)
            for j, annotation in enumerate(annotations)
        ]
        files = {f'person_keypoints_{split}.json': content}
    return {name: _dump(folder / name, data) for name, data in files.items()}
