# Copyright (c) semipose_mm authors.
"""Journals of running detections, and of predictions as one shard.

A journal is a text file for each shard with a json document a line: first
the settings, then one record for each image, in the shard's order. Images
``i``, ``i + n``, ``i + 2n``, ... belong to shard ``i`` of ``n``. A record is

- ``{index, id, file, size, boxes}`` with ``boxes`` as a list of x, y, width,
  height, score, and ``listed`` if the image list has another size;
- ``{index, id, file, skipped}`` with the reason.
"""
import fcntl
import json
import os
import os.path as osp
import re
from typing import Iterator, List, Optional

from semipose_mm.data_files import DataError

NAME = re.compile(r'shard-(\d+)-of-(\d+)\.jsonl')


def folder_of(out: str) -> str:
    """The folder of a result's journals.

    Args:
        out (str): The file of the detections.

    Returns:
        str: The folder.
    """
    return f'{out}.journal'


def path_of(out: str, shard: int, num_shards: int) -> str:
    """The journal of a shard.

    Args:
        out (str): The file of the detections.
        shard (int): The shard, from 0.
        num_shards (int): The number of shards.

    Returns:
        str: The path.
    """
    return osp.join(folder_of(out), f'shard-{shard}-of-{num_shards}.jsonl')


def indices_of(num_images: int, shard: int, num_shards: int) -> range:
    """The images of a shard.

    Args:
        num_images (int): The number of all images.
        shard (int): The shard, from 0.
        num_shards (int): The number of shards.

    Returns:
        range: Their positions.
    """
    return range(shard, num_images, num_shards)


def check_others(out: str, num_shards: int, settings: dict) -> None:
    """Check that the journals that are there belong to this very run.

    Args:
        out (str): The file of the detections.
        num_shards (int): The number of shards.
        settings (dict): The settings of this run.

    Raises:
        DataError: If another run wrote them.
    """
    folder = folder_of(out)
    for name in sorted(os.listdir(folder)) if osp.isdir(folder) else ():
        match = NAME.fullmatch(name)
        if not match:
            continue
        if int(match[2]) != num_shards:
            raise DataError(
                f'{folder} was begun with {match[2]} shards, not '
                f'{num_shards}: continue with as many, or remove it')
        found = read_settings(osp.join(folder, name))
        if found is None:
            continue
        for key in sorted({*found, *settings}):
            if found.get(key) != settings.get(key):
                raise DataError(
                    f'{folder} was begun with another {key}: '
                    f'{_short(found.get(key))}, not '
                    f'{_short(settings.get(key))}; continue with the same, '
                    'remove it, or choose another --out')


def _short(value) -> str:
    """A setting in a few characters."""
    text = repr(value)
    return text if len(text) < 60 else f'{text[:12]}...'


def read_settings(path: str) -> Optional[dict]:
    """Read the settings of a journal.

    Args:
        path (str): The file.

    Returns:
        dict: The settings, or None if their line is not finished.
    """
    with open(path, 'rb') as file:
        line = file.readline()
    if not line.endswith(b'\n'):
        return None
    return parse(line, path, 1).get('settings')


def parse(line: bytes, path: str, number: int) -> dict:
    """Read a finished line.

    Args:
        line (bytes): The line.
        path (str): The file, for the error message.
        number (int): The number of the line, from 1.

    Returns:
        dict: The document.
    """
    try:
        content = json.loads(line)
        if isinstance(content, dict):
            return content
    except ValueError:
        pass
    raise DataError(f'{path}, line {number} is damaged: remove the file to '
                    'begin this shard again')


class Journal:
    """The journal of one shard, locked against a second process.

    Args:
        path (str): The file. It is continued if it is there.
        settings (dict): The settings of the run.
        indices (range): The images of the shard.
        batch_size (int): Batches that are not finished are done again, so
            that a run that was cut off detects in the same batches as one
            that was not.

    Attributes:
        done (int): The number of images that have a record.
    """

    def __init__(self, path: str, settings: dict, indices: range,
                 batch_size: int) -> None:
        os.makedirs(osp.dirname(path), exist_ok=True)
        # closing any other handle of the file would end the lock
        self._file = open(path, 'a+b')
        try:
            # not flock: worker processes that survive a kill would hold it
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            self._file.close()
            raise DataError(
                f'another process is writing {path}; each shard needs one '
                'process of its own') from None
        except OSError:
            pass  # a file system without locks
        try:
            self.done = self._recover(path, indices, batch_size)
        except DataError:
            self._file.close()
            raise
        if self._file.tell() == 0:
            self._write([dict(settings=settings)])

    def _recover(self, path: str, indices: range, batch_size: int) -> int:
        """Drop what is not finished and count what is."""
        self._file.seek(0)
        ends = []
        for number, line in enumerate(self._file):
            if not line.endswith(b'\n'):
                break
            record = parse(line, path, number + 1)
            if number and (number > len(indices)
                           or record.get('index') != indices[number - 1]):
                raise DataError(
                    f'{path}, line {number + 1} is not the record of image '
                    f'{number - 1} of this shard: remove the file to begin '
                    'again')
            ends.append((ends[-1] if ends else 0) + len(line))
        done = max(len(ends) - 1, 0)
        if done < len(indices):
            done -= done % batch_size
        self._file.truncate(ends[done] if ends else 0)
        self._file.seek(0, os.SEEK_END)
        return done

    def records(self) -> Iterator[dict]:
        """Read what is there, by the handle that holds the lock."""
        self._file.seek(0)
        for number, line in enumerate(self._file):
            if number:
                yield parse(line, self._file.name, number + 1)
        self._file.seek(0, os.SEEK_END)

    def append(self, records: List[dict]) -> None:
        """Add the records of a batch; they are on the disk afterwards.

        Args:
            records (list[dict]): The records, in the shard's order.
        """
        self._write(records)
        self.done += len(records)

    def _write(self, contents: List[dict]) -> None:
        self._file.write(''.join(
            json.dumps(c, separators=(',', ':')) + '\n'
            for c in contents).encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file and release its lock."""
        self._file.close()
