# Copyright (c) semipose_mm authors.
"""The semi-supervised estimator: its training step from top to bottom."""
from functools import partial
from typing import Dict, Optional, Sequence, Union

import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import OptConfigType, SampleList
from torch import Tensor, nn

from semipose_mm.structures import (SemiPoseDataSamples, SemiPoseInputs,
                                    TeachingStep, stack_labels)
from semipose_mm.structures.semi_batch import Lesson
from .memory import recompute_modules, spend
from .network_pass import NetworkPass
from .networks import teaching
from .peer_estimator import PeerEstimator
from .teaching import Deal, Lectern, build_views, parse_routes


@MODELS.register_module()
class SemiPoseEstimator(PeerEstimator):
    """Networks that teach one another on unlabeled images.

    For every student s, route r = (s, teachers) and view p the loss is

        sum_s sup_weight * l(f_s(x_labeled), y)
        + sum_r sum_p unsup_weight * l(f_s(V_p(x_p)), T_p(target_r))

    where target_r is the mean output of the teachers on the easy view,
    without gradient, V_p the operations and the warp of a hard view and T_p
    the same warp. Outputs are heatmaps or SimCC vectors; :class:`HeadOutput`
    says how either is moved and compared. PoseDual is two networks with
    crossed routes, PoseCons one network with the route 0 <- 0, and without
    routes this is supervised training (Xie et al., "An Empirical Study of
    the Collapsing Problem in Semi-Supervised 2D Human Pose Estimation", ICCV
    2021).

    The estimator itself is network 0 and the others are its ``peers``, so
    that its checkpoints load in the stock config of the same architecture,
    and a stock checkpoint initializes every network.

    Args:
        *args: See :class:`PeerEstimator`, as ``**kwargs``.
        routes (Sequence[dict]): ``dict(student=0, teachers=[1])``.
            Defaults to ``()``
        views (Sequence[dict]): ``dict(source='easy', ops=[...])``.
            Defaults to ``()``
        warp (dict, optional): Warp from the easy to the hard view.
            Defaults to ``None``
        sup_weight (float): Weight of each labeled loss. Defaults to 0.5
        unsup_weight (float): Weight of each unlabeled loss, on which
            ``MutualTeachingHook`` puts its schedule. Defaults to 1.0
        teacher_norm (str): Whether batch norm of a teaching network is in
            ``'train'`` mode, as in the paper, or in ``'eval'``. Defaults to
            ``'train'``
        recompute (Sequence[str]): Modules of each network, such as
            ``'backbone.stage3'``, whose activations are computed again in
            the backward pass instead of kept. Defaults to ``()``
        early_backward (bool): Whether each loss is differentiated as soon as
            it is there: the same gradients with the activations of one pass
            in memory instead of all, and a set of gradients for each loss
            until the end of the step. Several processes then exchange
            gradients after the last pass, not during it. Defaults to
            ``False``
        **kwargs: ``backbone``, ``head``, ``peers`` and the other parameters
            of :class:`PeerEstimator`.

    Raises:
        TypeError: If a head or loss cannot be used.
        ValueError: If an entry of the config has a value that is not allowed.
    """

    def __init__(self,
                 *args,
                 routes: Sequence[dict] = (),
                 views: Sequence[dict] = (),
                 warp: OptConfigType = None,
                 sup_weight: float = 0.5,
                 unsup_weight: float = 1.0,
                 teacher_norm: str = 'train',
                 recompute: Sequence[str] = (),
                 early_backward: bool = False,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for key, value in dict(
                sup_weight=sup_weight, unsup_weight=unsup_weight).items():
            if value < 0:
                raise ValueError(
                    f'model.{key} must not be negative, but got {value}')
        if teacher_norm not in ('train', 'eval'):
            raise ValueError("model.teacher_norm must be 'train' or 'eval', "
                             f'but got {teacher_norm!r}')
        self.lectern = Lectern(
            parse_routes(routes, self.num_networks), build_views(views), warp)
        self.sup_weight = sup_weight
        self.base_unsup_weight = unsup_weight
        self.teacher_norm = teacher_norm
        self.early_backward = early_backward
        for net in self.networks:
            recompute_modules(net, recompute, 'model.recompute')
        self.recompute = tuple(recompute)
        #: list[NetworkPass]: How each network runs in training.
        self.passes = [
            NetworkPass(partial(self.output.run, net)) for net in self.networks
        ]
        # a tensor, as a compiled step would be rebuilt for every new float
        self.register_buffer(
            'unsup_weight', torch.tensor(0.), persistent=False)
        self.set_unsup_weight(unsup_weight)
        #: TeachingStep: what the last call of :meth:`loss` computed.
        self.last_step: Optional[TeachingStep] = None

    # ------------------------------------------------------------ training

    def set_unsup_weight(self, weight: float) -> None:
        """Set the weight of the unlabeled loss.

        While it is 0 the unlabeled passes are not run at all, so
        training equals the supervised one in parameters and buffers. It
        must depend on nothing but the iteration, or ranks would run
        different passes.
        """
        self.unsup_weight.fill_(weight)
        self.teaching_enabled = weight > 0 and bool(self.lectern.routes)

    def loss(self, inputs: Union[SemiPoseInputs, Tensor],
             data_samples: Union[SemiPoseDataSamples, SampleList]) -> dict:
        """Compute the losses of a batch.

        Args:
            inputs (dict | Tensor): A semi-supervised batch, or labeled
                images (B, 3, H, W) alone.
            data_samples (dict | list): The samples of either form.

        Returns:
            dict: ``net<i>/loss_sup`` for every network and, while teaching,
            ``net<i>/loss_unsup`` for every student; weighted scalars.
        """
        self.last_step = None  # frees the last step's tensors in time
        step = TeachingStep(self.output)
        if isinstance(inputs, Tensor):
            losses = self._labeled_losses(inputs, stack_labels(data_samples),
                                          step)
        else:
            labels = data_samples.get('labels') or stack_labels(
                data_samples['labeled'])
            losses = self._labeled_losses(inputs['labeled'], labels, step)
            if self.teaching_enabled:
                losses.update(self._unlabeled_losses(inputs, step))
        step.losses = {name: loss.detach() for name, loss in losses.items()}
        self.last_step = step
        return losses

    def _labeled_losses(self, images: Tensor, labels: Dict[str, Tensor],
                        step: TeachingStep) -> Dict[str, Tensor]:
        """Supervised loss of every network."""
        targets = self.output.labeled_targets(labels)
        step.keypoint_weights = weights = labels['keypoint_weights']
        losses = dict()
        for i, net in enumerate(self.networks):
            output = self.passes[i](images)
            self.output.check_sizes(output, targets, i)
            step.labeled[i] = self.output.detach(output)
            losses[f'net{i}/loss_sup'] = self._spent(
                net,
                self.sup_weight *
                self.output.loss(net.head, output, targets, weights))
        return losses

    def _unlabeled_losses(self, inputs: SemiPoseInputs,
                          step: TeachingStep) -> Dict[str, Tensor]:
        """Consistency loss of every route through every view."""
        self.lectern.check_inputs(inputs)
        networks = self.networks
        for t in self.lectern.teachers:
            with teaching(networks[t], self.teacher_norm):
                step.easy[t] = self.output.float(self.passes[t](
                    inputs['easy']))
        weight = self.unsup_weight
        if self.output.loss_sums_samples:
            # partners together count as much as their labeled samples
            weight = weight * (len(inputs['labeled']) / len(inputs['easy']))
        deal = Deal(inputs['uniforms'])
        losses = dict()
        for p, view in enumerate(self.lectern.views):
            view_warp = None
            if self.lectern.warp:
                uniforms = deal.take(self.lectern.warp.num_uniforms)
                view_warp = self.lectern.warp(uniforms, self.output.codec)
            for route in self.lectern.routes:
                taught = self.output.mean(
                    [step.easy[t] for t in route.teachers])
                images = inputs[view.source]
                if view.ops:
                    peaks = self.output.peaks(taught)[0]
                    for op in view.ops:
                        uniforms = deal.take(op.num_uniforms)
                        images = op(images, peaks, uniforms)
                if view_warp:
                    images = view_warp.images(images)
                target, weights = self.output.make_target(taught, view_warp)
                net = networks[route.student]
                output = self.passes[route.student](images)
                name = f'net{route.student}/loss_unsup'
                losses[name] = losses.get(name, 0) + self._spent(
                    net,
                    weight *
                    self.output.loss(net.head, output, target, weights))
                step.lessons.append(
                    Lesson(route.student, p, images, target, weights,
                           self.output.detach(output)))
        return losses

    def _spent(self, net: nn.Module, loss: Tensor) -> Tensor:
        """A loss of one network, if asked for without its activations."""
        return spend(loss, net) if self.early_backward else loss
