# Copyright (c) semipose_mm authors.
"""``python -m semipose_mm COMMAND`` is ``semipose COMMAND``."""
from .cli import script

if __name__ == '__main__':
    script()
