# Copyright (c) semipose_mm authors.
"""Print the versions of everything that semipose_mm stands on, import all of
it once and run one op of mmcv.

Ends with 1 if a part is missing, of a wrong version or does not work.
Put its table into a report of a problem.
"""
import importlib.util
import platform
import sys
import warnings
from importlib import metadata
from typing import List, Optional, Tuple

from semipose_mm import dependencies
from semipose_mm.config_files import find_root

FOLDERS = dict(root='', configs='configs', tools='tools', docs='docs')
PACKAGES = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmpose',
            'numpy', 'scipy', 'xtcocotools', 'pycocotools', 'cv2',
            'setuptools')
OPTIONAL = ('mmpretrain', 'onnx', 'onnxruntime', 'tensorboard', 'timm',
            'transformers')
# what brings a module of another name
DISTRIBUTIONS = dict(
    cv2=('opencv-python-headless', 'opencv-python',
         'opencv-contrib-python-headless', 'opencv-contrib-python'),
    mmcv=('mmcv', 'mmcv-lite', 'mmcv-ext-torchvision'))
PARTS = ('pkg_resources', 'xtcocotools.coco', 'pycocotools.coco',
         'matplotlib.pyplot', 'mmengine.runner', 'mmcv.transforms',
         'mmdet.models', 'mmpose.apis', 'mmpose.datasets', 'mmpose.models',
         'mmpose.evaluation', 'mmpose.visualization', 'semipose_mm.models')


def find_version(name: str) -> str:
    """Tell the version of a package, '-' if it is missing."""
    found = []
    for distribution in DISTRIBUTIONS.get(name, (name, )):
        try:
            version = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        label = '' if distribution == name else f' ({distribution})'
        found.append(version + label)
    return ', '.join(found) or '-'


def attempt(name: str, action) -> Tuple[str, str, bool]:
    """Run a check.

    Args:
        name (str): What is checked.
        action (Callable): Returns what to say; raises if it does not work.

    Returns:
        Tuple[str, str, bool]: The name, what was found, and whether it works.
    """
    try:
        return name, str(action()), True
    except BaseException as error:  # a broken library may call exit
        if isinstance(error, KeyboardInterrupt):
            raise
        text = ' '.join(str(error).split()) or 'no message'
        return name, f'{type(error).__name__}: {text}', False


def check_torch() -> str:
    """Describe torch and the device it has."""
    import torch
    device = 'no GPU is visible'
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name(0)
    build = torch.version.cuda or torch.version.hip or 'no'
    return f'{torch.__version__}, CUDA {build}, {device}'


def check_torchvision() -> str:
    """Run an op of torchvision, which fails beside a torch of other build."""
    import torch
    from torchvision.ops import nms
    try:
        nms(torch.tensor([[0., 0., 1., 1.]]), torch.tensor([1.]), 0.5)
    except (NotImplementedError, RuntimeError) as error:
        raise RuntimeError(
            'it is made for another torch; in a checkout `bash '
            'tools/install.sh --torch VERSION`, or --cpu, takes a pair that '
            'fits') from error
    return 'nms runs'


def check_mmcv_ops() -> str:
    """Run an op of mmcv."""
    import torch
    from mmcv.ops import get_compiler_version, get_compiling_cuda_version, nms
    boxes = torch.tensor([[0., 0., 2., 2.], [0., 0., 2., 2.]])
    kept = nms(boxes, torch.tensor([0.5, 0.6]), 0.5)[1].tolist()
    if kept != [1]:
        raise RuntimeError(f'nms kept {kept} instead of [1]')
    cuda = get_compiling_cuda_version()
    kind = 'CPU' if cuda == 'not available' else f'CUDA {cuda}'
    return f'nms runs, {kind} ops of {get_compiler_version()}'


def check_imports() -> str:
    """Import everything once."""
    for part in PARTS:
        try:
            importlib.import_module(part)
        except BaseException as error:
            raise ImportError(f'{part}: {error}') from error
    return f'{len(PARTS)} parts'


def check_ranges() -> str:
    """Compare the versions with the ranges that semipose_mm has seen."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        dependencies.check_dependencies()
    if caught:
        return f'untested: {caught[0].message}'
    return ', '.join(f'{name}{allowed}'
                     for name, allowed in dependencies.SUPPORTED.items())


def print_table(rows: List[Tuple[str, ...]], head: Optional[str] = None):
    """Print rows in columns."""
    width = max(len(row[0]) for row in rows)
    if head:
        print(head)
    for row in rows:
        print(f'  {row[0]:<{width}}  {" ".join(row[1:])}')


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        '--path',
        choices=FOLDERS,
        help='print where this folder lies, and nothing else')


def run(parser, args):
    """Print the tables, or a folder."""
    if args.path:
        try:
            print(find_root() / FOLDERS[args.path])
        except FileNotFoundError as error:
            parser.error(str(error))
        return
    warnings.showwarning = lambda *_, **__: None
    rows = [('python', f'{platform.python_version()} ({sys.executable})'),
            ('system', platform.platform())]
    rows += [(name, find_version(name)) for name in PACKAGES]
    rows += [(name, find_version(name)) for name in OPTIONAL
             if find_version(name) != '-']
    print_table(rows, 'Versions')
    checks = [
        attempt('ranges', check_ranges),
        attempt('torch', check_torch),
        attempt('torchvision', check_torchvision),
        attempt('mmcv', check_mmcv_ops),
        attempt('imports', check_imports),
    ]
    print_table([(name, 'ok  ' if fine else 'FAIL', text)
                 for name, text, fine in checks], 'Checks')
    sys.exit(0 if all(fine for *_, fine in checks) else 1)
