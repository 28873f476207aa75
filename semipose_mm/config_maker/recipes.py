# Copyright (c) semipose_mm authors.
"""The recipes that a config can have, and which one it is to be."""
from typing import NamedTuple, Optional

#: What each one does. Nothing is imported here, as the command lists them.
RECIPES = dict(
    labels_then_ema='one network learns from labels alone, then its average '
    'teaches it on unlabeled images',
    posedual='two networks teach each other',
    posecons='one network teaches itself',
    supervised='labels alone, for comparison')


class Recipe(NamedTuple):
    """A recipe that was chosen.

    Attributes:
        name (str): A key of :data:`RECIPES`.
        reason (str): Why it is that one.
        base (str): What it is called in ``configs/_base_/posedual.py``.
        teacher (str): What its teacher does, and why, where images decide.
    """
    name: str
    reason: str
    base: str
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
    if name is not None:
        return Recipe(name, 'asked for by --recipe', name)
    if peer:
        return Recipe('posedual', '--peer gives a second network', 'posedual')
    if not unlabeled:
        return Recipe('supervised', 'no unlabeled images', 'supervised')
    return Recipe(
        'labels_then_ema', 'the default with unlabeled images, ahead of '
        'PoseDual at equal compute; compare --recipe supervised, which is '
        'ahead in short trainings and level where images are alike, see '
        'docs/results.md', 'labels_then_ema')


def choose_teacher(recipe: Recipe, likeness: Optional[float]) -> Recipe:
    """Choose what becomes of the average of ``labels_then_ema``.

    One that follows the network it teaches grows better with it where images
    differ, and learns its mistakes where they are alike (docs/results.md).

    Args:
        recipe (Recipe): What was chosen.
        likeness (float, optional): Of the unlabeled images, see
            :func:`~.likeness.image_likeness`.

    Returns:
        Recipe: The same with its teacher.
    """
    from .likeness import ALIKE, SAMPLE
    if recipe.name != 'labels_then_ema':
        return recipe
    if likeness is None:
        return recipe._replace(
            teacher='the average stays as it is, as there are too few '
            'unlabeled images to tell how much they are alike')
    measured = (f'an unlabeled image and the nearest of {SAMPLE} have a '
                f'correlation of {likeness:.2f}')
    if likeness >= ALIKE:
        return recipe._replace(
            teacher='the average stays as it is, as images are alike, like '
            f'frames of a video: {measured}')
    return recipe._replace(
        base='labels_then_following_ema',
        teacher='the average follows on, as images differ, like photographs: '
        f'{measured}')


def burn_in_share(name: str) -> Optional[float]:
    """Share of the training on labels alone, where a recipe has its own.

    Args:
        name (str): Name in ``configs/_base_/posedual.py``.

    Returns:
        float, optional: That of ``configs/_base_``.
    """
    from mmengine.config import Config

    import semipose_mm
    base = Config.fromfile(semipose_mm.config_path('_base_/posedual.py'))
    hooks = base.get(f'{name}_hooks')
    return hooks[0].burn_in if hooks else None
