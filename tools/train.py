# Copyright (c) semipose_mm authors.
"""``semipose train``, for a checkout that is not installed."""
import sys
from pathlib import Path

# of the modules beside, none may stand before a user's
sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == '__main__':
    sys.argv = ['semipose', 'train', *sys.argv[1:]]
    from semipose_mm.cli import script
    script()
