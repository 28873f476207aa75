# Copyright (c) semipose_mm authors.
"""A hook that compiles the networks' training passes."""
from functools import partial
from typing import Optional

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from semipose_mm.models.network_pass import NetworkPass, pass_sizes
from ..distributed import unwrap

#: Graphs of a network: as a student, as a teacher, and these for two sizes
#: of batches.
GRAPHS = 4


@HOOKS.register_module()
class CompileHook(Hook):
    """Train with passes that ``torch.compile`` has compiled.

    Each network's pass from images to output is compiled for batches of the
    usual sizes, as a student and as a teacher, in the first iteration; so
    are ``model.teachers``. Batches of other sizes, such as the last
    one of an epoch, validation and export run as without the hook.

    Args:
        backend (str): As in ``torch.compile``. Defaults to ``'inductor'``
        mode (str, optional): As in ``torch.compile``, but none that records
            CUDA graphs: these write over outputs that the step still needs.
            Defaults to ``None``

    Raises:
        TypeError: If the model is not a ``SemiPoseEstimator``.
        ValueError: If it also recomputes activations, the mode is not
            allowed, or batches have no fixed size.
    """

    def __init__(self,
                 backend: str = 'inductor',
                 mode: Optional[str] = None) -> None:
        if mode in ('reduce-overhead', 'max-autotune'):
            raise ValueError(
                f'custom_hooks: mode of CompileHook is {mode!r}, but modes '
                'that record CUDA graphs are not allowed; use None, '
                "'default' or 'max-autotune-no-cudagraphs'")
        self.backend = backend
        self.mode = mode

    def before_train(self, runner: Runner) -> None:
        """Compile for the batches of the dataloader.

        Args:
            runner (Runner): The runner of the training.
        """
        model = unwrap(runner.model)
        if not hasattr(model, 'passes'):
            raise TypeError('custom_hooks: CompileHook needs model.type '
                            "'SemiPoseEstimator', but got "
                            f'{type(model).__name__!r}')
        if model.recompute:
            raise ValueError('custom_hooks: CompileHook cannot be used with '
                             f'model.recompute={list(model.recompute)}: '
                             'leave one of them out')
        loader = runner.train_dataloader
        ratio = getattr(loader.dataset, 'unlabeled_ratio', 1)
        if loader.batch_size is None:
            raise ValueError('custom_hooks: CompileHook needs '
                             'train_dataloader.batch_size, but there is a '
                             'batch_sampler in its place')
        labeled = loader.batch_size
        unlabeled = labeled * max(ratio, 1)
        # teachers that are read when a training begins have no pass yet
        for key in set(model.plan.teachers) - set(model.passes):
            model.passes[key] = NetworkPass(
                partial(model.output.run, model.network(key)))
        # networks share their code, whose graphs are counted together
        limit = GRAPHS * len(model.passes)
        config = torch._dynamo.config
        config.cache_size_limit = max(config.cache_size_limit, limit)
        student, teacher = pass_sizes(model.plan, model.one_pass, labeled,
                                      unlabeled)
        for network in model.passes.values():
            network.compile(
                student=student,
                teacher=teacher,
                backend=self.backend,
                mode=self.mode)
        runner.logger.info(
            f'{len(model.passes)} networks are compiled for batches of '
            f'{labeled} labeled and {unlabeled} unlabeled images: the first '
            'iteration may take minutes.')
