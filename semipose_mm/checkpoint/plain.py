# Copyright (c) semipose_mm authors.
"""Checkpoint contents as plain values that every torch loads, and back.

``torch.load(weights_only=True)``, the default since torch 2.6, accepts
tensors, numbers, strings and containers, but neither numpy arrays nor
MMEngine's history buffers. Here such values become tagged dicts of accepted
ones: ``{'__plain__': 'ndarray', 'value': ...}``.
"""
import collections
import io
from typing import Any, Callable, Dict, NamedTuple

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

_TAG = '__plain__'
_VALUE = 'value'
_LEAVES = (type(None), bool, int, float, str, torch.Size, torch.dtype)
# numpy scalars whose python counterpart holds and computes the same
_TWINS = (np.bool_, np.int64, np.float64, np.str_)
_FACTORIES = {
    kind.__name__: kind
    for kind in (bool, dict, float, int, list, set, str, tuple)
}


class PlainError(TypeError):
    """A value that has no plain form."""


class _Kind(NamedTuple):
    """One kind of tagged values."""
    matches: Callable[[Any], bool]
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _exactly(cls: type) -> Callable[[Any], bool]:
    return lambda obj: type(obj) is cls


def _encode_array(array: np.ndarray) -> Any:
    array = np.asarray(array)
    if array.dtype.hasobject:
        return dict(shape=array.shape, objects=array.ravel().tolist())
    data = np.frombuffer(array.tobytes(), dtype=np.uint8)
    return dict(
        shape=array.shape,
        dtype=np.lib.format.dtype_to_descr(array.dtype),
        data=torch.from_numpy(data.copy()))


def _decode_array(value: dict) -> np.ndarray:
    if 'objects' in value:
        array = np.empty(len(value['objects']), dtype=object)
        array[:] = value['objects']
    else:
        dtype = np.lib.format.descr_to_dtype(value['dtype'])
        data = value['data'].cpu().numpy().tobytes()
        array = np.frombuffer(data, dtype=dtype).copy()
    return array.reshape(value['shape'])


def _encode_buffer(buffer: HistoryBuffer) -> dict:
    log_history, count_history = buffer.data
    return dict(
        log_history=log_history,
        count_history=count_history,
        max_length=buffer.max_length)


def _encode_defaultdict(obj: collections.defaultdict) -> dict:
    factory = getattr(obj.default_factory, '__name__', None)
    if obj.default_factory is not None and \
            _FACTORIES.get(factory) is not obj.default_factory:
        raise PlainError(
            f'a defaultdict of {obj.default_factory!r} has no plain form')
    return dict(factory=factory, items=dict(obj))


def _decode_defaultdict(value: dict) -> collections.defaultdict:
    return collections.defaultdict(
        _FACTORIES.get(value['factory']), value['items'])


_KINDS = {
    'HistoryBuffer':
    _Kind(
        _exactly(HistoryBuffer), _encode_buffer,
        lambda value: HistoryBuffer(**value)),
    'ndarray':
    _Kind(lambda obj: isinstance(obj, np.ndarray), _encode_array,
          _decode_array),
    'scalar':
    _Kind(lambda obj: isinstance(obj, np.generic), _encode_array,
          lambda value: _decode_array(value)[()]),
    'ConfigDict':
    _Kind(_exactly(ConfigDict), lambda obj: obj.to_dict(), ConfigDict),
    'Counter':
    _Kind(
        _exactly(collections.Counter), dict,
        lambda value: collections.Counter(value)),
    'defaultdict':
    _Kind(
        _exactly(collections.defaultdict), _encode_defaultdict,
        _decode_defaultdict),
    'deque':
    _Kind(
        _exactly(collections.deque), lambda obj: (list(obj), obj.maxlen),
        lambda value: collections.deque(*value)),
    'set':
    _Kind(_exactly(set), list, set),
    'frozenset':
    _Kind(_exactly(frozenset), list, frozenset),
    'complex':
    _Kind(
        _exactly(complex), lambda obj: (obj.real, obj.imag),
        lambda value: complex(*value)),
    'bytes':
    _Kind(
        _exactly(bytes), lambda obj: np.frombuffer(obj, dtype=np.uint8),
        lambda value: value.tobytes()),
    'device':
    _Kind(lambda obj: isinstance(obj, torch.device), str, torch.device),
    # a dict that happens to hold our tag
    'dict':
    _Kind(lambda obj: type(obj) is dict and _TAG in obj,
          lambda obj: list(obj.items()), dict),
}


def to_plain(obj: Any, where: str = '') -> Any:
    """Turn a value into one that ``torch.load(weights_only=True)`` accepts.

    Numpy scalars with an equal python type (``np.float64`` and the like)
    become that; everything else comes back from :func:`from_plain` as it was.

    Args:
        obj (Any): Nested containers of tensors, numbers, strings, numpy
            values, history buffers.
        where (str): The entry's path, for the error message. Defaults to ''

    Returns:
        Any: The same with tagged dicts for what is not plain. Containers are
        new, tensors are not copied.

    Raises:
        PlainError: If a value has no plain form.
    """
    if isinstance(obj, torch.Tensor) or type(obj) in _LEAVES:
        return obj
    if isinstance(obj, _TWINS):
        return obj.item()
    for name, kind in _KINDS.items():
        if kind.matches(obj):
            try:
                value = kind.encode(obj)
            except PlainError as error:
                raise PlainError(f'{where or "value"}: {error}') from None
            return {_TAG: name, _VALUE: to_plain(value, where)}
    return _rebuild(obj, to_plain, where)


def from_plain(obj: Any, where: str = '') -> Any:
    """Undo :func:`to_plain`; values without tags stay as they are.

    Args:
        obj (Any): What :func:`to_plain` gave, on any device.
        where (str): The entry's path, for the error message. Defaults to ''

    Returns:
        Any: The original values in new containers.
    """
    if type(obj) is dict and _TAG in obj:
        if obj[_TAG] not in _KINDS or _VALUE not in obj:
            raise PlainError(
                f'{where or "value"}: unknown tag {obj[_TAG]!r}, known are '
                f'{sorted(_KINDS)}; the checkpoint was written by a newer '
                'version of semipose_mm')
        value = from_plain(obj[_VALUE], where)
        return _KINDS[obj[_TAG]].decode(value)
    if type(obj) in (dict, collections.OrderedDict, list, tuple):
        return _rebuild(obj, from_plain, where, key_of=lambda key, _: key)
    return obj


def to_builtin(obj: Any, where: str = '') -> Any:
    """Turn a value into lists, dicts, numbers and strings without any tag.

    Meant for ``meta.dataset_meta``, which stock MMPose reads: arrays become
    nested lists.

    Args:
        obj (Any): Nested containers of numpy values, numbers and strings.
        where (str): The entry's path, for the error message. Defaults to ''

    Returns:
        Any: The plain value.
    """
    if isinstance(obj, torch.Tensor) or type(obj) in _LEAVES:
        return obj
    if isinstance(obj, np.generic):
        return to_builtin(obj.item(), where)
    if isinstance(obj, np.ndarray):
        return to_builtin(obj.tolist(), where)
    if isinstance(obj, ConfigDict):
        return to_builtin(obj.to_dict(), where)
    if isinstance(obj, (set, frozenset)):
        return to_builtin(sorted(obj), where)
    if isinstance(obj, dict):
        return _rebuild(dict(obj), to_builtin, where)
    return _rebuild(obj, to_builtin, where)


def _plain_key(key: Any, where: str) -> Any:
    """Check a dict's key and take numpy's types out of it."""
    if isinstance(key, np.generic):
        key = key.item()
    items = key if type(key) is tuple else (key, )
    for item in items:
        if type(item) not in _LEAVES:
            raise PlainError(f'{where or "value"}: the key {key!r} of type '
                             f'{type(key).__name__} has no plain form')
    return key


def _rebuild(obj: Any,
             convert: Callable,
             where: str,
             key_of: Callable = _plain_key) -> Any:
    """Apply a conversion to the items of a plain container."""
    if type(obj) in (list, tuple):
        return type(obj)(convert(item, f'{where}[{i}]')
                         for i, item in enumerate(obj))
    if type(obj) in (dict, collections.OrderedDict):
        new = type(obj)(
            (key_of(key, where), convert(item, f'{where}[{key!r}]'))
            for key, item in obj.items())
        # a state dict carries its _metadata as an attribute
        for name, value in getattr(obj, '__dict__', {}).items():
            setattr(new, name, convert(value, f'{where}.{name}'))
        return new
    raise PlainError(f'{where or "value"}: an object of type '
                     f'{type(obj).__module__}.{type(obj).__qualname__} has '
                     'no plain form')


def to_bytes(checkpoint: Dict[str, Any]) -> bytes:
    """A checkpoint as the content of a file, the same for the same values.

    Args:
        checkpoint (dict): Of plain values and tensors.
    """
    file = io.BytesIO()
    torch.save(checkpoint, file)
    return file.getvalue()
