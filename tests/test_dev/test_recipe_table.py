# Copyright (c) semipose_mm authors.
"""Tests of the page with the paper's rows."""
from importlib import import_module
from pathlib import Path

import yaml
from recipe_toys import CONFIGS
from toy_tools import ROOT


def test_page_of_the_recipes(monkeypatch):
    """The tables are those of the metafile."""
    table = import_module('recipe_table')
    models = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())['Models']
    page = (CONFIGS / 'README.md').read_text()
    assert table.written(page, models) == page, \
        'run python dev/recipe_table.py'
    names = [model['Name'] for model in models]
    assert len(set(names)) == len(names)
    for model in models:
        assert Path(ROOT, model['Config']).is_file()
        assert table.command(model) in page
    row = next(m for m in models
               if m['Name'] == 'posedual_res18_coco_5000_randaug')
    assert row['Results'][0]['Metrics'] == dict(AP=55.4)
    assert table.command(row) == (
        'semipose train configs/paper/posedual_res18_coco1k.py '
        '--num-labels 5000 --hard randaug')


def test_metafile_is_read_by_mim():
    """``mim search`` takes the first entry of lists, and lower-cased words."""
    meta = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())
    collections = [collection['Name'] for collection in meta['Collections']]
    for model in meta['Models']:
        assert model['Name'] == model['Name'].lower()
        assert model['In Collection'] in collections
        assert isinstance(model['Metadata']['Training Data'], str)
        for value in model['Metadata'].values():
            assert value not in ([], None)
        for result in model['Results']:
            assert isinstance(result['Dataset'], str)
            assert all(
                isinstance(v, (int, float))
                for v in result['Metrics'].values())
