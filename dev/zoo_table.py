# Copyright (c) semipose_mm authors.
"""Write docs/zoo.md: which configs of MMPose become semi-supervised.

python dev/zoo_table.py
"""
import os.path as osp
from typing import Dict, List

from zoo import Row, group, judge, zoo

from semipose_mm.config_maker.base import PREFIX

ROOT = osp.dirname(osp.dirname(osp.abspath(__file__)))

PAGE = osp.join(ROOT, 'docs', 'zoo.md')
HEAD = """# The zoo

Which top-down configs of MMPose {version} become semi-supervised by
[semipose config](make_config.md): each one was built as PoseDual. This page is
written by `python dev/zoo_table.py`.

{yes} of {total} are supported. A number stands for the reason why not:

{reasons}
"""


def page(rows: List[Row], version: str) -> str:
    """Write the page.

    Args:
        rows (list[Row]): A row a config.
        version (str): Version of MMPose.

    Returns:
        str: The page.
    """
    reasons: Dict[str, int] = {}
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        groups.setdefault(group(row.name), []).append(row)
        if row.verdict == 'no':
            reasons.setdefault(row.reason, len(reasons) + 1)
    head = HEAD.format(
        version=version,
        yes=sum(row.verdict == 'yes' for row in rows),
        total=len(rows),
        reasons='\n'.join(f'{n}. {text}' for text, n in reasons.items()))
    lines = [head]
    for name, members in groups.items():
        lines += [
            f'## {name}', '', '| config | backbone | head | codec | |',
            '|---|---|---|---|---|', *(line(row, reasons) for row in members),
            ''
        ]
    return '\n'.join(lines)


def line(row: Row, reasons: Dict[str, int]) -> str:
    """A line of a table.

    Args:
        row (Row): What it says.
        reasons (dict): Numbers of the reasons.
    """
    said = row.verdict
    if row.reason:
        said += f' ({reasons[row.reason]})' if said == 'no' else \
            f', {row.reason}'
    name = row.name[len(PREFIX):].partition('/')[2][:-len('.py')]
    cells = [f'`{name}`', row.backbone, row.head, row.codec, said]
    return f'| {" | ".join(cells)} |'


def main() -> None:
    """Write the page."""
    import mmpose

    from semipose_mm.evaluation import write_text
    rows = [judge(name) for name in zoo()]
    write_text(PAGE, page(rows, mmpose.__version__))


if __name__ == '__main__':
    main()
