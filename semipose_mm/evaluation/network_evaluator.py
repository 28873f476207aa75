# Copyright (c) semipose_mm authors.
"""Evaluators of several networks that look like one to MMEngine."""
import copy
import os.path as osp
from typing import Any, Dict, List, Optional, Sequence, Union

from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement

# config keys of metrics that name files which are written
_OUTPUT_KEYS = ('outfile_prefix', 'out_file_path')
# stands in such a name for the name of the network
_PLACEHOLDER = '{network}'


class NetworkEvaluator(Evaluator):
    """One evaluator for each network and for their ensemble.

    The selected network's scores have plain names (``coco/AP``), those of the
    others are preceded by the network's (``net1/coco/AP``, ``ema0/coco/AP``).
    Where MMEngine takes this for one evaluator, it is the selected network's.

    A metric writes a file for each network, too: ``{network}`` in its
    ``outfile_prefix`` or ``out_file_path`` becomes ``net0``, ``ema0``,
    ``ensemble`` and so on; without it, the files of all but the selected
    network have the name appended.

    Args:
        evaluators (Dict[str, Evaluator]): One for each name: ``'net0'``,
            ``'net1'``, ..., names of teachers, ``'ensemble'``.
        selected (str): The network with the plain names.

    Raises:
        ValueError: If a network is named as the metrics' names begin, so
            that its scores could not be told from theirs.
    """

    def __init__(self, evaluators: Dict[str, Evaluator],
                 selected: str) -> None:
        super().__init__(evaluators[selected].metrics)
        self.selected = selected
        self.evaluators = {selected: evaluators[selected], **evaluators}
        for name, evaluator in self.evaluators.items():
            for metric in evaluator.metrics:
                _name_files(metric, name)
                if metric.prefix in evaluators:
                    raise ValueError(
                        f'model.teachers has the name {metric.prefix!r}, but '
                        f'the names of {type(metric).__name__} begin with '
                        f'{metric.prefix}/: choose another')

    @property
    def names(self) -> List[str]:
        """List[str]: Names of the networks, the selected one first."""
        return list(self.evaluators)

    @property
    def dataset_meta(self) -> Optional[dict]:
        """Optional[dict]: Meta info of the dataset."""
        return self.evaluators[self.selected].dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: Optional[dict]) -> None:
        for evaluator in self.evaluators.values():
            # CocoMetric with a keypoint mapping writes into it
            evaluator.dataset_meta = copy.deepcopy(dataset_meta)

    def process_networks(self,
                         outputs: Dict[str, Sequence[BaseDataElement]],
                         data_batch: Optional[Any] = None) -> None:
        """Process one batch of all networks' predictions.

        Args:
            outputs (Dict[str, Sequence[BaseDataElement]]): Predictions of
                each network.
            data_batch (Any, optional): The batch they belong to.
        """
        known = dict()
        for name, evaluator in self.evaluators.items():
            evaluator.process([_as_dict(s, known) for s in outputs[name]],
                              data_batch)

    def evaluate(self, size: int) -> dict:
        """Compute the metrics of all networks.

        Args:
            size (int): Length of the whole dataset.

        Returns:
            dict: Plain names first, so that ``save_best='auto'`` finds them.
        """
        metrics = dict()
        for name, evaluator in self.evaluators.items():
            print_log(f'Scores of {name}:', logger='current')
            prefix = '' if name == self.selected else f'{name}/'
            for key, value in evaluator.evaluate(size).items():
                metrics[prefix + key] = value
        return metrics


def _as_dict(sample: Union[BaseDataElement, dict], known: Dict[int,
                                                               dict]) -> dict:
    """A sample's ``to_dict``, which reads what samples share only once.

    Args:
        sample (BaseDataElement | dict): A data sample.
        known (dict): What was read by the ids of its objects; it is added to.

    Returns:
        dict: With dicts that no other sample has.
    """
    if not isinstance(sample, BaseDataElement):
        return sample
    fields = dict()
    for key, value in sample.all_items():
        if isinstance(value, BaseDataElement):
            if id(value) not in known:
                known[id(value)] = value.to_dict()
            value = dict(known[id(value)])
        fields[key] = value
    return fields


def with_suffix(evaluator: Any, suffix: str) -> Any:
    """Give every file that an evaluator writes another name.

    Args:
        evaluator (dict | list | Evaluator): Config of an evaluator or of
            metrics, or what was built from one.
        suffix (str): What comes before the file's extension, or in the
            place of ``{network}`` where the name has that.

    Returns:
        Any: A copy with ``outfile_prefix`` and ``out_file_path`` changed.
    """
    if isinstance(evaluator, (list, tuple)):
        return type(evaluator)(with_suffix(item, suffix) for item in evaluator)
    new = copy.deepcopy(evaluator)
    if isinstance(new, Evaluator):
        new.metrics = with_suffix(new.metrics, suffix)
    elif isinstance(new, dict):
        for key, value in new.items():
            new[key] = _rename(key, value, suffix)
    elif isinstance(new, BaseMetric):
        for key in _OUTPUT_KEYS:
            if hasattr(new, key):
                setattr(new, key, _rename(key, getattr(new, key), suffix))
    return new


def _name_files(metric: BaseMetric, name: str) -> None:
    """Put a network's name where the metric's files ask for it."""
    for key in _OUTPUT_KEYS:
        value = getattr(metric, key, None)
        if isinstance(value, str):
            setattr(metric, key, value.replace(_PLACEHOLDER, name))


def _rename(key: str, value: Any, suffix: str) -> Any:
    """The new value of a metric's or an evaluator's config key."""
    if key in _OUTPUT_KEYS and value is not None and _PLACEHOLDER in value:
        return value.replace(_PLACEHOLDER, suffix)
    if key == 'outfile_prefix' and value is not None:
        return f'{value}_{suffix}'
    if key == 'out_file_path' and value is not None:
        stem, ending = osp.splitext(value)
        return f'{stem}_{suffix}{ending}'
    if isinstance(value, (dict, list, tuple)):
        return with_suffix(value, suffix)
    return value
