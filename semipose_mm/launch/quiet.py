# Copyright (c) semipose_mm authors.
"""Warnings and lines of other packages that nobody who trains needs."""
import warnings

#: How they begin; each is of a package about itself.
NEEDLESS = (
    # mmengine imports it
    'pkg_resources is deprecated',
    # mmpose finds it in its own package
    'The metainfo config file',
    # stock configs ask for it wherever they run
    "'pin_memory' argument is set as true but no accelerator",
    "'maxsplit' is passed as positional argument",
)


def ignore_needless() -> None:
    """Ignore these warnings from now on; to be called before imports."""
    for text in NEEDLESS:
        warnings.filterwarnings('ignore', message=text)


def hush_coco() -> None:
    """Keep xtcocotools from printing how it reads a file, four lines each."""
    import xtcocotools.coco
    xtcocotools.coco.print = lambda *args, **kwargs: None
