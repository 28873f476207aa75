# Copyright (c) semipose_mm authors.
"""Released PoseDual and PoseCons files: loading, fitting to a config."""
import re
from typing import Dict, List

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor

import semipose_mm.models  # noqa: F401, registers the estimator
from ..loading import load_from_local
from .config import MEAN, STD
from .networks import OfficialError, find_networks


def load_networks(path: str) -> List[Dict[str, Tensor]]:
    """Load a file of the released code without running what it says.

    Args:
        path (str): The file, in either format of ``torch.save``.

    Returns:
        list[dict]: Its networks, see
        :func:`semipose_mm.checkpoint.official.find_networks`.

    Raises:
        OfficialError: If it is not such a file, or names a class or function
            that weights do not need.
    """
    try:
        checkpoint = load_from_local(path, 'cpu')
    except Exception as error:
        # torch raises errors of many types for what it cannot read
        text = str(error)
        refused = re.search(r'asks for ([A-Za-z_]\w*(?:\.\w+)+),', text)
        if refused:
            raise OfficialError(
                f'it names {refused.group(1)}, which weights do not need, '
                'and code of a file is never run here. If you trust it, '
                'save its weights alone: python -c "import torch; '
                f"c = torch.load('{path}', map_location='cpu', "
                "weights_only=False); torch.save({'state_dict': "
                "c.get('state_dict', c)}, 'weights.pth')\"") from None
        # its own words about classes would mislead here
        known = [] if 'asks for' in text else text.splitlines()[:1]
        raise OfficialError(
            'it cannot be read, as it is cut off or was not written by '
            f'torch.save ({", ".join([type(error).__name__, *known])})'
        ) from None
    return find_networks(checkpoint)


def check_fit(path: str,
              name: str,
              state: Dict[str, Tensor],
              device: str = 'cpu') -> None:
    """Refuse weights that a config's model cannot take or would misuse.

    Args:
        path (str): The config.
        name (str): What messages call it.
        state (dict): The converted weights.
        device (str): Where the model is built; ``'meta'`` takes no memory,
            but not every backbone can be built there. Defaults to ``'cpu'``

    Raises:
        OfficialError: If they do not fit.
    """
    try:
        cfg = Config.fromfile(path)
        check_preprocessing(cfg.model, name)
        init_default_scope('mmpose')
        with torch.device(device):
            model = MODELS.build(cfg.model)
    except OfficialError:
        raise
    except Exception as error:
        # a config runs the user's code
        line = (str(error).splitlines() or [''])[-1]
        raise OfficialError(f'{name} cannot be used: {type(error).__name__}: '
                            f'{line}') from None
    wanted, found = _shapes(model.state_dict()), _shapes(state)
    differing = [
        key for key in {
            **wanted,
            **found
        } if wanted.get(key) != found.get(key)
    ]
    if differing:
        key = differing[0]
        raise OfficialError(
            f'it does not fit {name}: {len(differing)} entries differ, first '
            f'{key}, which is {found.get(key, "missing")} in the weights and '
            f'{wanted.get(key, "missing")} in the model')


def _shapes(state: Dict[str, Tensor]) -> Dict[str, tuple]:
    """Shapes by name; batch norm did not count before torch 0.4.1."""
    return {
        key: tuple(value.shape)
        for key, value in state.items()
        if not key.endswith('num_batches_tracked')
    }


def check_preprocessing(model: ConfigDict, name: str) -> None:
    """Refuse another input than the one the networks were trained on.

    Args:
        model (ConfigDict): The model's config.
        name (str): What messages call the config.

    Raises:
        OfficialError: If the input differs.
    """
    given = model.get('data_preprocessor') or dict()
    if given.get('bgr_to_rgb', False) or given.get('rgb_to_bgr', False):
        raise OfficialError(
            f'{name} has model.data_preprocessor.bgr_to_rgb=True, but these '
            'networks were trained on BGR images under RGB statistics: it '
            'must be False')
    for key, value in dict(mean=MEAN, std=STD).items():
        if list(given.get(key) or ()) != list(value):
            raise OfficialError(
                f'{name} has model.data_preprocessor.{key}={given.get(key)}, '
                f'but these networks were trained with {list(value)} for '
                'blue, green, red')
