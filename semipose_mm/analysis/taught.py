# Copyright (c) semipose_mm authors.
"""A training step as pictures and numbers: what networks see, are taught."""
import os.path as osp
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from .pictures import overlay, to_images


def build_batch(cfg, num: int, seed: int) -> dict:
    """The first pairs of epoch 0, collated.

    Args:
        cfg (Config): With a ``SemiPoseDataset`` in ``train_dataloader``.
        num (int): Number of pairs.
        seed (int): Seed of the sampler.
    """
    from mmengine.dataset import pseudo_collate
    from mmpose.registry import DATASETS

    from semipose_mm.datasets import SemiPoseSampler
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    sampler = SemiPoseSampler(dataset, seed=seed)
    return pseudo_collate([dataset[sampler.item(0, i)] for i in range(num)])


def build_model(cfg, checkpoint=None):
    """The model in training mode, on the CPU.

    Args:
        cfg (Config): The config.
        checkpoint (str, optional): Its weights. Defaults to None, random ones
    """
    from mmengine.runner import load_checkpoint
    from mmpose.registry import MODELS

    from semipose_mm.models.initial_weights import (drop_initial_weights,
                                                    shorten_init_log)
    model = MODELS.build(cfg.model)
    if checkpoint:
        load_checkpoint(model, checkpoint, map_location='cpu')
    else:
        drop_initial_weights(model)  # what is shown does not depend on them
        shorten_init_log(model)
        model.init_weights()
    return model.train()


def take_step(model, batch: dict) -> dict:
    """Let a model compute a training step, whose record it keeps.

    Args:
        model (SemiPoseEstimator): In training mode.
        batch (dict): Of :func:`build_batch`.

    Returns:
        dict: The preprocessed ``inputs`` and ``data_samples``.
    """
    import torch
    data = model.data_preprocessor(batch, True)
    with torch.no_grad():
        model.loss(**data)
    return data


def columns(model, inputs: dict,
            data_samples: dict) -> List[Tuple[str, List[np.ndarray]]]:
    """Pictures of the last training step of a model.

    Args:
        model (SemiPoseEstimator): The model; its ``last_step`` is drawn.
        inputs (dict): Preprocessed inputs of that step.
        data_samples (dict): Its data samples.

    Returns:
        list[tuple]: Titles and BGR pictures of each pair: labeled ones,
        labels, easy ones, and for every route and view the hard ones and what
        is taught.
    """
    step = model.last_step
    labeled = to_images(inputs['labeled'], model.data_preprocessor)
    truth = model.output.maps(
        model.output.labeled_targets(data_samples['labels']))
    found = [('labeled', labeled),
             ('labels', [overlay(*pair) for pair in zip(labeled, truth)])]
    if step.views:
        # the first partner of each labeled sample
        first = slice(None, None, len(inputs['easy']) // len(labeled))
        found.append(
            ('easy', to_images(inputs['easy'][first],
                               model.data_preprocessor)))
    for view in step.views:
        name = f'net{view.student}'
        images = to_images(view.images[first], model.data_preprocessor)
        taught = model.output.maps(view.targets)[first]
        found += [(f'view {view.view}, {name}', images),
                  (f'taught to {name}',
                   [overlay(*pair) for pair in zip(images, taught)])]
    return found


class TaughtView(NamedTuple):
    """What a view of U unlabeled images taught a student, of K joints.

    Attributes:
        student (str): ``'net<i>'``.
        view (int): Number of the view.
        points (np.ndarray): Where the target has joints, in pixels of the
            network's input, (U, K, 2).
        confidence (np.ndarray): How surely the teachers see them, (U, K).
        inside (np.ndarray): Whether they lie in the hard view, (U, K).
        weights (np.ndarray): How much they count, (U, K) in [0, 1]: where a
            heatmap has the joint, its pixels' weight, or that of a SimCC
            joint, times what a selection gives.
        kept (np.ndarray, optional): What a selection gives, (U, K).
    """
    student: str
    view: int
    points: np.ndarray
    confidence: np.ndarray
    inside: np.ndarray
    weights: np.ndarray
    kept: Optional[np.ndarray] = None


def taught_views(model) -> List[TaughtView]:
    """Numbers of the last training step of a model.

    Args:
        model (SemiPoseEstimator): The model.

    Returns:
        list[TaughtView]: One for each route and view.
    """
    output, found = model.output, []
    for view in model.last_step.views:
        points, confidence = output.peaks(view.targets)
        weights = view.weights
        if weights.dim() > 2:
            there = output.maps(view.targets).clamp(min=0)
            weights = (weights * there).sum((2, 3)) / there.sum(
                (2, 3)).clamp(min=1e-6)
        tensors = [points, confidence, output.contains(view.targets), weights]
        found.append(
            TaughtView(f'net{view.student}', view.view,
                       *(tensor.cpu().numpy() for tensor in tensors),
                       None if view.kept is None else view.kept.cpu().numpy()))
    return found


def image_names(data_samples: dict) -> List[str]:
    """Files of the unlabeled images of a batch."""
    return [
        osp.basename(sample.get('img_path') or '-')
        for sample in data_samples['unlabeled']
    ]
