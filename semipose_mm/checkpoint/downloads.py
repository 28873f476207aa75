# Copyright (c) semipose_mm authors.
"""Downloads of weights: once a node, and what their names promise."""
import functools
import os
import os.path as osp
import re
import sys
from typing import Optional
from urllib.error import HTTPError
from urllib.parse import unquote, urlparse
from urllib.request import Request, urlopen

import torch
from filelock import FileLock
from mmengine.logging import print_log
from tqdm import tqdm

from semipose_mm.errors import RunError
from semipose_mm.files import file_digest, whole_files

#: Seconds without a byte after which a server counts as unreachable.
TIMEOUT = 60
_BLOCK = 1 << 18
# as OpenMMLab and torchvision name them; a date is no hash
_HASH = re.compile(r'-(?!20\d{6}\.)([0-9a-f]{8,64})\.(?:pth|pt)(?:\.tar)?$')


def download(url: str, folder: Optional[str] = None) -> str:
    """Get a file from a server, unless it is there already.

    Of several processes that share the folder one downloads, and the others
    wait; processes that do not share it, as on nodes without a common home,
    download for themselves.

    Args:
        url (str): ``http://`` or ``https://``.
        folder (str, optional): Where downloads are kept. Defaults to None,
            the folder of torch.hub below ``TORCH_HOME``

    Returns:
        str: Path of the file. It has the SHA-256 that its name tells, if
        it tells one, as in ``resnet18-5c106cde.pth``.

    Raises:
        RunError: If the file cannot be had, or is another one than its name
            says; nothing is left of it then.
    """
    folder = folder or osp.join(torch.hub.get_dir(), 'checkpoints')
    path = osp.join(folder, osp.basename(unquote(urlparse(url).path)))
    try:
        if osp.isfile(path) and _is_as_named(path):
            return path
        os.makedirs(folder, exist_ok=True)
        with FileLock(f'{path}.lock'):
            if osp.isfile(path) and not _is_as_named(path):
                print_log(
                    f'{path} is not what its name says and is downloaded '
                    'again.', 'current')
                os.remove(path)
            if not osp.isfile(path):
                _fetch(url, path)
            if _is_as_named(path):
                return path
            os.remove(path)
    except OSError as error:
        raise RunError(_explain(url, path, error)) from None
    raise RunError(
        f'{url} is not what its name says: its SHA-256 does not begin '
        f'with {_promised(path)}. The download is removed; try again, or '
        'give the path of a file that you trust')


def _fetch(url: str, path: str) -> None:
    """Download a file; it is there once it is complete."""
    print_log(f'Downloading {url} to {path}', 'current')
    request = Request(url, headers={'User-Agent': 'semipose_mm'})
    with urlopen(request, timeout=TIMEOUT) as source, \
            whole_files(path) as (part, ), open(part, 'wb') as file:
        size = source.headers.get('Content-Length')
        with tqdm(
                total=size and int(size),
                unit='B',
                unit_scale=True,
                disable=not sys.stderr.isatty()) as bar:
            for block in iter(lambda: source.read(_BLOCK), b''):
                file.write(block)
                bar.update(len(block))
        if size is not None and file.tell() != int(size):
            raise ConnectionError(
                f'the connection broke after {file.tell()} of {size} bytes')


def _explain(url: str, path: str, error: OSError) -> str:
    """One line about a download that failed."""
    reason = getattr(error, 'reason', None) or error.strerror or error
    if isinstance(error, HTTPError):
        reason = f'the server answers {error.code} {reason}'
    if isinstance(error, TimeoutError):
        reason = f'no answer within {TIMEOUT} s'
    return f'weights {url} cannot be downloaded to {path}: {reason}. ' \
        'Where there is no connection, put the file there by hand, or give ' \
        'its path in the place of the address'


def _promised(path: str) -> Optional[str]:
    """The beginning of a file's SHA-256 by its name."""
    match = _HASH.search(osp.basename(path))
    return match and match[1]


def _is_as_named(path: str) -> bool:
    """Whether a file has the hash that its name tells, if any."""
    promised = _promised(path)
    status = os.stat(path)
    return promised is None or _digest(path, status.st_size,
                                       status.st_mtime_ns).startswith(promised)


@functools.lru_cache()
def _digest(path: str, *state: int) -> str:
    """The hash of a file in a state: networks share their weights."""
    return file_digest(path)
