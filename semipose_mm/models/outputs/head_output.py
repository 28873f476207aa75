# Copyright (c) semipose_mm authors.
"""The interface between the training step and the kinds of heads."""
from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from semipose_mm.structures import CodecGeometry, ViewWarp


class HeadOutput(ABC):
    """How one kind of output is targeted, moved, compared and decoded.

    An *output* is what a head's forward pass returns for a batch. The step
    knows nothing about it but what is here, so another kind of head is
    another subclass.

    Args:
        head (nn.Module): Head of network 0; its decoder and loss describe
            the outputs of all networks.
        foreground_weight (float): How often the loss counts what is at a
            joint, against background. Defaults to 1.

    Raises:
        TypeError: If this kind of output cannot have that weight.
        ValueError: If it is not above 0.
    """

    #: Whether the loss is a sum over samples, not their mean.
    loss_sums_samples = False

    def __init__(self, head: nn.Module, foreground_weight: float = 1.) -> None:
        if not foreground_weight > 0:
            raise ValueError('model.foreground_weight must be above 0, but '
                             f'got {foreground_weight}')
        self.codec = CodecGeometry.from_codec(head.decoder)
        #: int: Joints of every network.
        self.num_joints = head.out_channels
        self.foreground_weight = foreground_weight

    @classmethod
    @abstractmethod
    def check_head(cls, head: nn.Module, key: str) -> None:
        """Check a head of this kind.

        Args:
            head (nn.Module): A head with a decoder.
            key (str): Its config key, for the message.

        Raises:
            TypeError: If its loss or codec cannot be used.
        """

    @staticmethod
    @abstractmethod
    def traits(head: nn.Module) -> Dict[str, Any]:
        """What networks that teach one another must have in common.

        Args:
            head (nn.Module): A checked head.

        Returns:
            dict: Values by config key below the head's.
        """

    @staticmethod
    @abstractmethod
    def final_layers(head: nn.Module) -> List[nn.Module]:
        """The layers whose output is the head's, or a part of it."""

    @staticmethod
    @abstractmethod
    def apply(function: Callable, *outputs: Any) -> Any:
        """Apply a function on tensors to each part of outputs."""

    @abstractmethod
    def labeled_targets(self, labels: Dict[str, Tensor]) -> Any:
        """Targets of labeled samples, in the form of an output.

        Args:
            labels (dict): What ``stack_labels`` makes of the samples.

        Raises:
            ValueError: If samples have labels of another kind.
        """

    @abstractmethod
    def peaks(self, output: Any) -> Tuple[Tensor, Tensor]:
        """Where an output sees joints, and how surely.

        Returns:
            tuple: Points (U, K, 2) in input pixels and confidences (U, K),
            1 for what a target has, in float32.
        """

    @abstractmethod
    def make_target(self, output: Any,
                    view_warp: Optional[ViewWarp]) -> Tuple[Any, Tensor]:
        """Turn a teacher's output on the easy view into a target.

        Args:
            output: Mean output of the teachers, without gradient.
            view_warp (ViewWarp, optional): From the easy to the hard view.

        Returns:
            tuple: A target in the form of an output, and weights (U, K) or
            (U, K, h, w).
        """

    @abstractmethod
    def warp_labels(self, target: Any, weights: Tensor,
                    view_warp: ViewWarp) -> Tuple[Any, Tensor]:
        """Move targets of labeled samples with their images.

        Args:
            target: What :meth:`labeled_targets` returned.
            weights (Tensor): Of the joints, (B, K).
            view_warp (ViewWarp): What moves the images.

        Returns:
            tuple: A target, and weights (B, K) or (B, K, h, w).
        """

    @abstractmethod
    def render_target(self, output: Any,
                      view_warp: Optional[ViewWarp]) -> Tuple[Any, Tensor]:
        """Turn a teacher's joints into the target that labels would be.

        The joints are found between pixels, moved as points and encoded by
        the codec's formula after the warp, so that it does not blur them.

        Args:
            output: Mean output of the teachers, without gradient.
            view_warp (ViewWarp, optional): From the easy to the hard view.

        Returns:
            tuple: A target in the form of an output, and weights (U, K): 1
            where a joint is seen and lies in the view.

        Raises:
            TypeError: See :meth:`check_rendering`.
        """

    def check_rendering(self) -> None:
        """Refuse codecs by which :meth:`render_target` cannot encode.

        Raises:
            TypeError: If the codec's formula is not known.
        """

    @abstractmethod
    def mean(self, outputs: Sequence[Any]) -> Any:
        """Mean of several outputs, of what the loss compares.

        A single output is returned as it is.
        """

    @abstractmethod
    def maximum(self, outputs: Sequence[Any]) -> Any:
        """Largest value at each place, of what the loss compares.

        A single output is returned as it is.
        """

    @abstractmethod
    def flip_back(self, output: Any, flip_indices: Sequence[int],
                  shift: Optional[bool]) -> Any:
        """Turn the output for flipped images into one for the images.

        Args:
            output: Of images that were flipped from left to right.
            flip_indices (Sequence[int]): Number of each joint's partner.
            shift (bool, optional): Whether heatmaps then move by a pixel to
                the right, as ``test_cfg.shift_heatmap`` does. ``None`` does
                what brings peaks nearer: ``True`` if the codec has W / w
                input pixels a heatmap pixel (MSRA), ``False`` if it has
                (W - 1) / (w - 1) (UDP). SimCC vectors do not move.
        """

    @abstractmethod
    def unwarp(self, output: Any, view_warp: ViewWarp) -> Any:
        """Move the output for a warped view back to the view's source.

        Args:
            output: For images that ``view_warp`` has warped.
            view_warp (ViewWarp): From the easy view to these.

        Raises:
            TypeError: If this kind of output cannot be warped.
        """

    @abstractmethod
    def _joint_losses(self, head: nn.Module, output: Any, target: Any,
                      weights: Tensor) -> Tensor:
        """See :meth:`joint_losses`; in float32 and without gradient."""

    @abstractmethod
    def contains(self, target: Any) -> Tensor:
        """Which joints (U, K) a target has, and not outside the view."""

    @abstractmethod
    def maps(self, target: Any) -> Tensor:
        """Maps (U, K, h, w), 1 at a joint, by which a target is drawn."""

    # ------------------------------------------------- alike for all kinds

    @staticmethod
    def wrong_encoder(needed: str) -> ValueError:
        """The error for labels of another kind than the head's."""
        return ValueError(
            'train_dataloader.dataset.labeled.pipeline has a GenerateTarget '
            f'whose encoder does not fit model.head, which needs {needed}: '
            'use the codec of model.head.decoder')

    def run(self,
            net: nn.Module,
            images: Tensor,
            restore: Optional[Callable] = None) -> Any:
        """The output of a network.

        Args:
            net (nn.Module): The network.
            images (Tensor): (B, 3, H, W).
            restore (Callable, optional): Applied to the features, where an
                operation on the images has to be undone in them.
        """
        feats = net.extract_feat(images)
        if restore is not None:
            feats = restore(feats)
        return self.apply(lambda part: part, net.head(feats))

    def detach(self, output: Any) -> Any:
        """An output without its gradient."""
        return self.apply(torch.Tensor.detach, output)

    def float(self, output: Any) -> Any:
        """An output in float32."""
        return self.apply(torch.Tensor.float, output)

    def _merge(self, function: Callable, outputs: Sequence[Any]) -> Any:
        """Make one of several outputs, whose parts come stacked."""
        if len(outputs) == 1:
            return outputs[0]
        return self.apply(lambda *parts: function(torch.stack(parts)),
                          *outputs)

    def choose(self, outputs: Sequence[Any], index: Tensor) -> Any:
        """Take each joint from one of several outputs.

        Args:
            outputs (Sequence): Of the same shape.
            index (Tensor): (U, K) numbers of outputs.
        """

        def chosen(*parts: Tensor) -> Tensor:
            places = index.reshape(1, *index.shape,
                                   *[1] * (parts[0].dim() - 2))
            return torch.stack(parts).take_along_dim(places, 0)[0]

        return self.apply(chosen, *outputs)

    def check_sizes(self, output: Any, target: Any, number: int) -> None:
        """Check that a network's output has the size of its targets.

        Raises:
            ValueError: If it has not, as with a backbone of another stride.
        """
        sizes = [[], []]
        for value, found in zip((output, target), sizes):
            self.apply(lambda part: found.append(tuple(part.shape)), value)
        if sizes[0] != sizes[1]:
            key = 'model' if number == 0 else f'model.peers[{number - 1}]'
            raise ValueError(
                f'{key} has an output of shape {sizes[0]}, but labels have '
                f'{sizes[1]}: change its head (such as in_featuremap_size, '
                'deconv_out_channels) or the encoder of GenerateTarget')

    def loss(self, head: nn.Module, output: Any, target: Any,
             weights: Tensor) -> Tensor:
        """The head's own loss in float32.

        Args:
            head (nn.Module): The head whose loss module is called.
            output: Its output, of any precision.
            target: A target in the form of an output.
            weights (Tensor): (B, K) or (B, K, h, w).

        Returns:
            Tensor: A scalar.
        """
        with torch.autocast(weights.device.type, enabled=False):
            return head.loss_module(
                self.float(output), self.float(target), weights.float())

    @torch.no_grad()
    def joint_losses(self, head: nn.Module, output: Any, target: Any,
                     weights: Tensor) -> Tensor:
        """How far each joint is from its target.

        The loss of each joint by itself, not multiplied by how much it
        counts, so that losses of joints can be compared: the mean over the
        pixels or bins that count.

        Args:
            head (nn.Module): The head whose output it is.
            output: Its output, of any precision.
            target: A target in the form of an output.
            weights (Tensor): (U, K) or (U, K, h, w).

        Returns:
            Tensor: (U, K) in float32, detached; infinite where the weights
            are 0.
        """
        with torch.autocast(weights.device.type, enabled=False):
            return self._joint_losses(head, self.float(output),
                                      self.float(target), weights.float())
