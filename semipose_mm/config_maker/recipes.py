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
    """
    name: str
    reason: str

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
        return Recipe(name, 'asked for by --recipe')
    if peer:
        return Recipe('posedual', '--peer gives a second network')
    if not unlabeled:
        return Recipe('supervised', 'no unlabeled images')
    return Recipe(
        'labels_then_ema', 'the default with unlabeled images, ahead of '
        'PoseDual at equal compute; compare --recipe supervised, which is '
        'ahead in short trainings and level where images are alike, see '
        'docs/results.md')


def burn_in_share(name: str) -> Optional[float]:
    """Share of the training on labels alone, where a recipe has its own.

    Args:
        name (str): A key of :data:`RECIPES`.

    Returns:
        float, optional: That of ``configs/_base_``.
    """
    from mmengine.config import Config

    import semipose_mm
    base = Config.fromfile(semipose_mm.config_path('_base_/posedual.py'))
    hooks = base.get(f'{name}_hooks')
    return hooks[0].burn_in if hooks else None
