# Copyright (c) semipose_mm authors.
"""A network as an ONNX file: normalized images in, the head's outputs out."""
import importlib.util
import inspect
import io
import json
import warnings
from typing import List

import torch
from mmengine.config import Config
from torch import Tensor, nn

from .check import compare, random_inputs
from .stock_inference import head_outputs
from .weights import ExportError

#: float: Outputs of onnxruntime may differ by this, relative to the largest
#: one: a heatmap's peak is about 1.
TOLERANCE = 1e-4
# the first with the attention of ViT
_OPSET = 14
_BATCH_SIZES = (1, 3)
_NAMES = {1: ['heatmaps'], 2: ['simcc_x', 'simcc_y']}


def check_packages() -> None:
    """Make sure that ONNX files can be written and run.

    Raises:
        ExportError: If a package is missing.
    """
    missing = [
        name for name in ('onnx', 'onnxruntime')
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise ExportError(f'--onnx needs {" and ".join(missing)}: '
                          'pip install -r requirements/onnx.txt')


class _Network(nn.Module):
    """Backbone, neck and head."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple:
        """Map normalized images to what the head gives."""
        return tuple(head_outputs(self.net, images))


def to_onnx(net: nn.Module, plain: Config, joints: List[str]) -> bytes:
    """Write a network as ONNX, with any number of images in a batch.

    Args:
        net (nn.Module): A ``TopdownPoseEstimator`` in evaluation mode.
        plain (Config): Its config.
        joints (list[str]): Names of the keypoints.

    Returns:
        bytes: The file: ``images`` (B, 3, H, W) to ``heatmaps``
        (B, K, h, w), or to ``simcc_x`` and ``simcc_y``. Metadata say how
        images are normalized.

    Raises:
        ExportError: If torch cannot write it.
    """
    import onnx
    inputs = random_inputs(plain)
    count = len(head_outputs(net, inputs))
    outputs = _NAMES.get(count, [f'output{i}' for i in range(count)])
    file = io.BytesIO()
    options = {}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        # the other exporter needs onnxscript
        options['dynamo'] = False
    try:
        with warnings.catch_warnings():
            # about shapes that are constant here
            warnings.simplefilter('ignore')
            torch.onnx.export(
                _Network(net).eval(), (inputs, ),
                file,
                input_names=['images'],
                output_names=outputs,
                dynamic_axes={
                    name: {
                        0: 'batch'
                    }
                    for name in ('images', *outputs)
                },
                opset_version=_OPSET,
                **options)
    except (RuntimeError, ValueError, TypeError) as error:
        line = str(error).strip().splitlines()[0]
        raise ExportError(f'--onnx: torch cannot write it: {line}') from None
    model = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(model, _properties(plain, joints))
    return model.SerializeToString()


def _properties(plain: Config, joints: List[str]) -> dict:
    """What one has to know to use the file, as strings."""
    given = plain.model.get('data_preprocessor') or {}
    keys = ('mean', 'std', 'bgr_to_rgb')
    props = {key: given[key] for key in keys if key in given}
    props.update(joints=joints, codec=plain.codec)
    return {key: json.dumps(value) for key, value in props.items()}


def check_onnx(data: bytes, net: nn.Module, plain: Config) -> float:
    """Compare onnxruntime with torch, for batches of one and of three.

    Args:
        data (bytes): What :func:`to_onnx` gave.
        net (nn.Module): The network.
        plain (Config): Its config.

    Returns:
        float: The largest difference, relative to the largest output.

    Raises:
        ExportError: If they differ by more than :data:`TOLERANCE`.
    """
    import onnx
    import onnxruntime
    onnx.checker.check_model(onnx.load_from_string(data))
    session = onnxruntime.InferenceSession(
        data, providers=['CPUExecutionProvider'])
    largest = 0.
    for size in _BATCH_SIZES:
        inputs = random_inputs(plain, size)
        try:
            found = session.run(None, {'images': inputs.numpy()})
        except Exception as error:
            # onnxruntime's errors share no class of their own
            line = str(error).strip().splitlines()[0]
            raise ExportError(
                f'--onnx: onnxruntime cannot run it with {size} images: '
                f'{line}') from None
        gap = compare([torch.from_numpy(array) for array in found],
                      head_outputs(net, inputs),
                      f'ONNX outputs for {size} images', TOLERANCE)
        largest = max(largest, gap)
    return largest
