# Copyright (c) semipose_mm authors.
"""What a user asks for: the options of a config, checked."""
import os
import os.path as osp
import re
from dataclasses import dataclass, field
from typing import Optional, Sequence, Tuple, Union

from semipose_mm.data_files.images import say_missing
from semipose_mm.data_files.label_folder import (annotation_file,
                                                 is_label_folder,
                                                 read_manifest)
from semipose_mm.videos.rules import RULES
from .base import ConfigFault
from .recipes import RECIPES, Recipe, choose_recipe
from .writing import refuse_existing

#: Pixels of a side of crops; more would not fit into memory.
MAX_SIZE = 2048
# what MMEngine replaces in the text of a config
_REPLACED = re.compile(
    r'\{\{[\'"]?\s*(file(Dirname|Basename|Extname)|_base_\.|\$)')


@dataclass
class Request:
    """What a config is to be, see :func:`~.make.make_config`."""
    base: Optional[str]
    labeled: str
    unlabeled: Union[None, str, Sequence[str]] = None
    frames: Optional[int] = None
    frames_by: Optional[str] = None
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
    weights: Optional[str] = None
    seed: int = 0
    out: Optional[str] = None
    timing: bool = False
    chosen: Recipe = field(init=False)
    name: str = field(init=False)
    box_rule: Optional[dict] = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Refuse what cannot work before anything is loaded."""
        if self.recipe not in (None, *RECIPES):
            raise ConfigFault(f'--recipe is {self.recipe}, but must be one '
                              f'of {", ".join(RECIPES)}')
        if isinstance(self.unlabeled, (str, os.PathLike)):
            self.unlabeled = [self.unlabeled]
        self.unlabeled = [str(one) for one in self.unlabeled or ()] or None
        for one in self.unlabeled or ():
            if '://' not in one and not osp.exists(one):
                raise ConfigFault(f"--unlabeled '{one}' {say_missing(one)}")
        self.chosen = choose_recipe(self.recipe, self.unlabeled is not None,
                                    bool(self.peer))
        self.recipe = self.chosen.name
        stem = osp.splitext(osp.basename(self.labeled))[0]
        if is_label_folder(self.labeled):
            stem = osp.basename(osp.abspath(self.labeled))
            self._read_folder()
        self.name = stem
        if self.frames_by not in (None, *RULES):
            raise ConfigFault(f'--frames-by is {self.frames_by}, but must be '
                              f'one of {", ".join(RULES)}')
        if self.unlabeled is None:
            for option, needs in (('boxes', self.boxes), ('peer', self.peer),
                                  ('frames', self.frames), ('frames-by',
                                                            self.frames_by),
                                  ('boxes-category', self.boxes_category),
                                  ('unlabeled-images', self.unlabeled_images),
                                  (f'recipe {self.recipe}', self.recipe
                                   != 'supervised')):
                if needs:
                    raise ConfigFault(f'--{option} needs --unlabeled')
        if max(self.input_size or (0, )) > MAX_SIZE:
            raise ConfigFault(
                f'--input-size is {" ".join(map(str, self.input_size))}, but '
                f'a side has at most {MAX_SIZE} pixels')
        if self.val_images and self.val is None:
            raise ConfigFault('--val-images needs --val')
        if self.peer and self.base is None:
            raise ConfigFault('--peer needs --base, the first network')
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
            self.out = f'{self.recipe}_{stem}.py'
        if not self.out.endswith('.py'):
            raise ConfigFault(f'--out is {self.out}, but configs end with .py')
        for one in (self.out, self.base, self.peer, self.weights, self.labeled,
                    self.val, *(self.unlabeled or ()), self.boxes,
                    self.labeled_images, self.val_images,
                    self.unlabeled_images, *self.images):
            if one and _REPLACED.search(osp.abspath(one)):
                raise ConfigFault(f"'{osp.abspath(one)}' has in its name what "
                                  'MMEngine replaces in configs: rename it')
        refuse_existing(self.out)

    def _read_folder(self) -> None:
        """Take from a folder of labels what no option names."""
        folder = self.labeled
        manifest = read_manifest(folder)
        self.box_rule = manifest['box_rule']
        self.labeled = annotation_file(folder, 'train')
        if self.val is None:
            self.val = annotation_file(folder, 'val')
            self.val_images = self.val_images or self._there(manifest)
        self.labeled_images = self.labeled_images or self._there(manifest)

    @staticmethod
    def _there(manifest: dict) -> Optional[str]:
        """The folder of the images, unless they were moved."""
        return manifest['images'] if osp.isdir(manifest['images']) else None
