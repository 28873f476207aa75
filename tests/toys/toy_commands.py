# Copyright (c) semipose_mm authors.
"""A torchrun, an srun and others that only tell how they were called."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
TELL = """#!/bin/bash
echo "PYTHONPATH=$PYTHONPATH"
printf '<%s>\\n' "$@"
"""

# what srun says to a task on the second of two nodes
STEP = dict(
    SLURM_JOB_ID='40000',
    SLURM_STEP_ID='0',
    SLURM_STEP_NUM_NODES='2',
    SLURM_STEP_NUM_TASKS='2',
    SLURM_NODEID='1',
    SLURM_STEP_NODELIST='node[7-8]')


def fake_commands(folder):
    """Make a folder of commands that print their arguments."""
    folder.mkdir()
    for name in ('torchrun', 'srun'):
        write_command(folder / name, TELL)
    write_command(
        folder / 'python', f"""#!/bin/bash
[ "${{1##*/}}" != slurm_master.py ] || exec {sys.executable} "$@"
{TELL}""")
    write_command(
        folder / 'scontrol', """#!/bin/bash
[ "$2" != hostnames ] || exec printf 'localhost\\nnode8\\n'
[ "$2" != node ] || exec printf "NodeName=$3\\n NodeAddr=10.0.0.$3 A=b\\n"
echo "requeued $2"
""")
    return folder


def write_command(path, text):
    """Write an executable."""
    path.write_text(text)
    path.chmod(0o755)


def call(script, *args, fake_path, **env):
    """Run a script away from the checkout."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('SLURM') and name not in (
            'PYTHONPATH', 'PORT', 'MASTER_PORT', 'MASTER_ADDR', 'NNODES',
            'NODE_RANK', 'GPUS', 'GPUS_PER_NODE', 'CPUS_PER_TASK', 'SRUN_ARGS',
            'GRES', 'REPO', 'REQUEUE')
    }
    done = subprocess.run(['bash', str(TOOLS / script), *args],
                          cwd=fake_path,
                          env=dict(
                              clean,
                              PATH=f'{fake_path}:{os.environ["PATH"]}',
                              **env),
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          text=True)
    return done.returncode, done.stdout, done.stderr
