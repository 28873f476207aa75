# Copyright (c) semipose_mm authors.
"""Tests of the html report of a training."""
import csv
import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from toy_tools import run_command

from semipose_mm.analysis.plot_curves import read_curves
from semipose_mm.analysis.report import measured, page, teaching
from semipose_mm.analysis.report.diagrams import POINTS, thinned
from semipose_mm.analysis.taught import TaughtView
from semipose_mm.data_files import DataError

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
SECTIONS = [
    'scores', 'curves', 'joints', 'frames', 'taught', 'reliability', 'video',
    'run'
]
# what a browser finds; the page itself has no script
PROBE = """<script>
addEventListener('load', () => {
  const wide = document.documentElement;
  wide.dataset.found = JSON.stringify({
    broken: [...document.images].filter(
      (one) => !one.complete || !one.naturalWidth).length,
    images: document.images.length,
    width: innerWidth, needed: wide.scrollWidth,
    dark: matchMedia('(prefers-color-scheme: dark)').matches,
    diagrams: [...document.querySelectorAll('svg.diagram')].filter(
      (one) => one.getBoundingClientRect().height > 40).length});
});</script>"""


def write_track(path, scorer, noise):
    """Predictions of a video in DeepLabCut's layout."""
    rng = np.random.default_rng(noise)
    joints = [joint for joint in ('nose', 'paw') for _ in range(3)]
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['scorer', *[scorer] * 6])
        writer.writerow(['bodyparts', *joints])
        writer.writerow(['coords', *('x', 'y', 'likelihood') * 2])
        for i in range(20):
            cells = rng.uniform(0, 1, 6)
            cells[[0, 1, 3, 4]] += i + noise * rng.normal(size=4)
            writer.writerow([i, *cells.round(4)])
    return path


class Elements(HTMLParser):
    """Start tags of a page, and cells of its tables by section."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells, self.section, self.cell = [], {}, None, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if tag == 'section':
            self.section = attrs['aria-labelledby']
        self.cell = tag in ('td', 'small')

    def handle_data(self, data):
        if self.cell and self.section:
            self.cells.setdefault(self.section, []).append(data)

    def handle_endtag(self, tag):
        self.cell = self.cell and tag not in ('td', 'table')

    def values(self, name):
        return [attrs[name] for _, attrs in self.tags if name in attrs]


@pytest.fixture(scope='module')
def reported(trained, tmp_path_factory):
    """A report of a short training, with measures of a video."""
    folder = tmp_path_factory.mktemp('report')
    tracks = [
        write_track(folder / f'{name}.csv', name, noise)
        for noise, name in enumerate(('net0', 'net1'))
    ]
    run_command('video-metrics', *(f'dual={one}' for one in tracks), '--out',
                folder / 'walk')
    run_command('report', trained.work_dir, '--out', folder / 'page.html',
                '--num', 2, '--video', folder / 'walk')
    return folder


def test_sections_and_contents(reported):
    found = Elements((reported / 'page.html').read_text())
    ids = found.values('id')
    assert len(set(ids)) == len(ids)
    linked = [h[1:] for h in found.values('href') if h.startswith('#')]
    assert set(linked) <= set(ids)
    contents = [one for one in linked if one in SECTIONS]
    assert contents == SECTIONS


def test_nothing_lies_elsewhere(reported):
    text = (reported / 'page.html').read_text()
    assert len(text.encode()) < 10e6 and '<script' not in text
    found = Elements(text)
    images = [attrs for tag, attrs in found.tags if tag == 'img']
    # best and worst of 4 with labels; an easy and two taught views of two
    assert len(images) == 2 * 4 + 2 * 5
    assert all(one['src'].startswith('data:image/webp;base64,') and one['alt']
               for one in images)
    files = {h for h in found.values('href') if not h.startswith('#')}
    assert files == {f'page/{p.name}' for p in (reported / 'page').iterdir()}
    assert not re.search(r'(src|href)="?(https?:|//|file:)|url\((?!#)|@import',
                         text)


def numbers(path):
    """All numbers of a csv file."""
    found = []
    with path.open(newline='') as file:
        for row in csv.reader(file):
            for cell in row:
                if re.fullmatch(r'-?\d+(\.\d+)?(e-?\d+)?', cell):
                    found.append(float(cell))
    return np.array(found)


def test_every_number_is_in_a_csv_file(reported):
    text = (reported / 'page.html').read_text()
    checked = 0
    for part in re.findall(r'<section.*?</section>', text, re.DOTALL):
        known = np.concatenate([
            numbers(reported / name) if name.endswith('.csv') else [0]
            for name in re.findall(r'href="(page/[^"]+)"', part)
        ])
        for cell in re.findall(r'<td[^>]*>([^<]*)', part):
            for number in re.findall(r'-?\d+\.\d+', unescape(cell)):
                if 'facts' in part:
                    continue  # versions
                digits = len(number.partition('.')[2])
                # a digit more may be rounded once already
                assert np.abs(known - float(number)).min() <= \
                    0.51 * 10**-digits, (cell, part[:200])
                checked += 1
    assert checked > 200


def test_errors_are_those_of_the_predictions(reported):
    with (reported / 'page/predictions.csv').open() as file:
        rows = list(csv.DictReader(file))
    with (reported / 'page/joint_errors.csv').open() as file:
        errors = {(r['network'], r['joint']): r for r in csv.DictReader(file)}
    assert {row['network'] for row in rows} == {'net0', 'net1', 'ensemble'}
    for key, row in errors.items():
        own = [
            np.hypot(
                float(r['x']) - float(r['label_x']),
                float(r['y']) - float(r['label_y'])) for r in rows
            if r['network'] == key[0] and r['label_x'] and key[1] in (
                'all', r['joint'])
        ]
        assert len(own) == int(row['values'])
        if own:
            assert float(row['median']) == pytest.approx(
                np.median(own), rel=1e-3, abs=1e-3)


def test_without_a_checkpoint(trained, tmp_path, capsys):
    """It needs no data; the page lies in the work folder."""
    folder = tmp_path / 'moved'
    shutil.copytree(trained.work_dir, folder)
    run_command('report', folder, '--checkpoint', 'none')
    text = (folder / 'report.html').read_text()
    assert 'Without a checkpoint' in text and '<img' not in text
    assert (folder / 'report/training.csv').is_file()
    assert '0.' in capsys.readouterr().out


@pytest.mark.parametrize('args, message', [
    (['nowhere'], 'work folder nowhere does not exist'),
    (['empty'], 'empty has no last_checkpoint: name a file by --checkpoint'),
    (['empty', '--checkpoint', 'none'], 'empty is no work folder'),
    (['RUN', '--checkpoint', 'no.pth'], 'no.pth does not exist'),
    (['RUN', '--num', '0'], '--num is 0, but must be at least 1'),
    (['RUN', '--out', 'a.pdf'], '--out is a.pdf, but must end in .html'),
    (['RUN', '--checkpoint', 'none', '--video', 'empty'
      ], "--video 'empty' has no summary.csv"),
])
def test_refused(trained, tmp_path, monkeypatch, refused, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    args = [trained.work_dir if arg == 'RUN' else arg for arg in args]
    assert message in refused('report', *args)


def test_in_a_browser(reported):
    """Nothing is missing, broken or too wide, on a narrow screen."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip('needs Chromium: apt-get install chromium')
    probed = reported / 'probed.html'
    text = (reported / 'page.html').read_text()
    probed.write_text(text.replace('</body>', f'{PROBE}</body>'))
    result = subprocess.run([
        browser, '--headless', '--no-sandbox', '--disable-gpu',
        f'--user-data-dir={reported / "profile"}', '--window-size=500,2000',
        '--enable-logging=stderr', '--dump-dom',
        probed.as_uri()
    ],
                            stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE,
                            text=True,
                            timeout=600)
    assert 'CONSOLE' not in result.stderr
    found = re.search(r'data-found="([^"]*)"', result.stdout)
    assert found, result.stderr[-2000:]
    found = json.loads(unescape(found[1]))
    assert found['broken'] == 0 and found['images'] == 18
    assert found['needed'] <= found['width'] == 500
    assert found['diagrams'] == text.count('class="diagram"') > 10


# ------------------------------------------------------------------- parts


def test_one_network_may_be_named_without_a_list(trained, monkeypatch):
    asked = []

    def predict(model, dataset, loader, names):
        asked.extend(names)
        raise KeyboardInterrupt

    cfg = Config.fromfile(trained.config)
    cfg.val_cfg.networks = 'ema0'
    monkeypatch.setattr(measured, 'predict', predict)
    with pytest.raises(KeyboardInterrupt):
        measured.measure(SimpleNamespace(selected_network='net1'), cfg, 1)
    assert asked == ['net1', 'ema0']


def test_reliability_covers_each_joint_once():
    rng = np.random.default_rng(0)
    for count in (1, 19, 20, 45, 1000):
        scores = rng.uniform(size=count)
        errors = rng.exponential(5, count)
        rows = measured.reliability(scores, errors, errors < 3)
        sizes = [row['values'] for row in rows]
        assert sum(sizes) == count and max(sizes) - min(sizes) <= 1
        assert len(rows) <= measured.BINS
        assert np.average([row['mean'] for row in rows],
                          weights=sizes) == pytest.approx(errors.mean())
        assert np.average([row['near'] for row in rows],
                          weights=sizes) == pytest.approx((errors < 3).mean())
        highest = [row['highest'] for row in rows]
        assert highest == sorted(highest) and highest[-1] == scores.max()


def test_what_is_kept_of_each_joint():
    kept = np.array([[1, 0], [1, 1.]])
    ones = np.ones((2, 2))
    views = [
        TaughtView('net0', p, np.zeros((2, 2, 2)), ones * 0.5, ones > 0, one,
                   one) for p, one in enumerate((kept, ones))
    ]
    rows = teaching.kept_rows(views, ['nose', 'paw'])
    assert [(row['joint'], row['kept']) for row in rows] == [('nose', 1),
                                                             ('paw', 0.75)]
    made = page.Page('a')
    logged = [{'iter': i, 'net0/kept/0': i / 100} for i in (10, 20)]
    text = ''.join(
        teaching.kept_section(made, views, ['nose', 'paw'], logged,
                              dict(net0=0)))
    assert 'at iteration 20' in text and '<td>0.20</td>' in text
    assert made.files['kept_in_training.csv'].decode().splitlines() == [
        'iteration,student,joint,kept', '10,net0,nose,0.1', '20,net0,nose,0.2'
    ]
    assert made.files['kept.csv'].decode().splitlines()[2].endswith('0.75')
    views = [view._replace(kept=None) for view in views]
    assert np.isnan([r['kept'] for r in teaching.kept_rows(views, 'ab')]).all()


def test_a_thinned_line_keeps_its_mean_and_its_bounds():
    rng = np.random.default_rng(0)
    x, y = np.arange(9000.), rng.normal(size=9000)
    thin = thinned(x, y)
    assert len(thin[0]) == POINTS and (np.diff(thin[0]) > 0).all()
    assert thin[1].mean() == pytest.approx(y.mean())
    y[:-5] = np.nan
    assert np.array_equal(thinned(x, y)[1], y[-5:])


def test_pictures_become_smaller_until_the_page_fits(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    made = page.Page('a')
    made.add('x', 'Title', made.picture(noise, 'noise <1>'))
    large = len(made.html('t', '', ''))
    monkeypatch.setattr(page, 'LARGEST', large - 1000)
    smaller = made.html('t', '', '')
    assert len(smaller) < large and b'alt="noise &lt;1&gt;"' in smaller
    monkeypatch.setattr(page, 'LARGEST', 1000)
    with pytest.raises(DataError, match='may have 1,000.*--num'):
        made.html('t', '', '')


def test_what_selections_keep_is_no_validation(tmp_path):
    """The monitor logs it in lines without a loss, as validations are."""
    folder = tmp_path / '20260101_000000' / 'vis_data'
    folder.mkdir(parents=True)
    lines = [
        dict(loss=1., iter=10, time=1.), {
            'net0/kept/0': 0.5,
            'net0/kept/1': 1.,
            'step': 10
        },
        dict(AUC=0.3, step=10)
    ]
    (folder / '20260101_000000.json').write_text(''.join(
        json.dumps(line) + '\n' for line in lines))
    found = read_curves(str(tmp_path))
    assert [(e['iter'], e['AUC']) for e in found['val']] == [(10, 0.3)]
    assert found['kept'][0]['net0/kept/0'] == 0.5
