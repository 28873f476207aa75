# Copyright (c) semipose_mm authors.
"""A model of a config with a drawn batch, of which steps can be run."""
import argparse
from contextlib import nullcontext
from itertools import cycle
from typing import Any, Callable, Iterator, List, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from semipose_mm.launch.fast_mode import compiling_pays, set_amp
from semipose_mm.models import semi_pose_estimator
from semipose_mm.models.network_pass import pass_sizes
from semipose_mm.models.networks import teacher_mode
from semipose_mm.structures import geometry


def add_subject_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is measured."""
    parser.add_argument('config', help='config of a SemiPoseEstimator')
    parser.add_argument(
        '--batch',
        type=int,
        default=8,
        help='labeled images, and as many unlabeled ones. Defaults to 8')
    parser.add_argument(
        '--device',
        default='cuda' if torch.cuda.is_available() else 'cpu',
        help='Defaults to a GPU if there is one')
    parser.add_argument(
        '--fast', action='store_true', help='what semipose train --fast does')
    parser.add_argument('--amp', action='store_true', help='bfloat16')
    parser.add_argument('--channels-last', action='store_true')
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--fused', action='store_true')
    parser.add_argument('--early-backward', action='store_true')
    parser.add_argument('--recompute', nargs='+', default=[], metavar='MODULE')


class Subject:
    """What is measured.

    Args:
        cfg (Config): Config of a training.
        batch (int): Labeled images, and unlabeled ones.
        device (str): Where the model is.
        settings (list[str]): Of ``'amp'``, ``'channels-last'``,
            ``'compile'``, ``'fused'``, ``'early-backward'``.
        recompute (list[str]): As in the estimator.
    """

    def __init__(self, cfg: Config, batch: int, device: str,
                 settings: List[str], recompute: List[str]) -> None:
        init_default_scope('mmpose')
        self.device = torch.device(device)
        self.settings = settings
        cfg.model.data_preprocessor = dict(
            cfg.model.get('data_preprocessor', {}))
        cfg.model.update(
            early_backward='early-backward' in settings, recompute=recompute)
        _without_weights(cfg.model)
        torch.manual_seed(0)
        self.model = MODELS.build(cfg.model).to(self.device).train()
        if 'channels-last' in settings:
            self.model.to(memory_format=torch.channels_last)
        optimizer = cfg.optim_wrapper
        if 'amp' in settings:
            set_amp(argparse.ArgumentParser(), cfg, '--amp')
            optimizer.dtype = 'bfloat16'
        if 'fused' in settings:
            optimizer.optimizer.fused = True
        optimizer.pop('constructor', None)
        self.optimizer = build_optim_wrapper(self.model, optimizer)
        if 'compile' in settings:
            sizes = pass_sizes(self.model.plan, self.model.one_pass, batch,
                               batch)
            for network in self.model.passes.values():
                network.compile(*sizes)
        self.batch = draw_batch(cfg.model, batch)
        self._prepare()

    @classmethod
    def from_options(cls,
                     args: argparse.Namespace,
                     plain: bool = False) -> 'Subject':
        """Build what options ask for.

        Args:
            args (Namespace): See :func:`add_subject_options`.
            plain (bool): Whether to leave all settings out. Defaults to
                False
        """
        names = ('amp', 'channels-last', 'compile', 'fused', 'early-backward')
        settings = [n for n in names if getattr(args, n.replace('-', '_'))]
        if args.fast:
            settings = [
                n for n in names
                if n in settings or n in ('amp', 'channels-last', 'fused')
                or n == 'compile' and compiling_pays()
            ]
        return cls(
            Config.fromfile(args.config), args.batch, args.device,
            [] if plain else settings, [] if plain else args.recompute)

    def synchronize(self) -> None:
        """Wait for the device."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize()

    def step(self) -> None:
        """The whole training step, from the batch as the loader gives it."""
        self.model.train_step(self.batch, self.optimizer)

    # ------------------------------------------------------------ the floor

    def _prepare(self) -> None:
        """Put on the device what the bare passes need."""
        data = self.model.data_preprocessor(self.batch, True)
        self._inputs = data['inputs']
        labels = data['data_samples']['labels']
        self._targets = self.model.output.labeled_targets(labels)
        self._weights = labels['keypoint_weights']
        #: Passes of a step in their order: of what, and by which network.
        self._passes: List[Tuple[str, Any]] = []
        run, labeled = self.model.run, self.model.num_networks * max(
            len(self.model.plan.labeled_views), 1)

        def noted(key: Any, *args) -> Any:
            name = 'easy'
            if torch.is_grad_enabled():
                name = 'labeled' if len(self._passes) < labeled else 'hard'
            self._passes.append((name, key))
            return run(key, *args)

        self.model.run = noted
        self.model.loss(**data)
        del self.model.run

    def labeled(self) -> Tuple[Tensor, Any, Tensor]:
        """Labeled images, their targets and weights, on the device."""
        return self._inputs['labeled'], self._targets, self._weights

    def autocast(self) -> Any:
        """The precision of forward passes."""
        if 'amp' in self.settings:
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def _bare(self, passes: List[Tuple[str, Any]]) -> None:
        """Passes with losses, and one step of the bare optimizer."""
        model, losses = self.model, []
        with self.autocast():
            for name, key in passes:
                images = self._inputs['labeled' if name ==
                                      'labeled' else 'easy']
                if name == 'easy':
                    norm = model.rules[key].norm if key in model.rules else \
                        model.teacher_norm
                    with teacher_mode(model.network(key), norm):
                        model.run(key, images)
                    continue
                head = model.network(key).head
                losses.append(
                    model.output.loss(head, model.run(key, images),
                                      self._targets, self._weights))
        sum(losses).backward()
        self.optimizer.optimizer.step()
        self.optimizer.optimizer.zero_grad()

    def floor(self) -> None:
        """The bare passes of a step."""
        self._bare(self._passes)

    def supervised(self) -> None:
        """Those of labeled images alone."""
        self._bare([one for one in self._passes if one[0] == 'labeled'])

    # ------------------------------------------------------------ its parts

    def parts(self) -> Iterator[Tuple[Any, Any, str]]:
        """What a clock has to wrap.

        Yields:
            tuple: The part, an object, and the name of its method.
        """
        model = self.model
        yield 'preprocess', model.data_preprocessor, 'forward'
        order = cycle([name for name, _ in self._passes])
        model.passes = {key: _Pass(p) for key, p in model.passes.items()}
        for run in model.passes.values():
            yield lambda: next(order), run, 'function'
        for name in ('peaks', 'make_target', 'mean', 'float'):
            yield 'views', model.output, name
        yield 'views', geometry, 'warp'
        yield 'views', model.plan, 'draw'
        for view in (*model.plan.views, *model.plan.labeled_views):
            for op in (*view.ops, view.shuffle):
                if op is not None:
                    yield 'views', op, 'apply'
        yield 'losses', model.output, 'loss'
        yield 'backward', semi_pose_estimator, 'backward_now'
        yield 'backward', self.optimizer, 'backward'
        yield 'optimizer', self.optimizer, 'step'
        yield 'optimizer', self.optimizer, 'zero_grad'


class _Pass:
    """Something that is called, as an attribute that can be wrapped."""

    def __init__(self, function: Callable) -> None:
        self.function = function

    def __call__(self, *args) -> Any:
        return self.function(*args)


def draw_batch(model: dict, size: int) -> dict:
    """A batch as the loader gives it, of noise.

    Args:
        model (dict): Config of an estimator.
        size (int): Labeled images, and unlabeled ones.
    """
    generator = torch.Generator().manual_seed(0)
    codec = KEYPOINT_CODECS.build(model['head']['decoder'])
    width, height = codec.input_size
    joints = model['head']['out_channels']

    def images() -> Tensor:
        return torch.randint(
            0,
            256, (size, 3, height, width),
            generator=generator,
            dtype=torch.uint8)

    rng, labels = np.random.default_rng(0), []
    for _ in range(size):
        points = rng.random((1, joints, 2)) * [width, height]
        encoded = codec.encode(
            points.astype(np.float32), np.ones((1, joints), np.float32))
        # a heatmap has no row for the instance
        labels.append({
            key:
            torch.as_tensor(value)[None]
            if key == 'heatmaps' else torch.as_tensor(value)
            for key, value in encoded.items() if key in LABELS
        })
    sources = {view['source'] for view in model.get('views', ())}
    inputs = dict(
        labeled=images(), **{name: images()
                             for name in sources | {'easy'}})
    for name in ('uniforms', 'labeled_uniforms'):
        uniforms = torch.rand(size, 1024, generator=generator)
        inputs[name] = uniforms * 0.99 + 0.005
    flip = dict(flip_indices=list(range(joints)))
    samples = [PoseDataSample(metainfo=flip) for _ in range(size)]
    return dict(
        inputs=inputs,
        data_samples=dict(
            labeled=samples,
            unlabeled=samples,
            labels={
                key: torch.cat([label[key] for label in labels])
                for key in labels[0]
            }))


#: What codecs call the labels that losses read.
LABELS = ('heatmaps', 'keypoint_weights', 'keypoint_x_labels',
          'keypoint_y_labels')


def _without_weights(model: dict) -> None:
    """Leave initial weights out, which cost nothing but a download."""
    model['init_cfg'] = None
    for part in (model, *model.get('peers', ())):
        if 'backbone' in part:
            part['backbone']['init_cfg'] = None
