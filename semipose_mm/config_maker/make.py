# Copyright (c) semipose_mm authors.
"""Making a config: everything is read, decided, written and built."""
import os.path as osp
import shlex
from dataclasses import dataclass, field
from typing import (Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple,
                    Union)

from semipose_mm.data_files import NOTE, WARNING, Findings
from .base import ConfigFault, MissingExtra, Unsupported, read_base
from .check import check_base, check_config, nearest_supported
from .data import read_data
from .leaf import MAX_LR, Plan, leaf_text
from .network import cutout, network_overrides, peer_entry
from .recipes import RECIPES, Recipe, burn_in_share, choose_recipe
from .schedule import plan_schedule
from .writing import staged


@dataclass
class Request:
    """What a config is to be, see :func:`make_config`."""
    base: str
    labeled: str
    unlabeled: Optional[str] = None
    boxes: Optional[str] = None
    val: Optional[str] = None
    images: Sequence[str] = ()
    labeled_images: Optional[str] = None
    val_images: Optional[str] = None
    unlabeled_images: Optional[str] = None
    category: Sequence[Union[int, str]] = ()
    boxes_category: Sequence[Union[int, str]] = ()
    recipe: Optional[str] = None
    keypoints: Optional[str] = None
    peer: Optional[str] = None
    input_size: Optional[Tuple[int, int]] = None
    batch_size: Optional[int] = None
    lr: Optional[float] = None
    iterations: Optional[int] = None
    seed: int = 0
    out: Optional[str] = None
    chosen: Recipe = field(init=False)

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is loaded."""
        if self.recipe not in (None, *RECIPES):
            raise ConfigFault(f'--recipe is {self.recipe}, but must be one '
                              f'of {", ".join(RECIPES)}')
        self.chosen = choose_recipe(self.recipe, self.unlabeled is not None,
                                    bool(self.peer))
        self.recipe = self.chosen.name
        if self.unlabeled is None:
            for option, needs in (('boxes', self.boxes), ('peer', self.peer),
                                  ('boxes-category', self.boxes_category),
                                  ('unlabeled-images', self.unlabeled_images),
                                  (f'recipe {self.recipe}', self.recipe
                                   != 'supervised')):
                if needs:
                    raise ConfigFault(f'--{option} needs --unlabeled')
        if self.val_images and self.val is None:
            raise ConfigFault('--val-images needs --val')
        if self.peer and self.recipe != 'posedual':
            raise ConfigFault('--peer needs --recipe posedual, as '
                              f'{self.recipe} has one network')
        for name in ('category', 'boxes_category', 'images'):
            value = getattr(self, name)
            if isinstance(value, (int, str)):
                setattr(self, name, [value])
        for option in ('images', 'labeled_images', 'val_images',
                       'unlabeled_images'):
            folders = getattr(self, option)
            for one in [folders] if isinstance(folders, str) else \
                    folders or ():
                if not osp.isdir(one):
                    name = option.replace('_', '-')
                    raise ConfigFault(f'--{name} {one} is no folder')
        if self.out is None:
            stem = osp.splitext(osp.basename(self.labeled))[0]
            self.out = f'{self.recipe}_{stem}.py'
        if not self.out.endswith('.py'):
            raise ConfigFault(f'--out is {self.out}, but configs end with .py')


class Made(NamedTuple):
    """A config that was written and built.

    Attributes:
        plan (Plan): Everything that it says.
        files (list[str]): Absolute paths of what was written, the config
            last.
        findings (Findings): What was mended or is doubtful.
    """
    plan: Plan
    files: List[str]
    findings: Findings

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
        yield f'input: {size} pixels (width, height)'
        for use, part in (('to train', data.train), ('to validate', data.val)):
            yield (f'labels {use}: {part.num} on {part.num_images} images in '
                   f'{part.images}; {part.told}')
        if data.source is not None:
            folder = data.source.options['data_prefix']['img']
            yield (f'unlabeled: {data.num_unlabeled} in {folder}; '
                   f'{data.unlabeled_told}; boxes: {data.source.policy}')
        yield (f'iterations: {times.iterations} of {times.batch_size} labels, '
               f'learning rate {plan.lr:g}')
        yield from (f'warning: {one}' for one in self.findings.lines(WARNING))
        yield from (f'note: {one}' for one in self.findings.lines(NOTE))
        weights = (plan.network.get('backbone') or {}).get('init_cfg') or \
            plan.base.cfg.model.backbone.get('init_cfg')
        if weights:
            yield ('note: backbones start from '
                   f'{weights.get("checkpoint", weights)}; other weights by '
                   '--cfg-options model.backbone.init_cfg.checkpoint=FILE, '
                   'those of a whole network by load_from=FILE')
        config = shlex.quote(osp.relpath(self.config))
        yield 'next:'
        yield f'  semipose check {config}'
        yield f'  semipose train {config}'


def make_config(base: str,
                labeled: str,
                unlabeled: Optional[str] = None,
                **options: Any) -> Made:
    """Make the config of a training on one's own data, and build it.

    Args:
        base (str): A top-down config of MMPose, ``mmpose::...``, or a file.
        labeled (str): Labels in COCO's keypoint format.
        unlabeled (str, optional): A folder of images, a ``.txt`` list of
            them, or a COCO file; a file of labels gives its images without
            labels. The recipes but ``'supervised'`` need it.
        boxes (str, optional): Detection results for the images of
            ``unlabeled``.
        val (str, optional): Labels that validate. Defaults to a fifth of the
            labeled images.
        images (Sequence[str]): Folders to look for images in before those
            near the files. Defaults to ().
        labeled_images, val_images, unlabeled_images (str, optional): The
            folder of the images of a part. Defaults to the only one that
            holds all of them.
        category (int | str | Sequence): Names or ids of the labeled
            categories. Defaults to those with keypoints, if these are the
            same.
        boxes_category (int | str | Sequence): Names or ids of the same in
            ``boxes``. Defaults to those of the same names.
        recipe (str, optional): A key of :data:`RECIPES`. Defaults to
            ``'labels_then_ema'``, with ``peer`` to ``'posedual'``, without
            ``unlabeled`` to ``'supervised'``.
        keypoints (str, optional): A yaml file with the names of the
            keypoints. Defaults to what the labels say.
        peer (str, optional): Config of the second network, if it is another
            one.
        input_size (tuple[int, int], optional): Width and height of the crop
            in pixels. Defaults to that of the base.
        batch_size (int, optional): Labels of an iteration.
        lr (float, optional): Learning rate. Defaults to that of the base, at
            most 0.001.
        iterations (int, optional): Defaults to 100 passes over the labels or
            10 over the unlabeled images, between 3,000 and 100,000.
        seed (int): Seed of the draw of validation images. Defaults to 0.
        out (str, optional): The config to write. Defaults to
            ``RECIPE_LABELS.py`` in the current folder.

    Returns:
        Made: What was made; ``print(*made.lines(), sep='\\n')`` shows it.

    Raises:
        DataError: In one line, if something cannot be used; then nothing is
            written.
    """
    request = Request(base, labeled, unlabeled, **options)
    size = tuple(request.input_size) if request.input_size else None
    first, peer = (_read_network(option, name)
                   for option, name in (('--base', request.base),
                                        ('--peer', request.peer)))
    findings = Findings()
    try:
        if peer:
            check_base(first, peer_entry(first, peer, None, size), size)
        with staged(request.out) as stage:
            data = read_data(request, stage, findings)
            num = len(data.keypoints.names)
            plan = Plan(
                recipe=request.chosen,
                base=first,
                network=network_overrides(first, num, size),
                peer=peer and peer_entry(first, peer, num, size),
                peer_name=request.peer,
                cutout=cutout(size or first.input_size, num),
                data=data,
                split=request.val is None,
                schedule=plan_schedule(data.train.num, data.num_unlabeled,
                                       request.batch_size, request.iterations,
                                       burn_in_share(request.recipe)),
                lr=request.lr or min(first.lr, MAX_LR))
            stage.write('.py', leaf_text(plan).encode())
            check_config(stage.path(f'{stage.stem}.py'))
            return Made(plan, stage.publish(), findings)
    except Unsupported as fault:
        names = f'--base {request.base}'
        if peer:
            names += f' and --peer {request.peer}'
        raise ConfigFault(f'{names} cannot be used: {fault}') from fault


def _read_network(option: str, name: Optional[str]) -> Any:
    """Read base or peer, and refuse what cannot teach early."""
    if name is None:
        return None
    try:
        found = read_base(name, option)
        check_base(found)
        return found
    except MissingExtra as fault:
        raise ConfigFault(f'{option} {name}: {fault}') from fault
    except Unsupported as fault:
        raise ConfigFault(
            f'{option} {name} cannot be used: {fault}. The nearest supported '
            f'choice is {nearest_supported(name)}') from fault
