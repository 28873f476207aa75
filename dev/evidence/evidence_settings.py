# Copyright (c) semipose_mm authors.
"""What is compared on what, and how much compute a run gets.

A unit of compute is a forward and a backward pass of one network with a
batch of labeled samples, as ``semipose_mm.analysis.compute`` counts them. A
method's iterations are what its budget of units pays for.
"""
from typing import List, NamedTuple, Tuple

from semipose_mm.analysis.compute import step_compute

#: Units of a training, and that of one supervised training which shows where
#: more compute gives nothing.
BUDGETS, FLAT = (1000, 4000, 16000), 64000


class Setting(NamedTuple):
    """Labels that methods are compared on.

    Attributes:
        data (str): ``'mouse9'``, ``'lspet'``, ``'mirror_mouse'`` or
            ``'people'``.
        labels (int): Number of labeled samples.
        size (tuple): Input width and height.
        batch_size (int): Labeled samples of a step, and unlabeled ones.
    """
    data: str
    labels: int
    size: Tuple[int, int] = (64, 64)
    batch_size: int = 8


#: The most telling first.
SETTINGS = {
    'lspet-100': Setting('lspet', 100),
    'mouse9-20': Setting('mouse9', 20),
    'mirror_mouse-30': Setting('mirror_mouse', 30),
    'people-60': Setting('people', 60),
    'mirror_mouse-10': Setting('mirror_mouse', 10),
    'lspet-250': Setting('lspet', 250),
    'mouse9-100': Setting('mouse9', 100),
    'lspet-1000': Setting('lspet', 1000),
}


class Method(NamedTuple):
    """A way to train.

    Attributes:
        title (str): What it is, for the page.
        recipe (str): One of ``configs/_base_/posedual.py`` or
            ``configs/_base_/methods.py``.
        model (dict): Changes of the model's config.
        burn_in (float): Share of the iterations on labels alone.
        ramp_up (float): Share in which unlabeled images gain weight.
        restart (bool): Whether the burn-in and what comes after have a
            schedule of learning rates each.
        ratio (int): Unlabeled samples of a labeled one.
        crops (str): How labeled images are cropped: ``'easy'`` as in
            PoseDual, ``'spread'`` by rotations as wide as those of the
            labels and changes of size like theirs, ``'turned'`` with changes
            of 15 % on all data.
        hard (str): Whether hard views are the easy one, warped (``'warp'``),
            or are cropped as labeled images are (``'crop'``).
        start (str): Name of the run whose network it begins with; empty for
            a backbone of ImageNet.
        simcc (bool): Whether the head gives vectors (SimCC), not heatmaps.
        seen (bool): Whether the unlabeled images are those that are reported.
    """
    title: str
    recipe: str = 'supervised'
    model: dict = {}
    burn_in: float = 0.
    ramp_up: float = 0.
    restart: bool = False
    ratio: int = 1
    crops: str = 'easy'
    hard: str = 'warp'
    start: str = ''
    simcc: bool = False
    seen: bool = False


#: The warp of ``configs/_base_/posedual.py``.
WARP = dict(type='HardAffine', scale=0.25, rotation=30, prob=0.8)
WARPED = dict(warp=WARP, labeled_views=[dict(ops=[], warp=True)])


def _teaching(**route) -> dict:
    """A model that its running average, which all have, teaches so."""
    return dict(routes=[dict(dict(student=0, teachers=['ema0']), **route)])


#: Outputs of the EMA as they are; as ours makes targets of them.
SOFT = _teaching()
SHARP = _teaching(
    target=dict(type='RenderedTarget'),
    select=dict(type='ScoreSelection', power=2))

OURS = Method(
    'ours where images are alike: the average stays',
    'labels_then_ema',
    burn_in=0.75,
    crops='spread',
    hard='crop')

METHODS = {
    'supervised':
    Method('supervised, crops of PoseDual'),
    'supervised_spread':
    Method("supervised, crops by the labels' spread", crops='spread'),
    'ours':
    OURS,
    'half':
    OURS._replace(
        title='ours for photographs: the average follows, from the half on',
        model=SHARP,
        burn_in=0.5),
    'late':
    OURS._replace(
        title='ours for photographs: the average follows, from three quarters '
        'on',
        model=SHARP),
    'posedual':
    Method('PoseDual', 'posedual', burn_in=0.2, ramp_up=0.2),
    'posecons':
    Method('PoseCons', 'posecons', burn_in=0.2, ramp_up=0.2),
    'multiaugs':
    Method(
        'MultiAugs, one network', 'multiaugs_single', burn_in=0.2,
        ramp_up=0.2),
}

FOREGROUND = dict(foreground_weight=10.)


def _trial(title: str, **model):
    """An EMA's outputs as targets, crops of PoseDual and its warp."""
    return Method(title, 'labels_then_ema', dict(SOFT, **model), burn_in=0.5)


def _ours(title: str, **options) -> Method:
    """Our recipe, changed."""
    return OURS._replace(title=f'ours, {title}', **options)


def _running(title: str = '',
             model: dict = SHARP,
             burn_in: float = 0.5,
             **options) -> Method:
    """A running average teaches in the last part of the training."""
    title = (f'running EMA from {100 * burn_in:.0f} % on'
             f'{title and ", " + title}')
    return OURS._replace(title=title, model=model, burn_in=burn_in, **options)


POSES = 'lspet-100_supervised_spread_16000_seed0'
#: What was tried for the recipe; chosen by the labels kept for that.
TRIALS = {
    'supervised_turned':
    Method(
        "supervised, crops turned by the labels' spread, scaled by 15 %",
        crops='turned'),
    'supervised_hard':
    Method('supervised, labels warped a second time', model=WARPED),
    'supervised_fg10':
    Method('supervised, foreground 10', model=FOREGROUND),
    'supervised_spread_fg10':
    Method(
        "supervised, crops by the labels' spread, foreground 10",
        model=FOREGROUND,
        crops='spread'),
    'ema_easy':
    _trial('EMA from the half, crops of PoseDual'),
    'ema_easy_fg10':
    _trial('EMA from the half, crops of PoseDual, foreground 10',
           **FOREGROUND),
    'ema_hard':
    _trial('EMA from the half, labels warped a second time', **WARPED),
    'ema_crop':
    Method(
        'EMA from the half, crops of PoseDual, hard views are crops',
        'labels_then_ema',
        SOFT,
        burn_in=0.5,
        hard='crop'),
    'ours_half':
    _ours('from the half on', burn_in=0.5),
    'ours_half_restart':
    _ours('from the half on, rate anew', burn_in=0.5, restart=True),
    'ours_restart':
    _ours('rate anew', restart=True),
    'half_agree':
    _running(
        'joints that it and the average of the first half agree on',
        _teaching(
            teachers=['ema0', 'teacher'],
            target=dict(type='RenderedTarget'),
            select=dict(
                type='ProductSelection',
                of=[
                    dict(type='ScoreSelection', power=2),
                    dict(type='AgreementSelection', thr=0.05)
                ]))),
    'half_one_pass':
    _running('labels and hard views in one pass', dict(SHARP, one_pass=True)),
    'late_one_pass':
    _running(
        'labels and hard views in one pass',
        dict(SHARP, one_pass=True),
        burn_in=0.75),
    'late_simcc':
    _running('SimCC', burn_in=0.75, simcc=True),
    'half_soft':
    _running('outputs as targets', SOFT),
    'half_soft_fg10':
    _running('outputs as targets, foreground 10', dict(SOFT, **FOREGROUND)),
    'half_soft_heavy':
    _running('outputs as targets, unlabeled weight 3',
             dict(SOFT, unsup_weight=3.)),
    'half_soft_seen':
    _running(
        'outputs as targets, unlabeled are the images that are reported',
        SOFT,
        seen=True),
    'half_heights':
    _running(
        'outputs scaled to height 1 as targets',
        _teaching(
            target=dict(type='HeightNormalizedTarget'),
            select=dict(type='ScoreSelection', power=1))),
    'half_surer':
    _running(
        'the surer half of targets, alike',
        _teaching(
            target=dict(type='RenderedTarget'),
            select=dict(type='QuantileSelection'))),
    'half_light':
    _running('unlabeled weight 0.3', dict(SHARP, unsup_weight=0.3)),
    'half_lighter':
    _running('unlabeled weight 0.1', dict(SHARP, unsup_weight=0.1)),
    'half_fg10':
    _running('foreground 10', dict(SHARP, **FOREGROUND)),
    'supervised_poses':
    Method(
        "supervised, crops by the labels' spread, from a network of LSPET",
        crops='spread',
        start=POSES),
    'supervised_simcc':
    Method(
        "supervised, crops by the labels' spread, SimCC",
        crops='spread',
        simcc=True),
    'ours_simcc':
    _ours('SimCC', simcc=True),
    'ours_poses':
    _ours('from a network of LSPET', start=POSES),
}
METHODS.update(TRIALS)


class Run(NamedTuple):
    """One training.

    Attributes:
        setting (str): A key of :data:`SETTINGS`.
        method (str): A key of :data:`METHODS`.
        budget (int): Units of compute.
        seed (int): Seed.
    """
    setting: str
    method: str
    budget: int
    seed: int

    @property
    def name(self) -> str:
        """str: Unique, and fit for a folder."""
        return f'{self.setting}_{self.method}_{self.budget}_seed{self.seed}'


def iterations(budget: int, model: dict, ratio: int, burn_in: float) -> int:
    """Iterations that a budget pays for.

    Args:
        budget (int): Units.
        model (dict): Config of the model.
        ratio (int): Unlabeled samples of a labeled one.
        burn_in (float): Share on labels alone.
    """
    return round(budget / step_compute(model, ratio).mean(burn_in))


def plan(seeds: int, trials: bool = False) -> List[Run]:
    """All runs, the most telling first.

    Args:
        seeds (int): Number of seeds.
        trials (bool): Whether to add those of :data:`TRIALS` to the table.
            Defaults to False
    """
    methods = [name for name in METHODS if trials or name not in TRIALS]
    return [
        Run(setting, method, budget, seed) for seed in range(seeds)
        for budget in BUDGETS for setting in SETTINGS for method in methods
    ] + [Run(name, 'supervised', FLAT, 0) for name in list(SETTINGS)[:3]]
