# Copyright (c) semipose_mm authors.
"""The recipes that a config can have, and which one it is to be."""
from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

if TYPE_CHECKING:
    from .similarity import Similarity

#: What each one does. Nothing is imported here, as the command lists them.
RECIPES = dict(
    labels_then_ema='one network learns from labels alone, then its average '
    'teaches it on unlabeled images',
    posedual='two networks teach each other',
    posecons='one network teaches itself',
    supervised='labels alone, for comparison')

#: Passes over the labels of a training that begins to teach at the half:
#: between LSPET (192, behind) and people (320, ahead), docs/results.md.
MANY_PASSES = 250


class Recipe(NamedTuple):
    """A recipe that was chosen.

    Attributes:
        name (str): A key of :data:`RECIPES`.
        reason (str): Why it is that one.
        model (str): What its model is called in
            ``configs/_base_/posedual.py``.
        hooks (str): The same of its hooks, where it has its own.
        teacher (str): What its teacher does, and why, where data decide.
    """
    name: str
    reason: str
    model: str
    hooks: str
    teacher: str = ''

    @property
    def told(self) -> str:
        """str: Its name, and what it does."""
        return f'{self.name}: {RECIPES[self.name]}'

    @property
    def line(self) -> str:
        """str: The same, and why it was chosen."""
        return f'recipe: {self.told}; {self.reason}'


def choose_recipe(name: Optional[str], unlabeled: bool, peer: bool) -> Recipe:
    """Choose a recipe.

    Args:
        name (str, optional): The one that is asked for.
        unlabeled (bool): Whether there are unlabeled images.
        peer (bool): Whether a second network is given.

    Returns:
        Recipe: That one, or what the data and networks ask for.
    """
    if name is None:
        name, reason = _by_data(unlabeled, peer)
    else:
        reason = 'asked for by --recipe'
    return Recipe(name, reason, name, f'{name}_hooks')


def _by_data(unlabeled: bool, peer: bool) -> Tuple[str, str]:
    """What no option names: the recipe, and why it is that one."""
    if peer:
        return 'posedual', '--peer gives a second network'
    if not unlabeled:
        return 'supervised', 'no unlabeled images'
    return ('labels_then_ema', 'the default with unlabeled images, ahead of '
            'PoseDual at equal compute; compare --recipe supervised, which is '
            'ahead in short trainings and level where images are alike, see '
            'docs/results.md')


def choose_teacher(recipe: Recipe, similarity: Optional['Similarity'],
                   passes: float) -> Recipe:
    """Choose what becomes of the average of ``labels_then_ema``.

    One that follows the network it teaches grows better with it where images
    differ, and learns its mistakes where they are alike. It begins to teach
    later where labels have more to teach (docs/results.md).

    Args:
        recipe (Recipe): What was chosen.
        similarity (Similarity, optional): Of the unlabeled images.
        passes (float): How often the training sees each label.

    Returns:
        Recipe: The same with its teacher.
    """
    from .similarity import ALIKE, FEWEST
    if recipe.name != 'labels_then_ema':
        return recipe
    late = 'from three quarters of the training on'
    if similarity is None:
        return recipe._replace(
            teacher=f'the average as it is, {late}, as fewer than {FEWEST} '
            'unlabeled images can be compared')
    measured = ('the median correlation of an unlabeled image with the '
                f'nearest of {similarity.number} is {similarity.median:.2f}')
    if similarity.median >= ALIKE:
        return recipe._replace(
            teacher=f'the average as it is, {late}, as images are alike, like '
            f'frames of a video: {measured}')
    model, hooks = 'labels_then_following_ema', recipe.hooks
    if passes >= MANY_PASSES:
        late, hooks = 'from the half of the training on', f'{model}_hooks'
    return recipe._replace(
        model=model,
        hooks=hooks,
        teacher=f'the average, which follows on, {late}, as labels are seen '
        f'{passes:.0f} times and images differ, like photographs: {measured}')


def burn_in_share(hooks: str) -> Optional[float]:
    """Share of the training on labels alone, where a recipe has its own.

    Args:
        hooks (str): :attr:`Recipe.hooks`.

    Returns:
        float, optional: That of ``configs/_base_``.
    """
    from mmengine.config import Config

    import semipose_mm
    base = Config.fromfile(semipose_mm.config_path('_base_/posedual.py'))
    found = base.get(hooks)
    return found[0].burn_in if found else None
