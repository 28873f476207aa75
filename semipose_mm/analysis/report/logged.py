# Copyright (c) semipose_mm authors.
"""Sections of what a training wrote: scores, curves, config, environment."""
import os.path as osp
from glob import escape as literal
from glob import glob
from html import escape
from typing import Dict, List, Optional, Sequence

from semipose_mm.data_files import Findings
from semipose_mm.data_files.text import read_json
from semipose_mm.evaluation import format_score
from semipose_mm.evaluation.scores import is_trained, network_order
from semipose_mm.files import csv_bytes
from ..compare_runs import MAIN_KEYS, to_csv
from . import diagrams
from .page import Page, heading, legend, panel, table, text

#: What is drawn of the training's log beside losses, and what it is.
TITLES = {
    'loss': 'Loss, all terms',
    'loss_sup': 'Loss on labels',
    'loss_unsup': 'Loss on unlabeled images, weighted',
    'consistency': 'Loss on unlabeled images, without its weight',
    'unsup_weight': 'Weight of that loss',
    'peak_labeled': 'Confidence on labeled images',
    'peak_unlabeled': 'Confidence of teachers on easy views',
    'peak_hard': 'Confidence of students on hard views',
    'easy_hard_agreement': 'Students at their targets (within 5 % of the '
    'input)',
    'kept': 'Share of joints that a selection keeps',
    'lr': 'Learning rate',
}
#: Scores whose curves are drawn.
CURVES = (*MAIN_KEYS, 'EPE', 'EPE median', 'EPE 95%', 'NME')


def color_of(networks: Sequence[str]) -> Dict[str, int]:
    """A color for each network, in the order of networks."""
    return {
        name: i
        for i, name in enumerate(sorted(networks, key=network_order))
    }


def cards(run: dict, selected: str) -> str:
    """The selected network's last scores at a glance."""
    row = run['scores'].get(selected, {})
    found = [key for key in CURVES if key in row][:5]
    return '<div class="cards">' + ''.join(
        f'<div class="card"><b>{format_score(row[key]["last"])}</b>'
        f'<span>{escape(key)}, {escape(selected)}</span><span>'
        f'{_best(row[key])}</span></div>' for key in found) + '</div>'


def _best(cell: dict) -> str:
    """The best value of a score, unless that is the last one."""
    if cell['best'] is None or cell['best_iter'] == cell['last_iter']:
        return ''
    return f'best {format_score(cell["best"])} at {cell["best_iter"]:,}'


def add_scores(page: Page, run: dict, colors: Dict[str, int],
               work_dir: str) -> None:
    """The last and best scores of all networks, and what tests found."""
    networks = [name for name in colors if name in run['scores']]
    keys = list(
        dict.fromkeys(key for name in networks for key in run['scores'][name]))
    body = [text('Nothing was evaluated yet.')]
    if keys:
        rows = [
            [key] +
            [_score_cell(run['scores'][name].get(key)) for name in networks]
            for key in keys
        ]
        name = osp.basename(osp.normpath(work_dir))
        body = [
            text('The last evaluation, and below it a better one with its '
                 'iteration, if there was one. The best of many evaluations '
                 'on the same data flatters: compare methods by the last one. '
                 'Less is better for EPE and NME; EPE is in pixels of the '
                 'image.'),
            table('Scores in validation', ['score', *networks], rows),
            page.source('scores.csv',
                        to_csv({
                            name: run
                        }, {}).encode())
        ]
    tests = [
        _read(path) for path in sorted(
            glob(
                osp.join(literal(work_dir), '**', 'results', '*.json'),
                recursive=True)) if not path.endswith('.keypoints.json')
    ]
    tests = [one for one in tests if one]
    if tests:
        tests.sort(key=lambda one: network_order(one['network']))
        keys = list(dict.fromkeys(k for one in tests for k in one['scores']))
        rows = [[key] +
                [format_score(one['scores'].get(key)) for one in tests]
                for key in keys]
        told = dict.fromkeys(f'{osp.basename(str(one["checkpoint"]))}, boxes '
                             f'{osp.basename(str(one["boxes"]))}, flip test '
                             f'{"on" if one["flip_test"] else "off"}'
                             for one in tests)
        body += [
            heading('tests', 'Tests'),
            text('What semipose test found: ' + '; '.join(told) + '.'),
            table('Scores in tests',
                  ['score', *(one['network'] for one in tests)], rows),
            page.source(
                'tests.csv',
                csv_bytes([['network', 'checkpoint', 'score', 'value'],
                           *([one['network'], one['checkpoint'], key, value]
                             for one in tests
                             for key, value in one['scores'].items())]))
        ]
    page.add(
        'scores', 'Scores', *body, headings=[('tests', 'Tests')] * bool(tests))


def _read(path: str) -> Optional[dict]:
    """Scores of a test, None for another file."""
    found = read_json(path, 'scores', Findings())
    wanted = {'network', 'scores', 'checkpoint', 'boxes', 'flip_test'}
    return found if isinstance(found, dict) and wanted <= set(found) else None


def _score_cell(cell: Optional[dict]) -> str:
    if cell is None:
        return '-'
    best = _best(cell)
    return format_score(
        cell['last']) + (f'<br><small>{best}</small>' if best else '')


def add_curves(page: Page, run: dict, entries: List[dict],
               colors: Dict[str, int]) -> None:
    """Losses, how teaching goes, and scores, against iterations."""
    found: Dict[str, Dict[int, tuple]] = {}
    keys = dict.fromkeys(key for entry in entries for key in entry)
    for key in keys:
        name, _, rest = key.partition('/')
        # teachers are networks, 'agreement' is none
        if not rest or not (name in colors or is_trained(name)):
            name, rest = '', key
        if rest in TITLES or 'loss' in rest:
            points = [(e['iter'], e[key]) for e in entries if key in e]
            found.setdefault(rest, {})[colors.get(name,
                                                  -1)] = tuple(zip(*points))
    losses = [key for key in found if 'loss' in key]
    others = [key for key in TITLES if key in found and key not in losses]
    parts, body = [], [legend(colors)]
    for anchor, title, group in (('losses', 'Losses', losses),
                                 ('teaching-curves', 'How training goes',
                                  others)):
        if group:
            parts.append((anchor, title))
            body += [
                heading(anchor, title),
                _panels(anchor, {key: found[key]
                                 for key in group})
            ]
    columns = ['iter', *(key for key in keys if key != 'iter')]
    body.append(
        page.source(
            'training.csv',
            csv_bytes([['iteration', *columns[1:]],
                       *([entry.get(key) for key in columns]
                         for entry in entries)], 8),
            f'Lines of more than {diagrams.POINTS} points are drawn as means '
            f'of {diagrams.POINTS} parts.'))
    shown = {
        key: {
            colors[name]: tuple(zip(*row[key]))
            for name, row in run['curves'].items() if key in row
        }
        for key in CURVES if any(key in row for row in run['curves'].values())
    }
    if shown:
        parts.append(('score-curves', 'Scores in validation'))
        several = any(
            len(x) > 1 for series in shown.values()
            for x, _ in series.values())
        body += [
            heading(*parts[-1]),
            _panels('scores', shown, marked=True)
            if several else text('There was one evaluation: see Scores.'),
            page.source(
                'validation.csv',
                csv_bytes([['iteration', 'network', 'score', 'value'],
                           *([i, name, key, value]
                             for name, row in run['curves'].items()
                             for key, points in row.items()
                             for i, value in points)], 8))
        ]
    page.add('curves', 'Curves', *body, headings=parts)


def _panels(group: str,
            found: Dict[str, Dict[int, tuple]],
            marked: bool = False) -> str:
    return '<div class="panels">' + ''.join(
        panel(
            diagrams.lines(
                f'{group}{i}', f'{TITLES.get(key, key)} against '
                'the iteration, a line for each network', series,
                ('iteration', ''), marked), TITLES.get(key, key))
        for i, (key, series) in enumerate(found.items())) + '</div>'


def add_run(page: Page, facts: Dict[str, str], cfg, work_dir: str) -> None:
    """What was trained: facts, the config, the environment."""
    copies = sorted(
        glob(osp.join(literal(work_dir), '*.py')), key=osp.getmtime)
    body = [
        heading('facts', 'The training'),
        table('The training', [],
              [[k, escape(str(v))] for k, v in facts.items()], 'facts'),
        page.source('run.csv', csv_bytes([['what', 'value'], *facts.items()])),
        heading('config', 'Config')
    ]
    parts = [('facts', 'The training'), ('config', 'Config')]
    if cfg is not None:
        whole = cfg.pretty_text
        body.append(
            page.source('config.py', whole.encode(),
                        'With all that it inherits.'))
        short = whole
        if copies:
            with open(copies[-1], errors='replace') as file:
                short = file.read()
        told = osp.basename(copies[-1]) if copies else 'config.py'
        body.append(f'<details><summary>{escape(told)}, '
                    f'{len(short.splitlines())} lines</summary>'
                    f'<pre>{escape(short)}</pre></details>')
    else:
        body.append(text('The folder has no config.'))
    logs = sorted(glob(osp.join(literal(work_dir), '*', 'vis_data')))
    rows = _environment(osp.dirname(logs[-1]) if logs else work_dir)
    if rows:
        parts.append(('environment', 'Environment'))
        body += [
            heading('environment', 'Environment'),
            table('Environment of the training', [],
                  [[k, escape(v)] for k, v in rows], 'facts'),
            page.source('environment.csv', csv_bytes([['what', 'value'],
                                                      *rows]))
        ]
    page.add('run', 'Config and environment', *body, headings=parts)


def _environment(folder: str) -> List[List[str]]:
    """Names and values that a training wrote of its environment."""
    path = osp.join(folder, 'environment.txt')
    if not osp.isfile(path):
        return []
    with open(path, errors='replace') as file:
        lines = file.read().split('\n\nbefore_run:')[0].splitlines()
    # long lists of compile options are indented
    return [[part.strip() for part in line.split(': ', 1)] for line in lines
            if ': ' in line and not line.startswith((' ', '-'))]
