# Copyright (c) semipose_mm authors.
"""A SLURM of two virtual nodes on this machine, without systemd."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional

DAEMONS = ('munged', 'slurmctld', 'slurmd')
NODES = ('virtual1', 'virtual2')
CONF = """
ClusterName=toy
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
JobRequeue=1
KillWait=5
MinJobAge=600
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
NodeName=virtual1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2
NodeName=virtual2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def what_is_missing() -> Optional[str]:
    """Why no SLURM can be started here, None if it can."""
    missing = [name for name in DAEMONS if _find(name) is None]
    if missing:
        return f'needs {", ".join(missing)}: apt-get install slurm-wlm munge'
    if os.geteuid() != 0:
        return 'needs root, to start the daemons of SLURM'
    return None


def _find(name: str) -> Optional[str]:
    return shutil.which(name, path=f'{os.environ["PATH"]}:/usr/sbin')


def wait_for(condition: Callable[[], object], seconds: float,
             tell: Callable[[], str]) -> object:
    """What a condition gives once it holds, or an error with what is seen."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, tell()
        time.sleep(0.1)


def processes_with(name: str, value: str) -> Dict[int, dict]:
    """Environments of all processes that were started with a variable."""
    found = {}
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            entries = (folder / 'environ').read_bytes().split(b'\0')
        except OSError:
            continue
        env = dict(
            e.decode(errors='replace').split('=', 1) for e in entries
            if b'=' in e)
        if env.get(name) == value:
            found[int(folder.name)] = env
    return found


def _title(pid: int) -> str:
    """What a process is called, arguments included; empty if it is gone."""
    try:
        return Path(f'/proc/{pid}/cmdline').read_text(errors='replace')
    except OSError:
        return ''


class Cluster:
    """The daemons, and what a user does with them.

    Args:
        env (dict): Environment in which users call SLURM.
    """

    def __init__(self, env: dict) -> None:
        # munged runs as another user, who must reach its socket
        self.folder = Path(tempfile.mkdtemp(prefix='slurm'))
        self.folder.chmod(0o755)
        self.conf = self.folder / 'slurm.conf'
        self.env = dict(env, SLURM_CONF=str(self.conf))
        self._daemons: List[subprocess.Popen] = []

    def start(self) -> None:
        """Start all daemons and wait for both nodes."""
        munge = self.folder / 'munge'
        for name in ('munge', 'state'):
            (self.folder / name).mkdir(mode=0o755)
        (munge / 'key').write_bytes(os.urandom(128))
        (munge / 'key').chmod(0o600)
        for path in (munge, munge / 'key'):
            shutil.chown(path, 'munge', 'munge')
        sockets = [socket.socket() for _ in range(3)]
        for each in sockets:
            each.bind(('127.0.0.1', 0))
        self.conf.write_text(
            CONF.format(
                host=socket.gethostname(),
                folder=self.folder,
                ports=[each.getsockname()[1] for each in sockets]))
        for each in sockets:
            each.close()

        self._daemon('munged', '--foreground', f'--key-file={munge}/key',
                     f'--socket={munge}/socket', f'--pid-file={munge}/pid',
                     f'--log-file={munge}/log', f'--seed-file={munge}/seed')
        wait_for((munge / 'socket').exists, 20, self._logs)
        self._daemon('slurmctld', '-D', '-c', '-f', str(self.conf))
        for node in NODES:
            self._daemon('slurmd', '-D', '-N', node, '-f', str(self.conf))
        wait_for(
            lambda: self.call('sinfo', '-h', '-N', '-o', '%T', check=False).
            split() == ['idle'] * 2, 60, self._logs)

    def _daemon(self, name: str, *args: str) -> None:
        # they end with this process, even if that is killed
        user = ['--reuid=munge', '--regid=munge', '--clear-groups'] \
            if name == 'munged' else []
        log = self.folder / f'out-{len(self._daemons)}'
        with open(log, 'wb') as file:
            self._daemons.append(
                subprocess.Popen([
                    'setpriv', *user, '--pdeathsig', 'KILL',
                    _find(name), *args
                ],
                                 env=self.env,
                                 stdout=file,
                                 stderr=file))

    def _logs(self) -> str:
        files = [*self.folder.glob('out-*'), *self.folder.glob('*.log')]
        return '\n'.join(f'{file.name}: {file.read_text()[-1000:]}'
                         for file in files)

    def stop(self) -> None:
        """End all jobs and daemons, and whatever they have started."""
        self.call('scancel', '--user=root', check=False)
        try:
            wait_for(lambda: not self.call('squeue', '-h', check=False), 20,
                     lambda: '')
        except AssertionError:
            pass  # they are killed below
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in self.leftovers():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.leftovers(), 10, lambda: 'processes remain')
        shutil.rmtree(self.folder, ignore_errors=True)

    def leftovers(self) -> List[int]:
        """Processes that belong to this cluster."""
        return list(processes_with('SLURM_CONF', str(self.conf)))

    def call(self, *command: str, check: bool = True, **kwargs) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            command,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **kwargs)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def submit(self, *args: str, cwd: Path) -> 'Job':
        """Submit a job, and read what it prints from ``out`` in a folder."""
        number = self.call(
            'sbatch', '--parsable', f'--output={cwd}/out', *args, cwd=cwd)
        return Job(self, number.strip(), cwd / 'out')


class Job:
    """A job in the queue.

    Args:
        cluster (Cluster): Where it runs.
        number (str): Its number.
        out (Path): File with what it prints.
    """

    def __init__(self, cluster: Cluster, number: str, out: Path) -> None:
        self.cluster, self.number, self.out = cluster, number, out

    def text(self) -> str:
        """What it has printed so far."""
        return self.out.read_text() if self.out.exists() else ''

    def field(self, name: str) -> str:
        """An entry of ``scontrol show job``."""
        shown = self.cluster.call('scontrol', 'show', 'job', '-o', self.number)
        return shown.split(f' {name}=')[1].split()[0]

    def wait_for_text(self, text: str, seconds: float = 150) -> None:
        """Wait until it prints something, and fail if it ends before."""

        def seen():
            over = self.field('JobState') in ('COMPLETED', 'FAILED')
            assert text in self.text() or not over, self._tell(text)
            return text in self.text()

        wait_for(seen, seconds, lambda: self._tell(text))

    def wait_for_state(self, *states: str, seconds: float = 150) -> None:
        """Wait until it is in one of some states."""
        wait_for(lambda: self.field('JobState') in states, seconds,
                 lambda: self._tell(states))

    def release(self) -> None:
        """Let a requeued job begin once its former steps have ended.

        SLURM gives them two minutes, as steps of both have the same
        numbers.
        """
        self.wait_for_state('PENDING')
        wait_for(lambda: not self._step_daemons(), 30,
                 lambda: f'{self._step_daemons()} remain')
        # what is sent in the same second as the end is taken for revoked
        self.cluster.call('scontrol', 'update', f'JobId={self.number}',
                          'StartTime=now+3seconds')

    def ranks(self) -> Dict[str, Dict[int, dict]]:
        """Environments of the Python processes that train, by node."""
        found: Dict[str, Dict[int, dict]] = {node: {} for node in NODES}
        for pid, env in processes_with('SLURM_JOB_ID', self.number).items():
            argv = _title(pid).split('\0')
            if argv[1:2] == ['-u'] and argv[2].endswith('tools/train.py'):
                found[env['SLURMD_NODENAME']][pid] = env
        return found

    def _step_daemons(self) -> List[str]:
        pids = self.cluster.leftovers()
        titles = [_title(pid) for pid in pids]
        return [t for t in titles if f'slurmstepd: [{self.number}.' in t]

    def _tell(self, awaited: object) -> str:
        return f'{self.field("JobState")}, awaited: {awaited}\n' + \
            self.text()[-4000:]
