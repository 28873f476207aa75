# Copyright (c) semipose_mm authors.
"""Where configs, tools and pages lie: ``python -m semipose_mm [FOLDER]``.

Without a folder it also lists the commands, each with the first
sentence of its own description; none of them is imported.
"""
import argparse
import ast
import re
from pathlib import Path
from typing import Dict

from .version import __version__

FOLDERS = dict(root='', configs='configs', tools='tools', docs='docs')
# started by other commands, never by hand
HELPERS = ('slurm_master.py', 'startup_probe.py')


def find_root() -> Path:
    """Find what stands for the checkout: ``.mim``, or the checkout itself.

    Returns:
        Path: The folder that holds ``configs`` and ``tools``.

    Raises:
        FileNotFoundError: If there is neither.
    """
    package = Path(__file__).resolve().parent
    for root in (package / '.mim', package.parent):
        if (root / 'configs').is_dir() and (root / 'tools').is_dir():
            # an editable installation links to the checkout
            return (root / 'tools').resolve().parent
    raise FileNotFoundError(
        f'neither {package}/.mim nor {package.parent} has configs and tools: '
        'install the package by pip, or use a whole checkout')


def find_commands(root: Path) -> Dict[str, str]:
    """Find the commands and what each one does.

    Args:
        root (Path): The folder that holds ``tools``.

    Returns:
        dict: First sentences by paths relative to ``root``.
    """
    found = {}
    for folder in ('tools', 'projects/synthetic_people'):
        for path in sorted((root / folder).rglob('*')):
            if path.suffix not in ('.py', '.sh', '.sbatch'):
                continue
            text = path.read_text(encoding='utf-8')
            if path.suffix == '.py':
                is_command = "__name__ == '__main__'" in text and \
                    path.name not in HELPERS
                text = ast.get_docstring(ast.parse(text)) or ''
            else:
                is_command = text.startswith('#!')
                # the comment after the first line and the copyright
                text = text.split('\n# ', 2)[-1].replace('\n# ', '\n')
            if is_command:
                text = ' '.join(text.split('\n\n')[0].split())
                sentence = re.split(r'\. |: (?:``|s?ba(?:tc|s)h )', text)[0]
                found[path.relative_to(root).as_posix()] = \
                    sentence.rstrip('.').replace('``', '')
    return found


def main() -> None:
    """Print a folder, or all of them and the commands."""
    parser = argparse.ArgumentParser(
        prog='python -m semipose_mm',
        description='Tell where configs, tools and pages lie, and list the '
        'commands')
    parser.add_argument(
        'folder', nargs='?', choices=FOLDERS, help='print this path alone')
    args = parser.parse_args()
    try:
        root = find_root()
    except FileNotFoundError as error:
        parser.exit(2, f'{parser.prog}: error: {error}\n')
    if args.folder:
        print(root / FOLDERS[args.folder])
        return
    print(f'semipose_mm {__version__}')
    for name, folder in FOLDERS.items():
        print(f'{name:8} {root / folder}')
    print('\nCommands, to be called such as\n'
          '  python $(python -m semipose_mm root)/tools/train.py --help')
    commands = find_commands(root)
    width = max(map(len, commands))
    for name, sentence in commands.items():
        print(f'  {name:{width}}  {sentence}')


if __name__ == '__main__':
    main()
