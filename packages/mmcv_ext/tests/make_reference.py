# Copyright (c) semipose_mm authors.
"""Store what the compiled ops of mmcv compute, for the tests beside it.

python packages/mmcv_ext/tests/make_reference.py

For an environment with the compiled mmcv 2.1.0 and MMDetection 3.3.0.
"""
import sys
from pathlib import Path

import mmcv._ext
import numpy as np
import torch
from detector_cases import CASES, predict
from op_cases import all_cases


def main():
    """Write ``reference.npz``."""
    if mmcv._ext.__file__.endswith('.py'):
        sys.exit('error: this environment has no compiled mmcv')
    torch.set_num_threads(1)
    found = all_cases()
    found.update((f'detector/{name}', predict(name)) for name in CASES)
    path = Path(__file__).with_name('reference.npz')
    np.savez_compressed(path, **found)
    print(f'{len(found)} arrays, {path.stat().st_size} bytes: {path}')


if __name__ == '__main__':
    main()
