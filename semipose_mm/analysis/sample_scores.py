# Copyright (c) semipose_mm authors.
"""Predictions for test data with the truth, and a score for each sample."""
import copy
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

#: Orders by the last model's score less the first one's.
GAINS = dict(gained='best', lost='worst')


class Truth(NamedTuple):
    """What is annotated for one sample.

    Attributes:
        info (dict): The sample as the dataset describes it.
        keypoints (np.ndarray): (K, 2) in image pixels.
        visible (np.ndarray): (K, ) whether a keypoint is annotated.
        bbox (np.ndarray): x1, y1, x2, y2 in image pixels.
    """
    info: dict
    keypoints: np.ndarray
    visible: np.ndarray
    bbox: np.ndarray


class Shown(NamedTuple):
    """A sample with what was predicted for it.

    Attributes:
        truth (Truth): The truth.
        predictions (dict): Column title to keypoints (K, 2).
        scores (dict): Column title to score.
        position (int): Where it stands in the test data.
    """
    truth: Truth
    predictions: Dict[str, np.ndarray]
    scores: Dict[str, float]
    position: int


def load_model(config: str, checkpoint: str, network: Optional[str],
               device: str):
    """Load a model that predicts with the given network.

    Args:
        config (str): Config file.
        checkpoint (str): Checkpoint file or URL.
        network (str, optional): ``'0'``, ``'1'``, ..., the name of a teacher
            or ``'ensemble'``, None for ``model.test_cfg.network``. The
            ensemble of one network is that network.
        device (str): Where it runs.

    Raises:
        ValueError: If the model has no such network.
    """
    from mmpose.apis import init_model
    model = init_model(config, checkpoint, device=device)
    allowed = [*map(str, getattr(model, 'network_keys', [0])), 'ensemble']
    if network is None:
        return model
    if network not in allowed:
        raise ValueError(f'--network is {network}, but must be one of '
                         f'{", ".join(allowed)} for {config}')
    model.test_cfg['network'] = \
        int(network) if network.isdigit() else network
    return model


def build_data(cfg,
               limit: Optional[int] = None,
               pipeline=None,
               part: str = 'test'):
    """Data that a config tests with, with the boxes of the annotations.

    Args:
        cfg (Config): The config whose dataloader names the data.
        limit (int, optional): Samples to take, the first ones. Defaults to
            None, all
        pipeline (list, optional): Transforms. Defaults to None, the config's
        part (str): ``'test'`` or ``'val'``. Defaults to ``'test'``

    Returns:
        Dataset: The dataset, with labels as validation reads them.

    Raises:
        DataError: If the labels cannot be used.
    """
    from mmpose.registry import DATASETS

    from semipose_mm.datasets.reading.labeled import one_reading
    settings = copy.deepcopy(cfg[f'{part}_dataloader'].dataset)
    if settings.get('bbox_file'):
        settings.bbox_file = ''
    if pipeline is not None:
        settings.pipeline = pipeline
    with one_reading(settings, f'{part}_dataloader.dataset'):
        dataset = DATASETS.build(settings)
    if limit is not None and limit < len(dataset):
        dataset.get_subset_(limit)
    return dataset


def read_truth(dataset) -> List[Truth]:
    """The truth of all samples, in order."""
    truths = []
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        visible = np.asarray(info['keypoints_visible'][0])
        # (K, 2) holds visibility and weight
        visible = visible[:, 0] if visible.ndim == 2 else visible
        truths.append(
            Truth(info, info['keypoints'][0], visible > 0, info['bbox'][0]))
    return truths


def predict(model,
            dataset,
            loader,
            names: Optional[Sequence[str]] = None) -> Dict[str, np.ndarray]:
    """Predict a dataset, batch by batch.

    Args:
        model (nn.Module): In evaluation mode.
        dataset (Dataset): Of N samples, as :func:`build_data` returns it.
        loader (dict): Config of a dataloader, for its size of batches.
        names (Sequence[str], optional): Networks. Defaults to None, the one
            that ``model.test_cfg.network`` names

    Returns:
        dict: By name of the network (N, K, 3): x and y in image pixels, and
        the score.
    """
    from mmengine.runner import Runner

    from semipose_mm.prediction.networks import choose_networks, predict_batch
    names = names or choose_networks(None, model, '')
    batch_size = loader.get('batch_size', 32)
    # starting workers takes longer than a few batches
    workers = loader.get('num_workers', 0)
    if len(dataset) <= 4 * batch_size:
        workers = 0
    batches = Runner.build_dataloader(
        dict(
            dataset=dataset,
            batch_size=batch_size,
            num_workers=workers,
            sampler=dict(type='DefaultSampler', shuffle=False)))
    found = [predict_batch(model, batch, names) for batch in batches]
    return {
        name: np.concatenate([one[name] for one in found])
        for name in names
    }


def relative_error(truth: Truth, keypoints: np.ndarray) -> float:
    """Mean error of the annotated keypoints by the longer side of the box.

    Args:
        truth (Truth): The truth.
        keypoints (np.ndarray): Prediction (K, 2) in image pixels.

    Returns:
        float: The quantity that ``BoxPCK`` compares with its thresholds, nan
        where nothing is annotated.
    """
    side = (truth.bbox[2:] - truth.bbox[:2]).max()
    if not truth.visible.any() or side <= 0:
        return float('nan')
    distances = np.linalg.norm(keypoints - truth.keypoints, axis=-1)
    return float(distances[truth.visible].mean() / side)


def similarity(truth: Truth, keypoints: np.ndarray,
               sigmas: np.ndarray) -> float:
    """Object keypoint similarity, as COCO's evaluation defines it.

    Args:
        truth (Truth): The truth; its ``info`` has the ``area``.
        keypoints (np.ndarray): Prediction (K, 2) in image pixels.
        sigmas (np.ndarray): (K, ) of the dataset.

    Returns:
        float: In [0, 1], nan where nothing is annotated.
    """
    from mmpose.evaluation.functional.nms import oks_iou
    if not truth.visible.any():
        return float('nan')
    marked = truth.visible.astype(np.float64)[:, None]
    area = np.asarray(truth.info['area'], dtype=np.float64).reshape(1)
    return float(
        oks_iou(
            np.hstack([truth.keypoints, marked]).ravel(),
            np.hstack([keypoints, np.ones_like(marked)]).reshape(1, -1),
            area[0],
            area,
            sigmas=np.asarray(sigmas),
            vis_thr=0.5)[0])


def ranking(scores: Sequence[float], order: str, higher: bool) -> List[int]:
    """In which order samples are shown.

    Args:
        scores (Sequence[float]): One for each sample.
        order (str): ``'first'``, ``'best'`` or ``'worst'``.
        higher (bool): Whether a higher score is a better one.

    Returns:
        list[int]: Indices of the samples; those without a score come last.
    """
    values = np.asarray(scores, dtype=np.float64)
    if order == 'first':
        return list(range(len(values)))
    ascending = (order == 'worst') == higher
    values = np.where(
        np.isnan(values), np.inf, values if ascending else -values)
    return np.argsort(values, kind='stable').tolist()


def ranked_samples(scores: Sequence[Sequence[float]], order: str,
                   higher: bool) -> List[int]:
    """In which order samples are shown that several models have predicted.

    Args:
        scores (Sequence): Scores of each model.
        order (str): See :func:`collect`.
        higher (bool): Whether a higher score is a better one.

    Returns:
        list[int]: Indices of the samples; those without a score come last.
    """
    if order in GAINS:
        return ranking(
            np.subtract(scores[-1], scores[0]), GAINS[order], higher)
    return ranking(np.mean(scores, axis=0), order, higher)


def collect(models: Dict[str, Tuple[str, str]],
            num: int,
            order: str = 'first',
            score: str = 'error',
            network: Optional[str] = None,
            limit: Optional[int] = None,
            device: str = 'cpu') -> Tuple[List[Shown], dict]:
    """Predict, score and choose the samples that are shown.

    Args:
        models (dict): Column title to config and checkpoint. The first one's
            test data are predicted.
        num (int): Samples to show.
        order (str): ``'first'`` of the test data, ``'best'`` or ``'worst'``
            by the mean of all scores (those that one alone finds hard would
            flatter the others), ``'gained'`` or ``'lost'`` by what the last
            one is better than the first. Defaults to ``'first'``
        score (str): ``'error'``, relative to the longer side of the box, or
            ``'oks'``. Defaults to ``'error'``
        network (str, optional): As in :func:`load_model`. Defaults to None,
            as the configs say
        limit (int, optional): Take only the first samples of the test data.
            Defaults to None
        device (str): Where the models run. Defaults to ``'cpu'``

    Returns:
        tuple[list[Shown], dict]: The samples, and the meta information of
        their data set.

    Raises:
        ValueError: If one model is to be compared, or predicts other
            keypoints than the test data have.
    """
    from mmengine.registry import init_default_scope
    if order in GAINS and len(models) < 2:
        raise ValueError(f'--order {order} compares two checkpoints: name the '
                         'other one by --also')
    if order == 'first':
        limit = min(num, limit or num)
    truths, meta, found = None, None, {}
    for name, (config, checkpoint) in models.items():
        model = load_model(config, checkpoint, network, device)
        init_default_scope('mmpose')
        if truths is None:
            cfg = model.cfg
            dataset = build_data(cfg, limit)
            truths, meta = read_truth(dataset), dataset.metainfo
        loader = model.cfg.test_dataloader
        poses, = predict(model, build_data(cfg, limit,
                                           loader.dataset.pipeline),
                         loader).values()
        found[name] = poses[..., :2]
        if found[name][0].shape != truths[0].keypoints.shape:
            raise ValueError(
                f'{config} predicts {len(found[name][0])} keypoints, but the '
                f'test data have {len(truths[0].keypoints)}')
    scores = {
        name: [
            relative_error(*pair) if score == 'error' else similarity(
                *pair, meta['sigmas']) for pair in zip(truths, predictions)
        ]
        for name, predictions in found.items()
    }
    ranked = ranked_samples([*scores.values()], order, score == 'oks')
    return [
        Shown(truths[i], {name: found[name][i]
                          for name in found},
              {name: scores[name][i]
               for name in found}, i) for i in ranked[:num]
    ], meta
