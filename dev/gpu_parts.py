# Copyright (c) semipose_mm authors.
"""The parts of ``gpu_check.py``: what is installed, tested and measured."""
import os
import shlex
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
#: Only these are installed for the tests, beside what the library needs.
FOR_TESTS = ('pytest', 'pytest-xdist', 'hotcoco')
MACHINE = """
import json, sys, torch
sys.path.insert(0, 'dev/benchmarks')
from measuring import machine
found = dict(machine(), cuda=torch.version.cuda)
if torch.cuda.is_available():
    found['gpu_gib'] = torch.cuda.get_device_properties(0).total_memory / 2**30
print(found)
json.dump(found, open(sys.argv[2], 'w'))
torch.ones(1, device=sys.argv[1]).sum().item()
"""


class Part(NamedTuple):
    """Something that is run for itself.

    Attributes:
        name (str): How ``--only`` and the results call it.
        limit (float): Seconds after which it is stopped.
        command (list[str]): Run in the checkout; ``{out}`` in a word stands
            for a json file in which it may leave results.
        env (dict): Variables beyond those that are set.
    """
    name: str
    limit: float
    command: List[str]
    env: Dict[str, str] = {}


def build_parts(device: str, wheels: Path, scratch: Path) -> List[Part]:
    """All parts, the most important first.

    Args:
        device (str): ``'cuda'``, or ``'cpu'`` to try the parts themselves
            on as little as possible.
        wheels (Path): Folder of wheels; without it packages come from the
            indexes that pip is configured with.
        scratch (Path): Folder for generated data.
    """
    gpu, python = device == 'cuda', [sys.executable, '-W', 'ignore']
    people = str(scratch / 'people')
    small = 'configs/posedual_res18_coco1k.py'
    turns = ['--turns', '20' if gpu else '1']

    def bench(name: str, limit: float, script: str, *words: str,
              **env: str) -> Part:
        command = [*python, f'dev/benchmarks/{script}.py', *words]
        return Part(name, limit, [*command, '--out', '{out}'], env)

    def step(name: str,
             limit: float,
             *words: str,
             config=small,
             batch='32') -> Part:
        return bench(name, limit, 'step', config, '--batch',
                     batch if gpu else '1', '--device', device, *turns, *words)

    def validation(name: str, *words: str) -> Part:
        return bench(name, 60, 'validation', small, '--flip', 'on', '--batch',
                     '64' if gpu else '1', '--persons', '500', '--device',
                     device, *turns, *words)

    def training(name: str, workers: int, *words: str) -> Part:
        return bench(
            name,
            75,
            'end_to_end',
            'configs/posedual_res18slim_own.py',
            *('--workers', str(workers), '--batch', '32' if gpu else '2'),
            *(() if gpu else ('--iters', '5', '--warm-up', '5')),
            *words,
            SEMIPOSE_OWN=people)

    cores = len(os.sched_getaffinity(0))

    def tests(name: str, limit: float, most: int, *words: str) -> Part:
        return Part(name, limit, [
            *python, '-m', 'pytest', '-q', '--tb', 'short', '-p',
            'no:cacheprovider', '--disable-warnings', '--dist', 'loadfile',
            '-n',
            str(min(most, cores // 2)), *words
        ], dict(OMP_NUM_THREADS='1', MPLBACKEND='Agg'))

    return [
        Part('install', 180, ['bash', '-c', install_script()],
             install_variables(wheels)),
        Part('machine', 60, [*python, '-c', MACHINE, device, '{out}']),
        # without a GPU, some of the same code with the CPU in its place
        tests(
            'tests', 240, 6,
            *(('-m', 'gpu') if gpu else
              ('-k', 'cpu', 'tests/test_models',
               'packages/mmcv_ext/tests/test_ops.py'))),
        step('step', 60),
        # where the CPU would be compiled for, that takes minutes
        step('step-fast', 200, '--fast' if gpu else '--channels-last'),
        validation('validation'),
        step('step-early-backward', 60, '--early-backward'),
        bench('mmcv-ops', 60, 'mmcv_ops', '--device', device, *turns),
        step('step-amp', 60, '--amp'),
        step(
            'step-hrnet',
            90,
            '--amp',
            '--recompute',
            *(('backbone.stage2', 'backbone.stage3',
               'backbone.stage4') if gpu else ('backbone.layer1', )),
            config='configs/posedual_hrnet_w48_coco.py' if gpu else small,
            batch='8'),
        validation('validation-amp', '--amp'),
        # whole log intervals an epoch
        Part('people', 45, [
            *python, 'projects/synthetic_people/generate.py', people,
            '--labeled', '64' if gpu else '4', '--unlabeled',
            '640' if gpu else '10', '--val', '8', '--workers',
            str(cores)
        ]),
        training('training', 2),
        training('training-8-workers', 8 if gpu else 2),
        # those that name no device take the GPU as trainings do
        tests(
            'all-tests', 300, 12,
            *(('-m', 'not slow and not long and not gpu') if gpu else
              ('tests/test_files.py', ))),
    ]


def install_script() -> str:
    """Shell commands that install all that the parts need."""
    names = {
        line.split('==')[0]: line
        for line in (
            ROOT /
            'requirements/gpu_check.txt').read_text('utf-8').splitlines()
    }
    pinned = ' '.join(names[name] for name in FOR_TESTS)
    return (f'bash tools/install.sh && {shlex.quote(sys.executable)} -m pip '
            f'--disable-pip-version-check install {pinned}')


def install_variables(wheels: Path) -> Dict[str, str]:
    """Where packages come from and go to."""
    found = dict(VIRTUAL_ENV=sys.prefix)
    if wheels.is_dir():
        found.update(PIP_NO_INDEX='1', PIP_FIND_LINKS=str(wheels.resolve()))
    return found
