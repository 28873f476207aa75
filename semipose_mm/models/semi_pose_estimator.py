# Copyright (c) semipose_mm authors.
"""The semi-supervised estimator: its training step from top to bottom."""
from functools import partial
from itertools import chain
from typing import (Any, Callable, Dict, Iterator, List, Optional, Sequence,
                    Tuple, Union)

import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import OptConfigType, SampleList
from torch import Tensor

from semipose_mm.structures import (Draws, SemiPoseDataSamples, SemiPoseInputs,
                                    TeachingStep, ViewRecord, ViewWarp,
                                    stack_labels)
from .memory import backward_now, recompute_modules
from .network_pass import NetworkPass, run_students
from .networks import teacher_mode
from .peer_estimator import PeerEstimator
from .teaching import (Comparison, HardView, NetworkKey, Route, Taught,
                       TeachingPlan, check_norm)

#: float: Where joints are put that are not known: no operation reaches them.
NOWHERE = -1e6


@MODELS.register_module()
class SemiPoseEstimator(PeerEstimator):
    """Networks that teach one another on unlabeled images.

    For every student s, route r = (s, teachers) and view p the loss is

        sum_s sup_weight * l(f_s(x_labeled), y)
        + sum_r sum_p unsup_weight * l(f_s(V_p(x_p)), T_p(target_r))

    where target_r is made of the teachers' outputs on the easy view, without
    gradient, V_p the operations and the warp of a hard view and T_p the same
    warp. Outputs are heatmaps or SimCC vectors; :class:`HeadOutput` says how
    either is moved and compared. PoseDual is two networks with crossed
    routes, PoseCons one network with the route 0 <- 0, and without routes
    this is supervised training (Xie et al., "An Empirical Study of the
    Collapsing Problem in Semi-Supervised 2D Human Pose Estimation", ICCV
    2021).

    The estimator itself is network 0 and the others are its ``peers``, so
    that its checkpoints load in the stock config of the same architecture,
    and a stock checkpoint initializes every network.

    A method is lists in the config. What they cannot say, a subclass does in
    one of the four stages :meth:`teach`, :meth:`make_target`,
    :meth:`make_view` and :meth:`compare`.

    Args:
        *args: See :class:`PeerEstimator`, as ``**kwargs``.
        routes (Sequence[dict]): ``dict(student=0, teachers=[1])``, and any
            of ``target``, ``select`` and ``views``, see
            :class:`TeachingPlan`. Defaults to ``()``
        views (Sequence[dict]): ``dict(source='easy', ops=[...])``.
            Defaults to ``()``
        warp (dict, optional): Warp from the easy to the hard view.
            Defaults to ``None``
        share_warp (bool): Whether all views have one warp. Defaults to
            ``False``
        teacher_pass (dict): How a teacher sees the easy view. Defaults to
            ``dict(type='PlainPass')``
        labeled_views (Sequence[dict]): Hard views of labeled images,
            ``dict(ops=[...])``, whose operations act around the true joints;
            the labeled loss is the mean over them. ``warp=True`` warps one,
            too. Defaults to ``()``, the images as they are
        sup_weight (float): Weight of each labeled loss. Defaults to 0.5
        unsup_weight (float): Weight of each unlabeled loss, on which
            ``MutualTeachingHook`` puts its schedule. Defaults to 1.0
        foreground_weight (float): Weight of a heatmap's pixels at a joint,
            beside 1 where the target is 0. Defaults to 1.0
        teacher_norm (str): Whether batch norm of a trained network that
            teaches is in ``'train'`` mode, as in the paper, or in
            ``'eval'``; entries of ``teachers`` have their own. Defaults to
            ``'train'``
        one_pass (bool): Whether labeled and hard images of a network go
            through it together, with common batch statistics. Defaults to
            ``False``
        recompute (Sequence[str]): Modules of each network, such as
            ``'backbone.stage3'``, whose activations are computed again in
            the backward pass instead of kept. Defaults to ``()``
        early_backward (bool): Whether each loss is differentiated as soon as
            it is there: the same gradients with the activations of one pass
            in memory instead of all, and a set of gradients for each loss
            until the end of the step. Several processes then exchange
            gradients after the last pass, not during it. Defaults to
            ``False``
        **kwargs: ``backbone``, ``head``, ``peers``, ``teachers`` and the
            other parameters of :class:`PeerEstimator`.

    Raises:
        TypeError: If a head or loss cannot be used.
        ValueError: If an entry of the config has a value that is not allowed.
    """

    def __init__(self,
                 *args,
                 routes: Sequence[dict] = (),
                 views: Sequence[dict] = (),
                 warp: OptConfigType = None,
                 share_warp: bool = False,
                 teacher_pass: dict = dict(type='PlainPass'),
                 labeled_views: Sequence[dict] = (),
                 sup_weight: float = 0.5,
                 unsup_weight: float = 1.0,
                 foreground_weight: float = 1.0,
                 teacher_norm: str = 'train',
                 one_pass: bool = False,
                 recompute: Sequence[str] = (),
                 early_backward: bool = False,
                 **kwargs) -> None:
        super().__init__(*args, foreground_weight=foreground_weight, **kwargs)
        for key, value in dict(
                sup_weight=sup_weight, unsup_weight=unsup_weight).items():
            if not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f'model.{key} must be a number that is not '
                                 f'negative, but got {value!r}')
        if one_pass and early_backward:
            raise ValueError(
                'model.one_pass and model.early_backward are both True, but '
                'passes that are made together are differentiated together: '
                'leave one out')
        self.plan = TeachingPlan(routes, views, warp, share_warp, teacher_pass,
                                 labeled_views, self.network_keys)
        for route in self.plan.routes:
            route.target.check(self.output)
        for selection in self.plan.selections.values():
            selection.prepare(self.output.num_joints)
        self.sup_weight = sup_weight
        self.base_unsup_weight = unsup_weight
        self.teacher_norm = check_norm(teacher_norm, 'model.teacher_norm')
        self.one_pass = one_pass
        self.early_backward = early_backward
        for net in self.networks:
            recompute_modules(net, recompute, 'model.recompute')
        self.recompute = tuple(recompute)
        #: dict[int | str, NetworkPass]: How networks run in training, but for
        #: those that are read when they are needed.
        self.passes: Dict[NetworkKey, NetworkPass] = {
            key: NetworkPass(partial(self.output.run, self.network(key)))
            for key in self.network_keys if key not in self.frozen
        }
        # a tensor, as a compiled step would be rebuilt for every new float
        self.register_buffer(
            'unsup_weight', torch.tensor(0.), persistent=False)
        self.set_unsup_weight(unsup_weight)
        #: float: Share of the training after burn-in, for selections.
        self.progress = 0.
        #: TeachingStep: what the last call of :meth:`loss` computed.
        self.last_step: Optional[TeachingStep] = None
        #: bool: Whether that has ``label_losses``.
        self.keep_label_losses = False
        self._checked = False

    # ------------------------------------------------------------ training

    def set_unsup_weight(self, weight: float) -> None:
        """Set the weight of the unlabeled loss.

        While it is 0 the unlabeled passes are not run at all, so
        training equals the supervised one in parameters and buffers. It
        must depend on nothing but the iteration, or ranks would run
        different passes.
        """
        self.unsup_weight.fill_(weight)
        self.teaching_enabled = weight > 0 and bool(self.plan.routes)

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
        step = TeachingStep(self.output, self.unsup_weight, self.sup_weight)
        plain = isinstance(inputs, Tensor)
        if plain:
            inputs, data_samples = dict(labeled=inputs), dict(
                labeled=data_samples)
        if not self._checked:
            self.plan.check_inputs(inputs, self.output.codec,
                                   self.output.num_joints, plain)
            self._checked = True
        comparisons = self._labeled(inputs, data_samples, step)
        if self.teaching_enabled and not plain:
            unlabeled = self._unlabeled(inputs, data_samples, step)
            comparisons = chain(comparisons, unlabeled)
        losses = dict()
        for item, output in run_students(self.run, self.output, self.one_pass,
                                         comparisons):
            name = f'net{item.student}/loss_{item.term}'
            losses[name] = losses.get(name, 0) + self.compare(
                item, output, step)
        step.losses = {name: loss.detach() for name, loss in losses.items()}
        step.easy = {
            key: [self.output.detach(one) for one in outputs]
            for key, outputs in step.easy.items()
        }
        self.last_step = step
        return losses

    def _labeled(self, inputs: SemiPoseInputs,
                 data_samples: SemiPoseDataSamples,
                 step: TeachingStep) -> Iterator[Comparison]:
        """Labeled images for every network, as they are or in hard views."""
        labels = data_samples.get('labels') or stack_labels(
            data_samples['labeled'])
        targets = self.output.labeled_targets(labels)
        step.keypoint_weights = weights = labels['keypoint_weights']
        views = self.plan.labeled_views
        if not views:
            for i in range(self.num_networks):
                yield Comparison(i, 'sup', inputs['labeled'], targets, weights,
                                 self.sup_weight)
            return
        peaks, _ = self.output.peaks(targets)
        peaks = torch.where((weights > 0)[..., None], peaks, NOWHERE)
        drawn = self.plan.draw_labeled(
            Draws(inputs['labeled_uniforms']), self.output.codec,
            self.output.num_joints)
        factor = self.sup_weight / len(views)
        for i, own in enumerate(drawn):
            for view, (warp, ops) in zip(views, own):
                images, restore = view.images(inputs['labeled'], peaks, ops,
                                              warp)
                moved = (targets, weights) if warp is None else \
                    self.output.warp_labels(targets, weights, warp)
                yield Comparison(i, 'sup', images, *moved, factor, restore)

    def _unlabeled(self, inputs: SemiPoseInputs,
                   data_samples: SemiPoseDataSamples,
                   step: TeachingStep) -> Iterator[Comparison]:
        """Unlabeled images for every route through its views."""
        plan = self.plan
        drawn = plan.draw(
            Draws(inputs['uniforms']), self.output.codec,
            self.output.num_joints)
        for key in plan.teachers:
            step.easy[key] = self.teach(key, inputs, data_samples,
                                        drawn.passes[key])
        taught = [self.make_target(route, step) for route in plan.routes]
        factor = self.unsup_weight
        if self.output.loss_sums_samples:
            # partners together count as much as their labeled samples
            factor = factor * (len(inputs['labeled']) / len(inputs['easy']))
        for p, r in drawn.ops:
            route = plan.routes[r]
            warp = plan.warp_of(p, drawn, inputs, self.output.codec)
            images, restore = self.make_view(plan.views[p], inputs, taught[r],
                                             drawn.ops[p, r], warp)
            target, weights = route.target.make(self.output, taught[r].output,
                                                warp)
            yield Comparison(route.student, 'unsup', images, target, weights,
                             factor, restore, p, route, taught[r].kept)

    # --------------------------------------------------- the four stages

    def teach(self, key: NetworkKey, inputs: SemiPoseInputs,
              data_samples: SemiPoseDataSamples, drawn: Any) -> List[Any]:
        """What a teacher says of the easy view.

        Args:
            key (int | str): Number or name of the teacher.
            inputs (dict): The batch.
            data_samples (dict): Its samples.
            drawn: What its pass has drawn.

        Returns:
            list: Outputs in the frame of the easy view, in float32.
        """
        norm = self.rules[key].norm if isinstance(key, str) else \
            self.teacher_norm
        with teacher_mode(self.network(key), norm):
            return self.plan.teacher_pass(lambda images: self.run(key, images),
                                          self.output, inputs['easy'],
                                          data_samples['labeled'], drawn)

    def make_target(self, route: Route, step: TeachingStep) -> Taught:
        """One output of a route's teachers, and which joints it teaches.

        Args:
            route (Route): The route.
            step (TeachingStep): Has the teachers' outputs, ``easy``.
        """
        outputs = [one for key in route.teachers for one in step.easy[key]]
        output = route.target.combine(self.output, outputs)
        kept = None
        if route.select is not None:
            kept = route.select(self.output, outputs, output, self.progress)
        return Taught(output, self.output.peaks(output)[0], kept)

    def make_view(
            self, view: HardView, inputs: SemiPoseInputs, taught: Taught,
            drawn: list,
            warp: Optional[ViewWarp]) -> Tuple[Tensor, Optional[Callable]]:
        """Images of a hard view, see :meth:`HardView.images`.

        Args:
            view (HardView): The view.
            inputs (dict): The batch.
            taught (Taught): Where joints are.
            drawn (list): What the operations have drawn.
            warp (ViewWarp, optional): Of the view.
        """
        return view.images(inputs[view.source], taught.peaks, drawn, warp)

    def compare(self, item: Comparison, output: Any,
                step: TeachingStep) -> Tensor:
        """The weighted loss of a student, which is recorded.

        Args:
            item (Comparison): What the student was shown and should say.
            output: What it says.
            step (TeachingStep): The record, which is added to.

        Returns:
            Tensor: A scalar.
        """
        net, weights = self.networks[item.student], item.weights
        if item.term == 'sup':
            self.output.check_sizes(output, item.target, item.student)
        kept, select = item.kept, item.route and item.route.select
        if kept is not None:
            weights = _weighted(weights, kept)
        if getattr(select, 'uses_losses', False):
            more = select.refine(
                self.output.joint_losses(net.head, output, item.target,
                                         weights), self.progress)
            kept, weights = kept * more, _weighted(weights, more)
        loss = self.output.loss(net.head, output, item.target, weights)
        seen = self.output.detach(output)
        if item.term == 'sup':
            step.labeled.setdefault(item.student, seen)
            if self.keep_label_losses:
                step.label_losses.append(
                    self.output.joint_losses(net.head, output, item.target,
                                             item.weights))
        else:
            step.views.append(
                ViewRecord(item.student, item.view, item.images,
                           self.output.detach(item.target), weights, seen,
                           loss.detach(), kept))
        loss = item.factor * loss
        return backward_now(loss, net) if self.early_backward else loss

    # ------------------------------------------------------------- passes

    def run(self,
            key: NetworkKey,
            images: Tensor,
            restore: Optional[Callable] = None) -> Any:
        """The output of a network in training, perhaps compiled.

        Args:
            key (int | str): Its number or name.
            images (Tensor): (N, 3, H, W), normalized.
            restore (Callable, optional): What its features go through.
                Defaults to ``None``
        """
        if restore is not None or key not in self.passes:
            return self.output.run(self.network(key), images, restore)
        return self.passes[key](images)


def _weighted(weights: Tensor, factors: Tensor) -> Tensor:
    """Weights (N, K) or (N, K, h, w), by a factor (N, K) for each joint."""
    return weights * factors.reshape(factors.shape + (1, ) *
                                     (weights.dim() - 2))
