# Copyright (c) semipose_mm authors.
"""What ``semipose config`` says of a config that it has made."""
import os.path as osp
import shlex
from typing import Iterator, List, NamedTuple

from semipose_mm.data_files import NOTE, WARNING, Findings
from .plan import Plan
from .timing import Costs


class Made(NamedTuple):
    """A config that was written and built.

    Attributes:
        plan (Plan): Everything that it says.
        files (list[str]): Absolute paths of what was written, the config
            last.
        findings (Findings): What was mended or is doubtful.
        costs (Costs): What the training costs.
    """
    plan: Plan
    files: List[str]
    findings: Findings
    costs: Costs

    @property
    def config(self) -> str:
        """str: Absolute path of the config."""
        return self.files[-1]

    def lines(self) -> Iterator[str]:
        """What was written and is read, and what comes next."""
        plan, data = self.plan, self.plan.data
        keypoints, times = data.keypoints, plan.schedule
        codec = plan.network.get('head', {}).get('decoder') or plan.base.codec
        known = keypoints.known and f', those of {keypoints.known} in MMPose'
        yield 'written and built:'
        yield from (f'  {osp.relpath(one)}' for one in self.files)
        yield plan.recipe.line
        if plan.recipe.teacher:
            yield f'teacher: {plan.recipe.teacher}'
        if plan.base_told:
            yield (f'base: {plan.base.name}, as --base names none: '
                   f'{plan.base_told}')
        yield f'weights: {plan.weights.told}'
        if '://' in plan.weights.told:
            yield ('they are downloaded when the training begins; without a '
                   'connection, name a file by --weights FILE')
        other = plan.peer and plan.weights.peer_told(plan.peer)
        if other:
            yield f'weights of network 1: {other}'
        yield f'keypoints: {len(keypoints.names)}{known or ""}: ' + ', '.join(
            keypoints.names)
        if keypoints.unflipped:
            yield (
                f'images are not flipped: {keypoints.unflipped}; flip_pairs '
                'or symmetric: true in --keypoints FILE.yaml tells it')
        else:
            yield f'a flip exchanges {len(keypoints.pairs)} pairs: ' + (
                ', '.join(' and '.join(one) for one in keypoints.pairs)
                or 'a mirrored image keeps its labels')
        size = 'x'.join(map(str, codec['input_size']))
        yield f'input: {size} pixels (width, height){_grain(plan, codec)}'
        for use, part in (('to train', data.train), ('to validate', data.val)):
            yield (f'labels {use}: {part.num} on {part.num_images} images in '
                   f'{part.images}; {part.told}')
        if data.source is not None:
            folder = data.source.options['data_prefix']['img']
            yield (f'unlabeled: {data.num_unlabeled} in {folder}; '
                   f'{data.unlabeled_told}; boxes: {data.source.policy}')
        yield (f'iterations: {times.iterations} of {times.batch_size} labels, '
               f'learning rate {plan.lr:g}')
        yield from self.costs.lines()
        yield from (f'warning: {one}' for one in self.findings.lines(WARNING))
        yield from (f'note: {one}' for one in self.findings.lines(NOTE))
        config = shlex.quote(osp.relpath(self.config))
        yield 'next:'
        yield f'  semipose browse {config}'
        yield f'  semipose check {config}'
        yield f'  semipose train {config}'


def _grain(plan: Plan, codec: dict) -> str:
    """How many pixels of an image a pixel of the heatmap stands for."""
    if 'heatmap_size' not in codec:
        return ''
    padding = plan.box_scale.get('padding', 1.25)
    grain = max(side * padding / pixels
                for side, pixels in zip(plan.data.box, codec['heatmap_size']))
    return (f'; a pixel of the heatmap is {grain:.2g} pixels of an image, by '
            'the median box: --input-size makes it finer')
