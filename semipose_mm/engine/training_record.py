# Copyright (c) semipose_mm authors.
"""What a training checkpoint tells about its networks and their scores."""
from numbers import Number
from typing import Dict, Optional, Sequence

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from semipose_mm.checkpoint.plain import to_builtin
from semipose_mm.evaluation.scores import split_networks
from semipose_mm.version import __version__
from .distributed import unwrap

# the message hub keeps it through a resume
_SCORES = 'semipose_scores'


def note_scores(runner: Runner, metrics: Dict[str, float], selected: str,
                teachers: Sequence[str]) -> None:
    """Keep the scores of a validation in the message hub.

    Args:
        runner (Runner): The runner of the training.
        metrics (dict): What :class:`NetworkEvaluator` returned.
        selected (str): The network with the plain names.
        teachers (Sequence[str]): Names in ``model.teachers``.
    """
    numbers = {
        k: float(v)
        for k, v in metrics.items() if isinstance(v, Number)
    }
    runner.message_hub.update_info(
        _SCORES,
        dict(
            iteration=runner.iter,
            epoch=runner.epoch,
            networks=split_networks(numbers, selected, teachers)))


def scored_iteration(runner: Runner) -> Optional[int]:
    """Iteration of the last validation, None before the first.

    Args:
        runner (Runner): The runner of the training.
    """
    scores = runner.message_hub.runtime_info.get(_SCORES)
    return None if scores is None else scores['iteration']


class TrainingRecord:
    """Scores of the last and of the best validation."""

    def __init__(self) -> None:
        self._best = {}

    def resume(self, record: Optional[dict]) -> None:
        """Go on from the record of a checkpoint.

        Args:
            record (dict, optional): Its ``meta.semipose``.
        """
        self._best = dict((record or {}).get('best', {}))

    def describe(self, runner: Runner) -> Optional[dict]:
        """Describe the networks at this moment.

        Args:
            runner (Runner): The runner of the training.

        Returns:
            dict, optional: ``version``, ``num_networks`` (trained ones),
            ``teachers`` (names of the others), ``network`` (the selected
            one), ``save_best`` (each key and whose score it is),
            ``scores`` (``iteration``, ``epoch`` and ``networks``: the scores
            of the last validation by network, None before the first) and
            ``best`` (the same with ``score`` for each key of ``save_best``).
            None for a model of another kind.
        """
        model = unwrap(runner.model)
        if not hasattr(model, 'selected_network'):
            return None
        scores = runner.message_hub.runtime_info.get(_SCORES)
        teachers = list(getattr(model, 'rules', ()))
        followed = {}
        for key, value in _best_scores(runner):
            # 'net1/coco/AP' belongs to another than the selected network
            (followed[key], row), = split_networks({
                key: value
            }, model.selected_network, teachers).items()
            plain_key, = row
            reached = (scores or {}).get('networks',
                                         {}).get(followed[key],
                                                 {}).get(plain_key)
            known = self._best.get(key, {}).get('score')
            # a new best is saved right after the validation that found it
            if value is not None and reached == value != known:
                self._best[key] = dict(score=value, **scores)
        return dict(
            version=__version__,
            num_networks=model.num_networks,
            teachers=teachers,
            network=model.selected_network,
            save_best=followed,
            scores=scores,
            best=dict(self._best))


def _best_scores(runner: Runner):
    """Key and best score so far of every ``save_best``."""
    for hook in runner.hooks:
        keys = getattr(hook, 'key_indicators', None) or []
        if not isinstance(hook, CheckpointHook) or keys == ['auto']:
            continue
        for key in keys:
            name = 'best_score' if len(keys) == 1 else f'best_score_{key}'
            value = runner.message_hub.runtime_info.get(name)
            yield key, to_builtin(value)
