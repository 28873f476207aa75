# Copyright (c) semipose_mm authors.
"""What keeps a config from being made."""
from semipose_mm.data_files.coco_files import FileFault


class ConfigFault(FileFault):
    """A reason in one line that names the option or the file."""


class Unsupported(ConfigFault):
    """A config of the zoo whose networks cannot teach one another."""


class MissingExtra(ConfigFault):
    """A config that needs an optional package."""
