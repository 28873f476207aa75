# Copyright (c) semipose_mm authors.
"""Pairs per second that a worker loads, by transform.

    python dev/benchmarks/loader.py configs/posedual_res18_coco17.py

One process and one thread, like a worker, if ``--workers`` is 0. Unlabeled
images that are labeled as well are left out, since a small excerpt has more
of them than any training has.
"""
import argparse
import os
import time
from collections import defaultdict
from typing import Any, Callable, Dict, List

import cv2
import torch
from measuring import in_turns, report, spread
from mmengine.config import Config
from mmengine.registry import FUNCTIONS, init_default_scope
from mmpose.registry import DATASETS
from torch.utils.data import DataLoader
from torchvision.transforms.functional import normalize

from semipose_mm.data_files.images import read_image
from semipose_mm.datasets import SemiPoseDataset, SemiPoseSampler
from semipose_mm.datasets.fetching import find_source
from semipose_mm.datasets.seeding import seed_globals, undisturbed
from semipose_mm.datasets.transforms.twin import stock_name

HARD = ('affine', 'cutout', 'randaug', 'randaug_cutout')
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Watch:
    """A transform that is timed.

    Args:
        name (str): Its row of the table.
        transform (Callable): The transform.
        seconds (dict): Its sum is kept here.
    """

    def __init__(self, name: str, transform: Callable,
                 seconds: Dict[str, float]) -> None:
        self.name = name
        self.transform = transform
        self.seconds = seconds

    def __call__(self, results: dict) -> Any:
        """Run it."""
        start = time.perf_counter()
        results = self.transform(results)
        self.seconds[self.name] += time.perf_counter() - start
        return results


def build(cfg: Config, **options: Any) -> SemiPoseDataset:
    """Build the training dataset of a config."""
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset, **options))
    dataset.full_init()
    return dataset


def choose(dataset: SemiPoseDataset, count: int) -> list:
    """Indices of pairs, as a training draws them, without shared images."""
    labeled = {
        find_source(dataset.labeled, i).path
        for i in range(dataset.num_labeled)
    }
    sampler, chosen, epoch = SemiPoseSampler(dataset, seed=0), [], 0
    while len(chosen) < count and epoch < 100:
        sampler.set_epoch(epoch)
        chosen += [
            index for index in sampler if all(
                find_source(dataset.unlabeled, i).path not in labeled
                for i in index.unlabeled)
        ]
        epoch += 1
    if not chosen:
        raise SystemExit('every unlabeled image is labeled as well; set '
                         'SEMIPOSE_NUM_LABELS to a smaller number')
    return (chosen * (count // len(chosen) + 1))[:count]


def by_transform(dataset: SemiPoseDataset, indices: list,
                 collate: Callable) -> Dict[str, float]:
    """Milliseconds of a pair by transform."""
    seconds = defaultdict(float)
    pipelines = [(side, getattr(dataset, side).pipeline)
                 for side in ('labeled', 'unlabeled')]
    before = [pipeline.transforms for _, pipeline in pipelines]
    pair = pipelines[1][1].transforms[-1]
    sources = {
        name: pipeline.transforms
        for name, pipeline in pair.sources.items()
    }
    try:
        for side, pipeline in pipelines:
            pipeline.transforms = [
                Watch(f'{side}: {stock_name(t)}', t, seconds)
                for t in pipeline.transforms
            ]
        for name, pipeline in pair.sources.items():
            pipeline.transforms = [
                Watch(f'of it {name}: {type(t).__name__}', t, seconds)
                for t in pipeline.transforms
            ]
        start = time.perf_counter()
        items = [dataset[index] for index in indices]
        total = time.perf_counter() - start
    finally:
        for (_, pipeline), transforms in zip(pipelines, before):
            pipeline.transforms = transforms
        for name, pipeline in pair.sources.items():
            pipeline.transforms = sources[name]
    seconds['records, uniforms, seeding'] = total - sum(
        value
        for name, value in seconds.items() if not name.startswith('of it'))
    seconds['of it seeding'] = timed(seed_like_an_item, indices)
    seconds['of it unlabeled: reading and judging the file'] = timed(
        lambda index: [read_image(p) for p in unlabeled_paths(dataset, index)],
        indices)
    seconds['collate, in batches of 8'] = timed(
        lambda start: collate(items[start:start + 8]), range(0, len(items), 8))
    return {
        name: 1000 * value / len(indices)
        for name, value in seconds.items()
    }


def unlabeled_paths(dataset: SemiPoseDataset, index: Any) -> List[str]:
    """Files of the unlabeled images of an item."""
    return [find_source(dataset.unlabeled, i).path for i in index.unlabeled]


def seed_like_an_item(index: Any) -> None:
    """Seed as often as an item does."""
    with undisturbed():
        for part in range(1 + len(index.unlabeled)):
            seed_globals(index.seed, part, 0)


def timed(action: Callable, values: Any) -> float:
    """Seconds of an action on all values."""
    start = time.perf_counter()
    for value in values:
        action(value)
    return time.perf_counter() - start


def with_normalizing(dataset: SemiPoseDataset, index: Any) -> None:
    """Load an item, and do what the training step does to its images."""
    inputs = dataset[index]['inputs']
    for name, images in inputs.items():
        if not name.endswith('uniforms'):
            normalize(images.float().div_(255), MEAN, STD, inplace=True)


def compare(cfg: Config, dataset: SemiPoseDataset, indices: list,
            turns: int) -> Dict[str, List[float]]:
    """Seconds of each turn through the same pairs of images."""
    actions = {
        'as it is': dataset.__getitem__,
        'and normalizing': lambda index: with_normalizing(dataset, index),
        'without cache': build(cfg, labeled_cache_mb=0).__getitem__
    }
    return in_turns(
        {
            name: lambda action=action: timed(action, indices)
            for name, action in actions.items()
        }, turns)


def worker_rate(dataset: SemiPoseDataset, indices: list, workers: int,
                batch: int, collate: Callable) -> float:
    """Pairs per second and worker of a data loader."""
    loader = DataLoader(
        dataset,
        batch_size=batch,
        sampler=indices,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=collate)
    for _ in loader:  # starts the workers, fills the cache
        pass
    start = time.perf_counter()
    for _ in loader:
        pass
    return len(indices) / (time.perf_counter() - start) / max(workers, 1)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config')
    parser.add_argument('--hard', choices=HARD, default='affine')
    parser.add_argument('--workers', type=int, default=0)
    parser.add_argument('--pairs', type=int, default=64, help='of a turn')
    parser.add_argument('--turns', type=int, default=11)
    parser.add_argument('--out', help='json file')
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    os.environ['SEMIPOSE_HARD'] = args.hard
    cfg = Config.fromfile(args.config)
    init_default_scope('mmpose')
    dataset = build(cfg)
    collate = cfg.train_dataloader.get('collate_fn', {})
    collate = FUNCTIONS.get(collate.get('type', 'pseudo_collate'))
    indices = choose(dataset, args.pairs)
    timed(dataset.__getitem__, indices)

    parts = by_transform(dataset, indices, collate)
    rate = worker_rate(dataset, indices, args.workers,
                       cfg.train_dataloader.batch_size, collate)
    seconds = compare(cfg, dataset, indices, args.turns)
    rates = {
        name: spread([len(indices) / s for s in values])
        for name, values in seconds.items()
    }
    results = dict(
        milliseconds=parts,
        pairs_per_second_and_worker=rate,
        workers=args.workers,
        pairs_per_second=rates)
    report(f'{args.config}, {args.hard}: milliseconds of a pair',
           [['part', 'ms']] + [[k, f'{v:.2f}'] for k, v in parts.items()],
           results, None)
    report(f'{args.config}, {args.hard}: pairs per second of one core',
           [['loader', 'pairs/s']] + [[name, str(values)]
                                      for name, values in rates.items()] +
           [[f'data loader, {args.workers} workers', f'{rate:.3g} a worker']],
           results, args.out)


if __name__ == '__main__':
    main()
