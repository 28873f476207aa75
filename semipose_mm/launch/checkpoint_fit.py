# Copyright (c) semipose_mm authors.
"""Whether a checkpoint is of the config that it is used with."""
import ast
import logging
from contextlib import suppress
from typing import Any, Dict, Iterator, Optional

from mmengine.config import Config
from mmengine.logging import print_log
from torch import nn


def check_fit(parser, args, cfg: Config, model: nn.Module) -> None:
    """Refuse a checkpoint of which the model takes less than half.

    One of a training with other crops is warned of: a network takes images
    of any size, and finds little in those that it does not know.

    Args:
        parser (ToolParser): Reports mistakes.
        args (Namespace): ``config`` and ``checkpoint``.
        cfg (Config): The config.
        model (nn.Module): What it builds.
    """
    from mmengine.runner.checkpoint import _load_checkpoint

    from semipose_mm.engine.distributed import unwrap
    from semipose_mm.models.loading_report import unmatched
    from semipose_mm.models.networks import own_state
    source = _load_checkpoint(args.checkpoint, map_location='cpu')
    for told in other_crops(source.get('meta') or {}, cfg):
        print_log(
            f'{args.checkpoint} is of a training with {told}: take the '
            'config that it was trained with',
            'current',
            level=logging.WARNING)
    state = source.get('state_dict', source)
    if any(key.startswith('keypoint_head.') for key in state):
        return  # of an older format, which MMPose converts
    own = own_state(unwrap(model))
    wrong = unmatched(own, state)
    if 2 * len(wrong) > len(own):
        parser.error(f'{args.checkpoint} does not fit {args.config}: it '
                     f'lacks {len(wrong)} of {len(own)} entries, or has them '
                     f'in another shape, such as {wrong[0]}')


def other_crops(meta: dict, cfg: Config) -> Iterator[str]:
    """How the crops of a checkpoint's training differ from a config's.

    Args:
        meta (dict): What the checkpoint tells of itself; MMEngine writes the
            config as text into ``cfg``.
        cfg (Config): The config.

    Yields:
        str: What was what, and is what.
    """
    before, now = _crops(_assigned(meta.get('cfg'))), _crops(cfg.to_dict())
    for key, value in before.items():
        if key in now and now[key] != value:
            yield f'{key} {value}, but the config has {now[key]}'


def _crops(cfg: Dict[str, Any]) -> Dict[str, Any]:
    """Size and rule of the crops that a config's test data have."""
    found: Dict[str, Any] = {}
    codec = ((cfg.get('model') or {}).get('head') or {}).get('decoder') or {}
    if 'input_size' in codec:
        found['input_size'] = tuple(codec['input_size'])
    loader = cfg.get('test_dataloader') or {}
    for one in (loader.get('dataset') or {}).get('pipeline') or ():
        if one.get('type') == 'GetBBoxCenterScale':
            found['padding of boxes'] = one.get('padding', 1.25)
    return found


def _assigned(text: Optional[str]) -> Dict[str, Any]:
    """The values in the text of a config, of which nothing is executed."""
    found: Dict[str, Any] = {}
    # what is no literal, or of another program, tells nothing
    with suppress(SyntaxError, ValueError, TypeError):
        for line in ast.parse(text or '').body:
            with suppress(ValueError, TypeError, AttributeError):
                found[line.targets[0].id] = _value(line.value)
    return found


def _value(node: ast.AST) -> Any:
    """A literal, in which dicts may be calls."""
    if isinstance(node, ast.Call):
        return {one.arg: _value(one.value) for one in node.keywords}
    if isinstance(node, ast.Dict):
        return {
            ast.literal_eval(key): _value(value)
            for key, value in zip(node.keys, node.values)
        }
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(one) for one in node.elts]
    return ast.literal_eval(node)
