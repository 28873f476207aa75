# Copyright (c) semipose_mm authors.
"""dist_train.sh in a real SLURM, with a torchrun that tells how it is called:

that it trains on both nodes then is seen with the job scripts.
"""
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
TORCHRUN = """#!/bin/bash
options=()
while [[ $1 == --* ]]; do options+=("${1#--}"); shift; done
echo "$SLURMD_NODENAME" "${options[@]}" "${@:2}"
"""


@pytest.fixture
def told(cluster, tmp_path):
    """Run a batch script, and give what each torchrun has told."""
    torchrun = tmp_path / 'bin' / 'torchrun'
    torchrun.parent.mkdir()
    torchrun.write_text(TORCHRUN)
    torchrun.chmod(0o755)

    def run(command, *options, state='COMPLETED'):
        script = tmp_path / 'job.sh'
        script.write_text(f'#!/bin/bash\nPATH={torchrun.parent}:$PATH\n'
                          f'{command}\n')
        job = cluster.submit(*options, str(script), cwd=tmp_path)
        job.wait_for_state('COMPLETED', 'FAILED', seconds=30)
        assert job.field('JobState') == state, job.text()
        lines = job.text().splitlines()
        return job, sorted(s for s in lines if not s.startswith('srun: '))

    return run


def lines_of_two(job, processes=3):
    """What two nodes tell; their names do not resolve, the address must."""
    port = 15000 + int(job.number) % 15000
    return [
        f'virtual{rank + 1} nnodes=2 node_rank={rank} master_addr=127.0.0.1 '
        f'nproc_per_node={processes} master_port={port} config.py --launcher '
        'pytorch --seed 3' for rank in range(2)
    ]


TRAIN = f'bash {TOOLS}/dist_train.sh config.py 3 --seed 3'


def test_batch_script_of_two_nodes(told):
    job, lines = told(TRAIN, '--nodes=2')
    assert lines == lines_of_two(job)
    # a job with a task for each GPU, and several CPUs a task
    job, lines = told(TRAIN, '--nodes=2', '--ntasks-per-node=2',
                      '--cpus-per-task=1')
    assert lines == lines_of_two(job)


def test_step_with_a_task_a_node(told):
    job, lines = told(f'srun --ntasks-per-node=1 {TRAIN}', '--nodes=2')
    assert lines == lines_of_two(job)


def test_one_node(told):
    job, lines = told(f'{TRAIN}; PORT=1234 {TRAIN}', '--nodes=1')
    assert [
        line.split()[:4] for line in lines
    ] == [['virtual1', 'nnodes=1', 'node_rank=0', 'master_addr=127.0.0.1']] * 2
    assert 'master_port=1234 ' in lines[0]


def test_step_with_several_tasks_a_node(told):
    job, lines = told(
        f'srun {TRAIN}', '--nodes=2', '--ntasks-per-node=2', state='FAILED')
    assert lines == [
        'error: torchrun starts once a node, but this step has 4 tasks on 2 '
        'nodes: use srun --ntasks-per-node=1, or --launcher slurm'
    ] * 4
