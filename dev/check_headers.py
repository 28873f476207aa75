# Copyright (c) semipose_mm authors.
"""Check that Python files begin with the copyright line and say in a docstring
what lives there."""
import ast
import sys
from pathlib import Path

COPYRIGHT = '# Copyright (c) semipose_mm authors.'


def find_fault(file: str) -> str:
    """Tell what is missing at the beginning of a file, '' if nothing is."""
    text = Path(file).read_text(encoding='utf-8')
    first = text.split('\n', 1)[0]
    if first.startswith('#!'):
        first = text.split('\n', 2)[1]
    if first != COPYRIGHT:
        return f'the first line is not {COPYRIGHT!r}'
    if not ast.get_docstring(ast.parse(text)):
        return 'there is no module docstring'
    return ''


def main() -> int:
    """Check the files that are named.

    Returns:
        int: 1 if there are faults, else 0.
    """
    faults = [(file, find_fault(file)) for file in sys.argv[1:]]
    for file, fault in faults:
        if fault:
            print(f'{file}: {fault}')
    return int(any(fault for _, fault in faults))


if __name__ == '__main__':
    sys.exit(main())
