# Copyright (c) semipose_mm authors.
"""A runner's checkpoint in plain values, and back."""
from typing import Any, Callable

from .plain import PlainError, from_plain, to_builtin, to_plain

Tell = Callable[[str], None]


def make_plain(checkpoint: dict, warn: Tell) -> None:
    """Keep numpy arrays and python objects out of a checkpoint.

    ``meta.dataset_meta`` becomes lists, so that inference with stock MMPose
    reads it in a process without this package.

    Args:
        checkpoint (dict): What is going to be saved; changed in place.
        warn (Callable): Is given a line for each entry without a plain form.
    """
    dataset_meta = checkpoint.get('meta', {}).pop('dataset_meta', None)
    for key, value in checkpoint.items():
        if key == 'message_hub':
            value = _without_odd_entries(value, warn)
        elif key == 'param_schedulers':
            value = _without_callables(value)
        try:
            checkpoint[key] = to_plain(value, f"checkpoint['{key}']")
        except PlainError as error:
            warn(f'{error}: the checkpoint is saved with it and can only be '
                 'loaded with weights_only=False')
    if dataset_meta is not None:
        checkpoint['meta']['dataset_meta'] = to_builtin(
            dataset_meta, 'train_dataloader.dataset.metainfo')


def restore(checkpoint: dict) -> None:
    """Bring the original values back.

    Args:
        checkpoint (dict): What has been loaded; changed in place.
    """
    for key, value in checkpoint.items():
        checkpoint[key] = from_plain(value, f"checkpoint['{key}']")


def _without_odd_entries(hub: dict, warn: Tell) -> dict:
    """Leave out entries of the message hub that have no plain form."""
    hub = {name: dict(entries) for name, entries in hub.items()}
    for name in ('log_scalars', 'runtime_info'):
        for key in list(hub[name]):
            try:
                to_plain(hub[name][key], f"message_hub.{name}['{key}']")
            except PlainError as error:
                warn(f'{error}: it is left out of the checkpoint')
                del hub[name][key]
                hub['resumed_keys'].pop(key, None)
    return hub


def _without_callables(schedulers: Any) -> Any:
    """Drop functions: a scheduler built from its config has them already."""
    if isinstance(schedulers, list):
        return [{
            key: value
            for key, value in state.items() if not callable(value)
        } for state in schedulers]
    return {
        name: _without_callables(states)
        for name, states in schedulers.items()
    }
