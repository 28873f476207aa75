# Copyright (c) semipose_mm authors.
"""The check of an export: stock MMPose predicts what the training did."""
import copy
import os.path as osp
import re
import subprocess
import sys
from typing import Dict, List, Optional, Union

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.apis import init_model
from mmpose.registry import DATASETS
from torch import Tensor, nn

from .config import needs_package
from .stock_inference import Sample, head_outputs, keypoints
from .weights import ExportError

#: float: Outputs may differ by this, relative to the largest.
TOLERANCE = 1e-6
#: float: Keypoints may differ by this, in pixels of the image.
PIXELS = 1e-3


def load_training(cfg: Config, state: Dict[str, Tensor], key: Union[int, str],
                  dataset_meta: dict) -> nn.Module:
    """Build the model of the training, with one of its networks selected.

    Args:
        cfg (Config): Config of the training.
        state (dict): Its state dict.
        key (int | str): The network that predicts.
        dataset_meta (dict): Meta information of the data set.

    Returns:
        nn.Module: The estimator on CPU in evaluation mode.

    Raises:
        ExportError: If the state dict does not fit.
    """
    cfg = copy.deepcopy(cfg)
    if cfg.model.get('peers') or cfg.model.get('teachers'):
        cfg.merge_from_dict({'model.test_cfg': dict(network=key)})
    # where MMPose looks for the meta information, or it would warn
    cfg.train_dataloader = cfg.get('val_dataloader') or cfg.test_dataloader
    model = init_model(cfg, device='cpu')
    model.dataset_meta = dataset_meta
    load_strictly(model, state, 'CONFIG')
    return model


def load_strictly(model: nn.Module, state: Dict[str, Tensor],
                  name: str) -> None:
    """Load weights that have to fit.

    Args:
        model (nn.Module): The model.
        state (dict): Its weights.
        name (str): What messages call its config.

    Raises:
        ExportError: If they do not; it names the first entry.
    """
    wanted = model.state_dict()
    for key in {**wanted, **state}:
        shapes = [
            tuple(part[key].shape) if key in part else 'missing'
            for part in (state, wanted)
        ]
        # batch norm did not count before torch 0.4.1
        if shapes[0] != shapes[1] and 'num_batches_tracked' not in key:
            raise ExportError(
                f'the checkpoint does not fit {name}: {key} is {shapes[0]} '
                f'in the checkpoint and {shapes[1]} in the model')
    model.load_state_dict(state, strict=False)


def network_of(model: nn.Module, key: Union[int, str]) -> nn.Module:
    """One network of an estimator, which may be a stock one.

    Args:
        model (nn.Module): The estimator.
        key (int | str): The network.
    """
    return model.network(key) if hasattr(model, 'network') else model


def random_inputs(plain: Config, batch_size: int = 2) -> Tensor:
    """Normalized images (B, 3, H, W) from a fixed seed.

    Args:
        plain (Config): The exported config.
        batch_size (int): B. Defaults to 2
    """
    codec = plain.model.head.decoder
    codec = codec[-1] if isinstance(codec, (list, tuple)) else codec
    width, height = codec['input_size']
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch_size, 3, height, width, generator=generator)


def write_noise(path: str) -> Sample:
    """Write an image of noise from a fixed seed.

    Args:
        path (str): A png file.

    Returns:
        tuple: The sample.
    """
    noise = np.random.default_rng(0).integers(0, 256, (24, 18, 3), np.uint8)
    # coarse, as noise of single pixels is gone after scaling
    cv2.imwrite(path, cv2.resize(noise, (180, 240)))
    return path, None


def first_sample(plain: Config) -> Optional[Sample]:
    """The first person of the validation data.

    Args:
        plain (Config): The exported config.

    Returns:
        tuple, optional: None if the data are not there.
    """
    init_default_scope(plain.default_scope)
    try:
        dataset = DATASETS.build(
            dict(plain.val_dataloader.dataset, pipeline=[]))
        info = dataset.get_data_info(0)
    except (AssertionError, FileNotFoundError, IndexError, ValueError):
        # MMPose's ways to say that files are missing or empty
        return None
    if not osp.isfile(info.get('img_path', '')):
        return None
    return info['img_path'], np.ravel(info['bbox'])[:4].tolist()


def run_stock(*args: str) -> subprocess.CompletedProcess:
    """Run ``stock_inference.py`` in a process of its own.

    Args:
        *args (str): Its arguments.
    """
    script = osp.join(osp.dirname(__file__), 'stock_inference.py')
    return subprocess.run([sys.executable, script, *args],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          universal_newlines=True)


def first_error(output: str) -> str:
    """The line of a traceback that says what happened first.

    Args:
        output (str): What a process printed.
    """
    lines = output.strip().splitlines() or ['no message']
    errors = [
        line for line in lines if re.match(r'[\w.]+(Error|Exit)\b', line)
    ]
    return (errors or lines[-1:])[0]


def check_export(model: nn.Module, key: Union[int, str], inputs: Tensor,
                 samples: List[Sample], config: str, checkpoint: str) -> None:
    """Let stock MMPose predict, without this package if it can, and compare.

    Args:
        model (nn.Module): Estimator of the training, see
            :func:`load_training`.
        key (int | str): The network of it that is exported.
        inputs (Tensor): Normalized images (B, 3, H, W).
        samples (list): Images and boxes.
        config (str): The exported config.
        checkpoint (str): The exported checkpoint; files for the other
            process are written beside it.

    Raises:
        ExportError: If MMPose cannot load it or predicts something else.
    """
    expected = dict(
        outputs=head_outputs(network_of(model, key), inputs),
        keypoints=keypoints(model, samples))
    folder = osp.dirname(checkpoint)
    asked, told = (osp.join(folder, n) for n in ('asked.pt', 'told.pt'))
    torch.save(dict(inputs=inputs, samples=samples), asked)
    more = ['with'] if needs_package(Config.fromfile(config)) else []
    done = run_stock(config, checkpoint, asked, told, *more)
    if done.returncode != 0:
        how = 'with' if more else 'without'
        reason = first_error(done.stdout) if done.returncode > 0 else \
            f'signal {-done.returncode} has ended it'
        raise ExportError(f'self-check: {how} semipose_mm MMPose cannot use '
                          f'the exported files: {reason}')
    found = torch.load(told, weights_only=True)
    compare(found['outputs'], expected['outputs'], 'outputs')
    compare(
        found['keypoints'],
        expected['keypoints'],
        'keypoints',
        absolute=PIXELS)


def compare(found: List[Tensor],
            expected: List[Tensor],
            name: str,
            relative: float = TOLERANCE,
            absolute: float = 0.) -> float:
    """Compare tensors of two networks.

    Args:
        found (list[Tensor]): Of the exported one.
        expected (list[Tensor]): Of the training's.
        name (str): What they are, for the message.
        relative (float): What they may differ by, relative to the largest
            value. Defaults to 1e-6
        absolute (float): What they may differ by on top. Defaults to 0.

    Returns:
        float: The largest difference, relative to the largest value.

    Raises:
        ExportError: If they differ by more, or in number or shape.
    """
    shapes = [[tuple(t.shape) for t in part] for part in (found, expected)]
    if shapes[0] != shapes[1]:
        raise ExportError(f'self-check: shapes of {name} are {shapes[0]}, '
                          f'but should be {shapes[1]}')
    largest = 0.
    for one, other in zip(found, expected):
        gap = float((one - other).abs().max())
        scale = float(other.abs().max())
        largest = max(largest, gap / scale if scale else gap)
        # also true where one of them is not a number
        if not gap <= absolute + relative * scale:
            raise ExportError(f'self-check: {name} of the exported network '
                              f"differ from the training's by {gap:.2g}")
    return largest
