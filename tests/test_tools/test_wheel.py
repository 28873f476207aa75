# Copyright (c) semipose_mm authors.
"""Every command that pip installs, from a wheel and away from a checkout."""
import importlib.util
import json
import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from media_toys import write_frames
from released_toys import make, released_state
from toy_commands import write_command
from toy_detector import write_detector
from wheel_toys import (ROOT, clean_variables, copy_checkout, list_files,
                        make_environment, pip_install, run)

import semipose_mm
from semipose_mm.cli import COMMANDS

pytestmark = pytest.mark.long

MOBILENET = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
             'td-hm_mobilenetv2_8xb64-210e_coco-256x192.py')
#: Ours; MMPose has files of configs/_base_/datasets.
PATHS = (r'(?<![\w/])(?:configs(?!/_base_/datasets)|docs|projects|tools)/'
         r'[\w./-]*\.\w+')
LABELS = 'people/annotations/person_keypoints_train.json'
# Runs [name, *words] one by one and writes how each has ended: words are those
# of the command, or a script and its options. The libraries are imported once,
# and not torn down.
DRIVER = """
import gc, json, os, runpy, sys
import mmpose.apis, mmpose.datasets, semipose_mm
from semipose_mm.cli import main
print(semipose_mm.__file__, flush=True)
gc.freeze()
status = {}
for name, *words in json.load(open('commands.json')):
    child = os.fork()
    if not child:
        file = os.open(f'{name}.log', os.O_WRONLY | os.O_CREAT)
        os.dup2(file, 1), os.dup2(file, 2)
        code = 0
        try:
            if words[0].endswith('.py'):
                sys.argv, sys.path[0] = words, os.path.dirname(words[0])
                runpy.run_path(words[0], run_name='__main__')
            else:
                main(words)
        except SystemExit as end:
            code = end.code
        print(code or '', flush=True)
        os._exit(bool(code))
    status[name] = os.waitpid(child, 0)[1]
json.dump(status, open('status.json', 'w'))
"""


class Wheel(NamedTuple):
    """An installed wheel."""
    python: Path
    package: Path

    @property
    def root(self):
        """What stands for the checkout."""
        return self.package / '.mim'

    def scripts(self, ending):
        """Paths of all scripts below ``tools`` with an ending."""
        return sorted(
            path for path in (self.root / 'tools').rglob(f'*{ending}')
            if "__name__ == '__main__'" in path.read_text()
            or path.read_text().startswith('#!'))

    def call(self, *command, cwd, **variables):
        """Call something; the installed files stay as they are."""
        before = self._state()
        out = run(*command, cwd=cwd, env=clean_variables(**variables))
        assert self._state() == before, 'written into the installed package'
        return out

    def _state(self):
        return {
            name: (self.package / name).stat().st_mtime_ns
            for name in list_files(self.package)
        }


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """A wheel in an environment of its own; its checkout is gone."""
    folder = tmp_path_factory.mktemp('wheel')
    checkout = copy_checkout(folder / 'repo')
    python, site = make_environment(folder / 'env')
    pip_install('--target', site, checkout)
    shutil.rmtree(checkout)
    return Wheel(python, site / 'semipose_mm')


@pytest.fixture(scope='module')
def work(wheel, tmp_path_factory):
    """A folder of generated people and a toy detector."""
    folder = tmp_path_factory.mktemp('work')
    wheel.call(
        wheel.python,
        wheel.root / 'projects/synthetic_people/generate.py',
        'people',
        *'--labeled 6 --unlabeled 8 --val 4 --size 96x120'.split(),
        cwd=folder)
    write_detector(folder)
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[6:16, 5:25] = 200
    write_frames(folder / 'walk.avi', 6)
    torch.save(
        dict(state_dict=released_state([make('resnet', 18, 0)])),
        folder / 'released.pth.tar')
    (folder / 'pictures').mkdir()
    assert cv2.imwrite(str(folder / 'pictures/a.png'), picture)
    shutil.copy2(ROOT / 'tests/toys/toy_detector.py', folder)
    return folder


@pytest.fixture(scope='module')
def called(wheel, work):
    """Call everything; outputs by name, of commands that all succeeded."""
    own = 'posedual_res18slim_own.py'
    config, checkpoint = f'run/{own}', 'run/epoch_1.pth'
    given = {
        'train': [
            wheel.root / 'configs' / own, '--work-dir', 'run', '--cfg-options',
            'train_cfg.max_epochs=1', 'train_dataloader.batch_size=4',
            'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
            'model.backbone.base_channels=8', 'model.head.in_channels=64',
            'default_hooks.logger.interval=1', 'test_dataloader.num_workers=0'
        ],
        'test': [config, checkpoint, '--work-dir', 'tested'],
        'export': [config, checkpoint, 'exported'],
        'browse': [config, '--checkpoint', checkpoint, '--out', 'batch.png'],
        'plot predictions': [config, checkpoint, '--out', 'sheet.png'],
        'plot curves': ['run', '--keys', 'loss', '--out', 'curves.png'],
        'compare': ['run', '--out-dir', 'compared'],
        'subset': [LABELS, '--num', '3', '--out-dir', '.'],
        'check': [config],
        'detect': [
            'toy.py', 'toy.pth', 'pictures', '--out', 'boxes.json',
            '--workers', '0', '--score-thr', '0'
        ],
        'config': [
            '--base', MOBILENET, '--labeled', LABELS, '--unlabeled',
            'people/images/unlabeled', '--input-size', '64', '64', '--out',
            'made.py'
        ],
        'env': [],
        'predict': [
            config, checkpoint, 'walk.avi', '--boxes', 'whole', '--networks',
            'net0', 'net1', '--out', 'predicted'
        ],
        'video-metrics': [f'A=predicted/walk_net{i}.csv'
                          for i in range(2)] + ['--out', 'measured'],
        'label-next': ['predicted', 'walk.avi', '--num', '2', '--out', 'next'],
        'frames':
        ['walk.avi', '--num', '3', '--by', 'stride', '--out', 'frames'],
        'import': [
            'people/annotations/person_keypoints_val.json', '--images',
            'people/images/val', '--split', 'random', '--out', 'labels'
        ],
        'pseudo': [
            config, checkpoint, 'people/images/unlabeled', '--boxes', 'whole',
            '--num', '2', '--keep', '1', '--min-joints', '0.1', '--out',
            'pseudo'
        ],
        'report': ['run', '--num', '1', '--out', 'report.html'],
        'convert': ['released.pth.tar', 'converted.pth', '--dataset', 'coco']
    }
    # test_quickstart has the last one
    assert {*given, 'quickstart'} == {*COMMANDS}
    commands = [[name, *name.split(), *args] for name, args in given.items()]
    commands += [[
        'check subset', 'subset', '--check',
        'person_keypoints_train_first3.manifest.json', LABELS
    ]]
    commands += [[f'help {name}', *name.split(), '--help']
                 for name in COMMANDS]
    commands += [[f'help {path.name}', path, '--help']
                 for path in wheel.scripts('.py')]
    (work / 'commands.json').write_text(json.dumps(commands, default=str))
    where = wheel.call(
        wheel.python,
        '-c',
        DRIVER,
        cwd=work,
        PYTHONPATH=str(work),
        SEMIPOSE_OWN=str(work / 'people'))
    assert str(wheel.package / '__init__.py') in where.splitlines()
    status = json.loads((work / 'status.json').read_text())
    texts = {name: (work / f'{name}.log').read_text() for name in status}
    failed = {name: texts[name][-2000:] for name in status if status[name]}
    assert not failed
    return texts


def test_help(wheel, called):
    """Of every command and every script, whose work is a command's."""
    for name in COMMANDS:
        assert called[f'help {name}'].startswith(f'usage: semipose {name} ')
    scripts = wheel.scripts('.py')
    assert len(scripts) == len(COMMANDS)
    helped = {called[f'help {path.name}'].strip() for path in scripts}
    assert helped == {called[f'help {name}'].strip() for name in COMMANDS}
    for path in wheel.scripts('.sh'):
        text = wheel.call('bash', path, '--help', cwd=path.anchor)
        assert text.startswith(f'usage: bash {path} ')


def test_pictures_and_files(called, work):
    for name in ('batch', 'sheet', 'curves', 'compared/curves'):
        assert cv2.imread(str(work / f'{name}.png')) is not None
    box, = json.loads((work / 'boxes.json').read_text())
    assert box['bbox'] == [5, 6, 20, 10]
    assert (work / 'made.py').is_file()
    scores = json.loads((work / 'tested/results/net1.json').read_text())
    assert 'coco/AP' in str(scores)
    exported, = work.glob('exported-*.pth')
    weights = torch.load(exported, weights_only=True)['state_dict']
    assert not any(name.startswith('peers.') for name in weights)


def test_what_is_said(called):
    assert '0 errors' in called['check']
    assert 'the 3 instances are reproduced' in called['check subset']
    after = called['config'].partition('next:')[2]
    assert 'semipose train made.py' in after


def test_manifest_tells_the_version(called, work):
    manifest, = work.glob('*.manifest.json')
    version = json.loads(manifest.read_text())['version']
    assert version == semipose_mm.__version__


def test_the_command_itself(wheel, tmp_path):
    """It lists all commands without importing what they need."""
    semipose = wheel.python.with_name('semipose')
    # pip puts scripts elsewhere than packages that have a target
    shutil.copy2(wheel.package.parent / 'bin/semipose', semipose)
    semipose.write_text(f'#!{wheel.python}\n' +
                        semipose.read_text().partition('\n')[2])
    text = wheel.call(semipose, cwd=tmp_path)
    assert re.findall(r'^  ([a-z][a-z -]*?)  ', text,
                      re.MULTILINE) == [*COMMANDS]
    assert text == wheel.call(
        wheel.python, '-m', 'semipose_mm', '--help', cwd=tmp_path)
    path = wheel.call(semipose, 'env', '--path', 'tools', cwd=tmp_path)
    assert Path(path.strip()) == wheel.root / 'tools'
    loaded = wheel.call(
        wheel.python,
        '-X',
        'importtime',
        semipose,
        'config',
        '--help',
        cwd=tmp_path)
    assert 'semipose_mm.cli' in loaded and 'torch' not in loaded


def test_nothing_refers_to_what_is_not_there(wheel):
    """Neither to files that stay in the checkout."""
    found = set()
    for folder in (wheel.root / 'tools', wheel.package / 'cli',
                   wheel.package / 'launch', wheel.package / 'config_maker'):
        for path in folder.rglob('*'):
            if path.is_file() and '__pycache__' not in path.parts:
                found |= set(re.findall(PATHS, path.read_text()))
    assert len(found) > 20
    missing = {name for name in found if not (wheel.root / name).exists()}
    # check_env.py tells how a checkout installs what is missing
    assert missing <= {'tools/install.sh'}


def test_what_stays_in_the_checkout(wheel):
    """The list has no entry without a file, and is kept."""
    spec = importlib.util.spec_from_file_location('the_setup',
                                                  ROOT / 'setup.py')
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    names = [
        path.relative_to(ROOT).as_posix() for item in setup.SHIPPED
        for path in (ROOT / item).rglob('*')
    ]
    for pattern in setup.CHECKOUT_ONLY[1:]:
        files = [name for name in names if fnmatchcase(name, pattern)]
        assert files, pattern
        assert not any((wheel.root / name).exists() for name in files)


def test_job_script(wheel, tmp_path):
    """SLURM is told to start what lies in the installed package."""
    write_command(tmp_path / 'srun', '#!/bin/sh\necho "$@"\n')
    text = wheel.call(
        'bash',
        wheel.root / 'tools/slurm/one_node.sbatch',
        'a.py',
        'work',
        cwd=tmp_path,
        REPO=str(wheel.root),
        PATH=f'{tmp_path}:/usr/bin:/bin',
        PYTHON='a_python',
        SLURM_CPUS_PER_TASK='1')
    assert f'a_python -u {wheel.root}/tools/train.py a.py ' in text


@pytest.mark.slow
def test_several_processes(wheel, called, work):
    text = wheel.call(
        'bash',
        wheel.root / 'tools/dist_test.sh',
        'run/posedual_res18slim_own.py',
        'run/epoch_1.pth',
        '1',
        cwd=work,
        PYTHON=str(wheel.python),
        SEMIPOSE_OWN=str(work / 'people'))
    assert 'coco/AP' in text


@pytest.mark.slow
def test_quickstart(wheel, tmp_path):
    """Everything, on people that it generates."""
    text = wheel.call(
        wheel.python,
        '-m',
        'semipose_mm',
        'quickstart',
        '--iters',
        '50',
        cwd=tmp_path)
    assert '[8/8]' in text and 'ours, its average' in text
    assert f'--data DIR, in the layout that {wheel.root}/README.md' in text
    assert (tmp_path / 'work_dirs/quickstart/pictures/batch.png').is_file()
