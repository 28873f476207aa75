# Copyright (c) semipose_mm authors.
"""The bridge that loads foreign checkpoints under torch 2.6 and later.

MMEngine up to 0.10.7 calls a bare ``torch.load``, which since torch 2.6
refuses the numpy arrays and history buffers that MMEngine itself puts into
checkpoints. The bridge is one loader for local paths that accepts exactly
these and nothing else. It changes no function of torch and needs no
environment variable. MMEngine 0.11 makes it unnecessary.
"""
import collections
import os.path as osp
import pickle
import re
from typing import Any, Callable, List

import mmengine
import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version


def needs_bridge(torch_version: str = torch.__version__,
                 mmengine_version: str = mmengine.__version__) -> bool:
    """Whether MMEngine cannot load MMEngine's own checkpoints.

    Args:
        torch_version (str): Defaults to the installed one's.
        mmengine_version (str): Defaults to the installed one's.

    Returns:
        bool: True for torch >= 2.6 with mmengine <= 0.10.7.
    """
    return (digit_version(torch_version) >= digit_version('2.6.0')
            and digit_version(mmengine_version) <= digit_version('0.10.7'))


def register_bridge() -> None:
    """Let MMEngine load local checkpoint files by :func:`load_from_local`."""
    CheckpointLoader.register_scheme('', load_from_local, force=True)


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Load a local checkpoint file without executing what it says.

    Args:
        filename (str): Path of the file.
        map_location: As in ``torch.load``. Defaults to ``None``

    Returns:
        dict: The checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        RuntimeError: If the file names a class or function that MMEngine's
            own checkpoints do not need.
    """
    filename = osp.expanduser(filename)
    if not osp.isfile(filename):
        raise FileNotFoundError(f'checkpoint file {filename} does not exist')
    # leaving the context would also remove what the user has allowed
    known = set(map(id, torch.serialization.get_safe_globals()))
    allowed = [item for item in _allow_list() if id(item) not in known]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(
                filename, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise RuntimeError(_explain(filename, str(error))) from None


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
