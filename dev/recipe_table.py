# Copyright (c) semipose_mm authors.
"""Write the tables of configs/README.md from configs/metafile.yml.

python dev/recipe_table.py
"""
import os.path as osp
from typing import Dict, List

import yaml

from semipose_mm.cli.options import CONFIG_VARIABLES

ROOT = osp.dirname(osp.dirname(osp.abspath(__file__)))

README = osp.join(ROOT, 'configs', 'README.md')
BEGIN = '<!-- written by dev/recipe_table.py -->'
END = '<!-- end of what is written -->'
#: Beside the names of the collections.
METHODS = dict(
    Supervised='supervised',
    multiaugs='MultiAugs, two networks',
    multiaugs_single='MultiAugs, one network')
HARD = dict(
    affine='affine',
    cutout='affine + joint cutout',
    randaug='affine + RandAugment',
    randaug_cutout='affine + RandAugment + joint cutout')


def command(model: dict) -> str:
    """The command of a row."""
    metadata = model['Metadata']
    given = metadata.get('Variables', {})
    options = ''.join(f' {option} {given[variables[0]]}'
                      for option, variables, _, _ in CONFIG_VARIABLES
                      if variables[0] in given)
    if 'Test Options' in metadata:
        return f'semipose test {model["Config"]} CHECKPOINT{options} ' \
            f'{metadata["Test Options"]}'.rstrip()
    return f'semipose train {model["Config"]}{options}'


def row(model: dict) -> str:
    """A line of a table."""
    metadata, result = model['Metadata'], model['Results'][0]
    given = metadata.get('Variables', {})
    numbers = ', '.join(f'{k} {v}' for k, v in result['Metrics'].items())
    hard = HARD.get(
        given.get('SEMIPOSE_HARD'), metadata.get('Hard Views', '-'))
    labels = given.get('SEMIPOSE_NUM_LABELS') or metadata['Labels']
    collection = model['In Collection']
    method = given.get('SEMIPOSE_METHOD', collection)
    cells = [
        METHODS.get(method, METHODS.get(collection, collection)), hard,
        f'{metadata["Architecture"]}, {metadata["Input"]}', labels, numbers
        or '-', result['Source'], f'`{command(model)}`'
    ]
    return f'| {" | ".join(cells)} |'


def tables(models: List[dict]) -> str:
    """One table for each data set and protocol."""
    groups: Dict[str, List[dict]] = {}
    for model in models:
        groups.setdefault(model['Results'][0]['Dataset'], []).append(model)
    lines = []
    for dataset, group in groups.items():
        lines += [
            f'### {dataset}', '',
            '| method | hard views | network, input | labels | reported, in % '
            '| source | command |', '|---' * 7 + '|', *map(row, group), ''
        ]
    return '\n'.join(lines)


def written(readme: str, models: List[dict]) -> str:
    """The page with its tables written anew."""
    before, _, rest = readme.partition(BEGIN)
    after = rest.partition(END)[2]
    return f'{before}{BEGIN}\n\n{tables(models)}\n{END}{after}'


def main() -> None:
    """Write the page."""
    with open(osp.join(ROOT, 'configs', 'metafile.yml')) as file:
        models = yaml.safe_load(file)['Models']
    with open(README) as file:
        page = written(file.read(), models)
    with open(README, 'w') as file:
        file.write(page)


if __name__ == '__main__':
    main()
