# Copyright (c) semipose_mm authors.
"""Validation and test of several networks and their ensemble in one pass."""
import copy
from typing import Any, Dict, List, Optional, Sequence, Union

import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import Evaluator
from mmengine.runner import BaseLoop, Runner, TestLoop, ValLoop
from mmengine.runner.amp import autocast
from mmengine.structures import BaseDataElement
from mmpose.registry import LOOPS
from torch import nn
from torch.utils.data import DataLoader

from semipose_mm.data_files import DataError
from semipose_mm.datasets.reading.labeled import one_reading
from semipose_mm.evaluation.network_evaluator import (NetworkEvaluator,
                                                      with_suffix)
from ..distributed import (STOP_INTERVAL, any_rank, average_running_statistics,
                           unwrap)
from ..training_record import note_scores

EvaluatorType = Union[Evaluator, Dict, List]


class _NotingEvaluator(NetworkEvaluator):
    """Keeps the scores where checkpoints find them."""

    def __init__(self, evaluators: Dict[str, Evaluator], selected: str,
                 runner: Runner) -> None:
        super().__init__(evaluators, selected)
        self.runner = runner

    def evaluate(self, size: int) -> dict:
        """Compute the metrics of all networks.

        Args:
            size (int): Length of the whole dataset.
        """
        metrics = super().evaluate(size)
        # before the hooks, one of which saves the best checkpoint
        teachers = getattr(unwrap(self.runner.model), 'rules', ())
        note_scores(self.runner, metrics, self.selected, list(teachers))
        return metrics


def build_network_evaluator(runner: Runner,
                            evaluator: EvaluatorType,
                            noting: bool = False,
                            networks: Optional[Sequence[str]] = None,
                            key: str = 'networks') -> Evaluator:
    """Build one evaluator for each network of the runner's model.

    Args:
        runner (Runner): The runner.
        evaluator (Evaluator | dict | list): Evaluator of one network, or
            config of it.
        noting (bool): Whether scores are kept for checkpoints. Defaults to
            ``False``
        networks (Sequence[str], optional): Names of those that are scored
            beside the selected one. Defaults to ``None``, the model's
            ``scored_networks``
        key (str): Config key of ``networks``, for messages. Defaults to
            ``'networks'``

    Returns:
        Evaluator: A :class:`NetworkEvaluator` for a model of several
        networks, and the stock evaluator for any other.

    Raises:
        ValueError: If ``networks`` names what the model does not have.
    """
    model = unwrap(runner.model)
    several = hasattr(model, 'predict_networks')
    known = model.network_names if several else []
    names = [networks] if isinstance(networks, str) else list(networks or ())
    if not set(names) <= set(known):
        raise ValueError(f'{key} is {networks!r}, but must be a list of names '
                         f'in {", ".join(known)}' if several else
                         f'{key} is {networks!r}, but {type(model).__name__} '
                         'is one network: leave it out')
    if not several:
        return runner.build_evaluator(evaluator)
    selected = model.selected_network
    wanted = {selected, *(names or model.scored_networks)}
    evaluators = dict()
    for name in [name for name in known if name in wanted]:
        own = copy.deepcopy(evaluator) if name == selected else with_suffix(
            evaluator, name)
        evaluators[name] = runner.build_evaluator(own)
    if noting:
        return _NotingEvaluator(evaluators, selected, runner)
    return NetworkEvaluator(evaluators, selected)


def _predict_networks(
        model: nn.Module, data_batch: Any,
        names: Sequence[str]) -> Dict[str, List[BaseDataElement]]:
    """Networks' predictions for a batch from the dataloader."""
    model = unwrap(model)
    data = model.data_preprocessor(data_batch, False)
    return model.predict_networks(**data, names=names)


class _SeveralNetworks:
    """What validation and test share; comes before the stock loop.

    Args:
        runner (Runner): A reference of runner.
        dataloader (DataLoader | dict): The dataloader or its config.
        evaluator (Evaluator | dict | list): Metrics of one network.
        fp16 (bool): Whether to predict in half precision. Defaults to
            ``False``
        networks (Sequence[str], optional): Names of networks that are
            scored, such as ``['net0', 'ema0']``; the selected one always is.
            Defaults to ``None``: trained ones, EMA teachers, the ensemble

    Raises:
        DataError: If the dataset is empty.
        ValueError: If ``networks`` names what the model does not have.
    """

    #: Part of the names of the hooks' methods.
    stage: str

    def __init__(self,
                 runner: Runner,
                 dataloader: Union[DataLoader, Dict],
                 evaluator: EvaluatorType,
                 fp16: bool = False,
                 networks: Optional[Sequence[str]] = None) -> None:
        evaluator = build_network_evaluator(
            runner,
            evaluator,
            noting=self.stage == 'val',
            networks=networks,
            key=f'{self.stage}_cfg.networks')
        key = f'{self.stage}_dataloader.dataset'
        cfg = dataloader['dataset'] if isinstance(dataloader, dict) else {}
        with one_reading(cfg, key):
            super().__init__(runner, dataloader, evaluator, fp16)
        if not len(self.dataloader.dataset):
            raise DataError(
                f'{key} has no samples. Boxes of a detector (bbox_file) must '
                'be of a labeled category, and annotations must have a box '
                'and labeled joints')

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Predict and process one mini-batch.

        Args:
            idx (int): Position in the epoch.
            data_batch (dict): Batch of data from the dataloader.
        """
        if not isinstance(self.evaluator, NetworkEvaluator):
            super().run_iter(idx, data_batch)
            return
        self.runner.call_hook(
            f'before_{self.stage}_iter', batch_idx=idx, data_batch=data_batch)
        with autocast(enabled=self.fp16):
            outputs = _predict_networks(self.runner.model, data_batch,
                                        self.evaluator.names)
        self.evaluator.process_networks(outputs, data_batch)
        self.runner.call_hook(
            f'after_{self.stage}_iter',
            batch_idx=idx,
            data_batch=data_batch,
            outputs=outputs[self.evaluator.selected])


class _Stopped(Exception):
    """A validation is given up, on all ranks alike."""


@LOOPS.register_module()
class SemiPoseValLoop(_SeveralNetworks, ValLoop):
    """Validation of several networks and their ensemble.

    Running statistics are averaged over the ranks before. If a hook sets
    ``stop_training``, the validation is given up on all ranks; a resumed
    training makes up for it.

    The network that ``model.test_cfg.network`` names has the plain metric
    names, which ``save_best`` follows; ``net0/...``, ``net1/...``,
    ``ema0/...`` (a teacher's name) and ``ensemble/...`` stand beside it. Hooks
    are given the selected network's predictions. Checkpoints tell the scores
    in ``meta.semipose``. A model of another kind is validated as usual.
    Parameters are those of :class:`mmengine.runner.ValLoop`, and
    ``networks``, the names of those that are scored.
    """

    stage = 'val'

    def run(self) -> dict:
        """Launch validation.

        Returns:
            dict: Scores of all networks; empty if it was given up.
        """
        average_running_statistics(self.runner.model)
        # ranks may differ by a batch, and all must ask equally often
        samples = len(self.dataloader.dataset) // get_world_size()
        batch_size = self.dataloader.batch_size
        self._fewest = samples // batch_size if batch_size else 0
        try:
            return super().run()
        except _Stopped:
            self.runner.logger.warning('The validation is given up.')
            # what hooks have begun they must end, such as EMAHook's exchange
            self.runner.call_hook('after_val_epoch', metrics=dict())
            self.runner.call_hook('after_val')
            return dict()

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict) -> None:
        """Predict and process one mini-batch.

        Args:
            idx (int): Position in the epoch.
            data_batch (dict): Batch of data from the dataloader.
        """
        super().run_iter(idx, data_batch)
        loop = self.runner._train_loop  # a config, if there is no training
        if isinstance(loop, BaseLoop) and idx + 1 < self._fewest and \
                (idx + 1) % STOP_INTERVAL == 0:
            loop.stop_training = any_rank(loop.stop_training)
            if loop.stop_training:
                raise _Stopped


@LOOPS.register_module()
class SemiPoseTestLoop(_SeveralNetworks, TestLoop):
    """Test of several networks and their ensemble.

    Metric names, hooks and ``networks`` are those of
    :class:`SemiPoseValLoop`, other parameters those of
    :class:`mmengine.runner.TestLoop`.
    """

    stage = 'test'
