# Copyright (c) semipose_mm authors.
"""Making a config: everything is read, decided, written and built."""
from typing import Any, Optional, Sequence, Tuple, Union

import torch

from semipose_mm.data_files import Findings
from .base import ConfigFault, MissingExtra, Unsupported, read_base
from .check import check_base, check_config, nearest_supported
from .data import read_data
from .leaf import leaf_text
from .leaf_training import MAX_LR
from .library import is_library, leaf_overrides, library_base
from .network import cutout, network_overrides, peer_entry
from .plan import Plan
from .recipes import burn_in_share, choose_teacher
from .recommend import recommend
from .report import Made
from .request import Request
from .schedule import plan_schedule
from .timing import training_costs
from .weights import choose_weights
from .writing import staged


def make_config(base: Optional[str],
                labeled: str,
                unlabeled: Union[None, str, Sequence[str]] = None,
                **options: Any) -> Made:
    """Make the config of a training on one's own data, and build it.

    Args:
        base (str, optional): A top-down config of MMPose, ``mmpose::...``,
            or a file; or a backbone, ``timm:MODEL`` or ``hf:MODEL``, see
            :func:`~.library.library_base`. None takes one of MMPose that
            fits the labels, and an input size, see
            :func:`~.recommend.recommend`.
        labeled (str): Labels in COCO's keypoint format, or a folder that
            ``semipose import`` wrote, which tells ``val``, the folders of the
            images of both, and where boxes come from.
        unlabeled (str | Sequence[str], optional): Folders of images,
            ``.txt`` lists of them and videos, or one COCO file; a file of
            labels gives its images without labels. The recipes but
            ``'supervised'`` need it.
        frames (int, optional): Frames that are taken of each video. Defaults
            to 500.
        frames_by (str, optional): How they are chosen, see
            :func:`semipose_mm.videos.writing.write_frames`. Defaults to
            ``'kmeans'``.
        boxes (str, optional): Detection results for the images of
            ``unlabeled``.
        val (str, optional): Labels that validate. Defaults to what a folder
            of labels holds out, else to a fifth of the labeled images.
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
            in pixels. Defaults to that of the base, without one to what
            fits the labels.
        batch_size (int, optional): Labels of an iteration.
        lr (float, optional): Learning rate. Defaults to that of the base, at
            most 0.001.
        iterations (int, optional): Defaults to 100 passes over the labels or
            10 over the unlabeled images, between 3,000 and 100,000.
        weights (str, optional): What networks start from: ``'zoo'``, the
            checkpoint that MMPose's index names for ``base``;
            ``'imagenet'``, what ``base`` says for its backbone; or a
            checkpoint of either kind, a file or an address. Defaults to the
            first that there is.
        seed (int): Seed of the draw of validation images. Defaults to 0.
        out (str, optional): The config to write. Defaults to
            ``RECIPE_LABELS.py`` in the current folder.
        timing (bool): Whether training steps are measured, which takes half
            a minute. Defaults to False.

    Returns:
        Made: What was made; ``print(*made.lines(), sep='\\n')`` shows it.

    Raises:
        DataError: In one line, if something cannot be used; then nothing is
            written but frames of videos, which the next call finds.
    """
    request = Request(base, labeled, unlabeled, **options)
    size = tuple(request.input_size) if request.input_size else None
    first, peer = (_read_network(option, name, size)
                   for option, name in (('--base', request.base),
                                        ('--peer', request.peer)))
    findings = Findings()
    for option, one in (('--base', first), ('--peer', peer)):
        if one and one.library:
            one.library.report(option, findings)
    try:
        if peer:
            check_base(first, peer_entry(first, peer, None, size), size)
        with staged(request.out) as stage:
            data = read_data(request, stage, findings)
            chosen = None
            if first is None:
                chosen = recommend(data.keypoints.names, data.train.num,
                                   data.box, torch.cuda.is_available())
                size = size or chosen.input_size
                first = _read_network('--base', chosen.base, size)
            num = len(data.keypoints.names)
            network = leaf_overrides(first,
                                     network_overrides(first, num, size))
            second = peer and peer_entry(first, peer, num, size)
            weights = choose_weights(request.weights, first,
                                     data.keypoints.names, size, network)
            weights.set_backbones(first, network, second)
            times = plan_schedule(data.train.num, data.num_unlabeled,
                                  request.batch_size, request.iterations)
            recipe = choose_teacher(
                request.chosen, data.similarity,
                times.iterations * times.batch_size / data.train.num)
            plan = Plan(
                recipe=recipe,
                base=first,
                base_told=chosen and chosen.told,
                network=network,
                peer=second,
                peer_name=request.peer,
                cutout=cutout(size or first.input_size, num),
                data=data,
                split=request.val is None,
                schedule=times.begin(burn_in_share(recipe.hooks)),
                lr=request.lr or min(first.lr, MAX_LR),
                weights=weights,
                box_rule=request.box_rule)
            stage.write('.py', leaf_text(plan).encode())
            built = check_config(stage.path(f'{stage.stem}.py'))
            files = stage.publish()
        # what was written stays, whatever a step does to the process
        costs = training_costs(built, plan.schedule.burn_in, request.timing,
                               findings)
        return Made(plan, files, findings, costs)
    except Unsupported as fault:
        names = f'--base {request.base or chosen.base}'
        if peer:
            names += f' and --peer {request.peer}'
        raise ConfigFault(f'{names} cannot be used: {fault}') from fault


def _read_network(option: str, name: Optional[str],
                  size: Optional[Tuple[int, int]]) -> Any:
    """Read base or peer, and refuse what cannot teach early."""
    if name is None:
        return None
    try:
        found = library_base(name, option, size) if is_library(name) else \
            read_base(name, option)
        check_base(found)
        return found
    except MissingExtra as fault:
        raise ConfigFault(f'{option} {name}: {fault}') from fault
    except Unsupported as fault:
        raise ConfigFault(
            f'{option} {name} cannot be used: {fault}. The nearest supported '
            f'choice is {nearest_supported(name)}') from fault
