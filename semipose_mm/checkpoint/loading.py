# Copyright (c) semipose_mm authors.
"""Loading checkpoint files without executing what they say.

MMEngine calls a bare ``torch.load``. Up to torch 2.5 that executes whatever a
file asks for; since torch 2.6 it refuses the numpy arrays and history buffers
that MMEngine (up to 0.10.7) itself puts into checkpoints. The loaders here
accept exactly these and nothing else. They change no function of torch and
need no environment variable.
"""
import collections
import difflib
import os.path as osp
import pickle
import re
import tarfile
import zipfile
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Optional
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner import checkpoint as hub
from mmengine.runner.checkpoint import CheckpointLoader

from semipose_mm.errors import RunError
from .downloads import download


def register_loaders() -> None:
    """Let MMEngine load files and downloads by the loaders below.

    So are names of MMEngine's zoos (``torchvision://`` and the like). What
    comes from ``s3://`` and other stores is loaded as MMEngine and torch do.
    """
    zoos = ('torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://',
            'mmcls://')
    for prefixes, loader in (('', load_from_local), ('file://',
                                                     load_from_url_of_file),
                             (('http://', 'https://'), load_from_http),
                             (zoos, load_from_zoo), ('hf://', load_from_hub)):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)


def load_from_local(filename: str,
                    map_location: Any = None,
                    mmap: bool = False) -> Any:
    """Load a local checkpoint file without executing what it says.

    Args:
        filename (str): Path of the file.
        map_location: As in ``torch.load``. Defaults to ``None``
        mmap (bool): As in ``torch.load``. Defaults to ``False``

    Returns:
        dict: The checkpoint; of ``.safetensors`` the tensors by name.

    Raises:
        RunError: If there is no such file, it names a class or function that
            MMEngine's own checkpoints do not need, or is a program.
    """
    filename = osp.expanduser(filename)
    if not osp.isfile(filename):
        what = 'is a folder' if osp.isdir(filename) else 'does not exist'
        raise RunError(f'checkpoint file {filename} {what}')
    if filename.endswith('.safetensors'):
        return _load_safetensors(filename)
    _refuse_programs(filename)
    try:
        with _allowed():
            return torch.load(
                filename,
                map_location=map_location,
                weights_only=True,
                mmap=mmap)
    except RuntimeError as error:
        # of a device, say, unless torch's reader of archives says it
        if 'PytorchStreamReader' not in str(error):
            raise
        raise RunError(_explain(filename, '')) from None
    except OSError:
        raise
    except Exception as error:  # what is no pickle fails in many ways
        raise RunError(_explain(filename, str(error))) from None


def load_from_http(filename: str,
                   map_location: Any = None,
                   model_dir: Optional[str] = None) -> Any:
    """Download a checkpoint and load it as a local file.

    Args:
        filename (str): URL.
        map_location: As in ``torch.load``. Defaults to ``None``
        model_dir (str, optional): Folder of the downloads. Defaults to
            ``None``, that of torch.hub

    Returns:
        dict: The checkpoint.

    Raises:
        RunError: As in :func:`load_from_local` and :func:`download`.
    """
    return load_from_local(download(filename, model_dir), map_location)


def _load_safetensors(filename: str) -> Any:
    """Tensors of a file of safetensors, which can hold nothing else."""
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise RunError(f'{filename} needs safetensors, which is not '
                       'installed: pip install safetensors') from None
    try:
        return load_file(filename)
    except SafetensorError as error:
        raise RunError(
            f'{filename} is no file of safetensors: {error}') from None


def load_from_hub(filename: str, map_location: Any = None) -> Any:
    """Load a file of the Hugging Face hub, downloaded once.

    Args:
        filename (str): ``hf://OWNER/REPOSITORY``, whose ``model.safetensors``
            is meant, or ``hf://OWNER/REPOSITORY/FILE``.
        map_location: As in ``torch.load``. Defaults to ``None``

    Returns:
        dict: The checkpoint.

    Raises:
        RunError: If it cannot be had, and as in :func:`load_from_local`.
    """
    owner, _, rest = filename.partition('://')[2].partition('/')
    repository, _, file = rest.partition('/')
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        raise RunError(f'{filename} needs huggingface_hub, which is not '
                       'installed: pip install huggingface_hub') from None
    try:
        path = hf_hub_download(f'{owner}/{repository}', file
                               or 'model.safetensors')
    except Exception as error:  # a class for each kind of failure
        reason = ' '.join(str(error).split())[:200]
        raise RunError(
            f'weights {filename} cannot be downloaded: {reason}. Download '
            'the file elsewhere and name it: model.backbone.init_cfg.'
            'checkpoint=FILE') from None
    return load_from_local(path, map_location)


def load_from_url_of_file(filename: str, map_location: Any = None) -> Any:
    """Load ``file:///path`` as a local file."""
    path = url2pathname(urlparse(filename).path)
    return load_from_local(path, map_location)


def load_from_zoo(filename: str, map_location: Any = None) -> Any:
    """Load what MMEngine knows by a name, such as ``torchvision://resnet18``.

    Args:
        filename (str): ``torchvision://``, ``mmcls://`` or ``openmmlab://``
            and a name.
        map_location: As in ``torch.load``. Defaults to ``None``

    Returns:
        dict: The checkpoint; of ``mmcls://`` the backbone alone.

    Raises:
        RunError: If the name is not known, and as in
            :func:`load_from_http`.
    """
    scheme, _, name = filename.partition('://')
    if scheme == 'mmcls':
        known = hub.get_mmcls_models()
    elif scheme in ('torchvision', 'modelzoo'):
        known = hub.get_torchvision_models()
    else:
        known = hub.get_external_models()
        name = hub.get_deprecated_model_names().get(name, name)
    if name not in known:
        near = difflib.get_close_matches(name, known)
        near = f'; similar ones are {", ".join(near)}' if near else ''
        raise RunError(f'weights {filename}: {scheme} has no model {name}'
                       f'{near}')
    place = known[name]
    if not place.startswith(('http://', 'https://')):
        place = osp.join(hub._get_mmengine_home(), place)
        return load_from_local(place, map_location)
    checkpoint = load_from_http(place, map_location)
    return hub._process_mmcls_checkpoint(checkpoint) if scheme == 'mmcls' \
        else checkpoint


def _refuse_programs(filename: str) -> None:
    """Refuse TorchScript and tar files, which torch < 2.6 would execute."""
    program = tarfile.is_tarfile(filename)
    if zipfile.is_zipfile(filename):
        with zipfile.ZipFile(filename) as archive:
            program = any(
                osp.basename(name) == 'constants.pkl'
                for name in archive.namelist())
    if program:
        raise RunError(f'{filename} is not loaded: it is a program '
                       '(TorchScript) or a tar archive, no checkpoint')


@contextmanager
def _allowed() -> Iterator[None]:
    """Allow what the allow list names, and leave no trace of it."""
    if not hasattr(torch.serialization, 'safe_globals'):  # torch 2.4
        before = torch.serialization.get_safe_globals()
        torch.serialization.add_safe_globals(_allow_list())
        try:
            yield
        finally:
            torch.serialization.clear_safe_globals()
            torch.serialization.add_safe_globals(before)
        return
    # leaving the context would also remove what the user has allowed
    known = set(map(id, torch.serialization.get_safe_globals()))
    allowed = [item for item in _allow_list() if id(item) not in known]
    with torch.serialization.safe_globals(allowed):
        yield


def _allow_list() -> List[Any]:
    """What MMEngine's and MMPose's checkpoints name, beyond tensors."""
    allowed = [
        HistoryBuffer, OneCycleParamScheduler, ConfigDict, np.ndarray,
        np.dtype, collections.Counter, collections.defaultdict,
        _named(_known_method, 'builtins.getattr')
    ]
    allowed += sorted({type(np.dtype(code))
                       for code in np.typecodes['All']},
                      key=lambda cls: cls.__name__)
    reconstruct, scalar = _numpy_functions()
    # numpy 2 moved its functions, and files of either may come here
    for package in ('numpy.core', 'numpy._core'):
        allowed.append(
            _named(reconstruct, f'{package}.multiarray._reconstruct'))
        allowed.append(_named(scalar, f'{package}.multiarray.scalar'))
    return allowed


def _numpy_functions() -> tuple:
    """The two functions by which numpy unpickles arrays and scalars."""
    reconstruct = np.zeros(1).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    return reconstruct, scalar


def _known_method(owner: Any, name: str) -> Any:
    """``getattr`` for the methods that history buffers and schedulers name."""
    methods = {
        HistoryBuffer: ('min', 'max', 'current', 'mean'),
        OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear')
    }
    if name not in methods.get(owner, ()):
        raise pickle.UnpicklingError(
            f'Unsupported global: GLOBAL {getattr(owner, "__name__", owner)}'
            f'.{name} was not an allowed global by default.')
    return getattr(owner, name)


def _named(function: Callable, path: str) -> Callable:
    """A function under the name that it has in a checkpoint file."""

    def call(*args):
        return function(*args)

    call.__module__, _, call.__name__ = path.rpartition('.')
    call.__qualname__ = call.__name__
    return call


def _explain(filename: str, error: str) -> str:
    """Say what was refused and what can be done."""
    match = re.search(r'GLOBAL (\S+)', error) or re.search(
        r'(?:class|function) <?(?:class |function )?\'?([\w.]+)', error)
    if match is None:
        return f'{filename} is no file that torch.save has written'
    return (
        f'{filename} is not loaded, because it asks for {match[1]}, which is '
        'not among what MMEngine and MMPose put into checkpoints. If you '
        'trust the file, save its weights once and load the new file: '
        'python -c "import torch; '
        f"c = torch.load('{filename}', map_location='cpu', "
        "weights_only=False); torch.save({'state_dict': "
        "c.get('state_dict', c)}, 'weights.pth')\"")
