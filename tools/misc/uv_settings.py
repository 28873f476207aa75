# Copyright (c) semipose_mm authors.
"""Say pip's configuration to uv, which does not read it.

Run by ``tools/install.sh`` with the environment's Python. Prints a line for
each variable (NAME=VALUE) and for each word of uv's command line. Ends with 1
and the name of a setting that cannot be said, so that pip is used.
"""
import ast
import os
import re
import subprocess
import sys
from typing import Dict, List

# Each value of a setting of pip becomes an option of uv.
OPTIONS = {
    'index-url': '--default-index',
    'extra-index-url': '--index',
    'find-links': '--find-links',
    'constraint': '--constraint',
    'trusted-host': '--allow-insecure-host',
}
VARIABLES = {'cert': 'SSL_CERT_FILE', 'proxy': 'ALL_PROXY'}
# These change nothing of what is installed, or uv has its own.
HARMLESS = ('timeout', 'default-timeout', 'retries', 'cache-dir',
            'disable-pip-version-check', 'no-input', 'progress-bar', 'log',
            'require-virtualenv', 'break-system-packages', 'quiet', 'verbose',
            'prefer-binary', 'root-user-action', 'no-warn-script-location',
            'no-color', 'user', 'format')


def parse(text: str) -> Dict[str, str]:
    """Read the output of ``pip config list``.

    Args:
        text (str): Lines such as ``global.index-url='https://...'``; a
            variable is of the section ``:env:``.

    Returns:
        Dict[str, str]: Values by setting, as ``pip install`` uses them.
    """
    found = re.findall(r"^(\S+?)\.([\w-]+)=('.*'|\".*\")$", text, re.MULTILINE)
    rank = ('global', 'install', ':env:')
    found = [row for row in found if row[0] in rank]
    return {
        key: ast.literal_eval(value)
        for _, key, value in sorted(found, key=lambda row: rank.index(row[0]))
    }


def translate(settings: Dict[str, str]) -> List[str]:
    """Turn pip's settings into uv's.

    Args:
        settings (Dict[str, str]): Values by setting of pip.

    Returns:
        List[str]: Variables, then words of the command line.

    Raises:
        KeyError: If uv has nothing for a setting, which it names.
    """
    variables, words = [], []
    for key, value in settings.items():
        if key in VARIABLES:
            # what is set for uv already is meant so
            if VARIABLES[key] not in os.environ:
                variables.append(f'{VARIABLES[key]}={value}')
        elif key in OPTIONS:
            for word in value.split():
                words += [OPTIONS[key], word]
        elif key == 'no-index':
            if value.lower() in ('1', 'true', 'yes', 'on'):
                words.append('--no-index')
        elif key not in HARMLESS:
            raise KeyError(key)
    if '--index' in words:
        # pip takes the best version of all indexes
        words += ['--index-strategy', 'unsafe-best-match']
    return variables + words


def main() -> None:
    """Print uv's settings."""
    if any(
            re.match('UV_(DEFAULT_|EXTRA_)?INDEX|UV_FIND_LINKS', name)
            for name in os.environ):
        return
    text = subprocess.run([sys.executable, '-m', 'pip', 'config', 'list'],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL,
                          text=True).stdout
    try:
        print('\n'.join(translate(parse(text))))
    except KeyError as error:
        sys.exit(error.args[0])


if __name__ == '__main__':
    main()
