# Copyright (c) semipose_mm authors.
"""Install the full mmcv for the torch that is there, building it once.

Called by ``tools/install.sh`` with the environment's Python. Tried in turn: a
wheel at ``$SEMIPOSE_MMCV_FIND_LINKS``, the user's cache, a wheel of the
configured package index, and a build from source, whose wheel is kept in the
cache. A build that was interrupted goes on where it stopped.
"""
import argparse
import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

HEARTBEAT = 15
GIB = 1 << 30
NEEDS_GIB = 2
MEMORY_PER_JOB_GIB = 1.5

OPS_CHECK = """
import sys, torch
from mmcv.ops import get_compiling_cuda_version, nms
import mmcv
nms(torch.tensor([[0., 0., 1., 1.]]), torch.tensor([1.]), 0.5)
print('mmcv', mmcv.__version__, get_compiling_cuda_version())
"""


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(f'mmcv: {text}', flush=True)


def die(text: str) -> None:
    """End with one clear line."""
    sys.exit(f'install.sh: error: {text}')


def pip(*args: str, quiet: bool = False) -> int:
    """Run this environment's pip."""
    return subprocess.call(
        [sys.executable, '-m', 'pip', '--disable-pip-version-check', *args],
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=subprocess.DEVNULL if quiet else None)


def check_ops() -> Optional[Tuple[str, str]]:
    """Run one op of the installed mmcv.

    Returns:
        Tuple[str, str], optional: Its version, and the CUDA version of its
        ops or 'not available'. None if mmcv is missing, without ops or made
        for another torch.
    """
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', OPS_CHECK],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL,
                          text=True)
    match = re.search(r'^mmcv (\S+) (.+)$', done.stdout, re.MULTILINE)
    return match.groups() if match and done.returncode == 0 else None


def choose_ops() -> Tuple[str, str]:
    """Decide between CUDA and CPU ops.

    ``FORCE_CUDA=1`` builds CUDA ops without a GPU, ``FORCE_CUDA=0`` CPU ops
    with one.

    Returns:
        Tuple[str, str]: 'cpu' or 'cu' and the digits of the CUDA version,
        and the reason.
    """
    import torch
    force = os.environ.get('FORCE_CUDA')
    if force == '0':
        return 'cpu', 'FORCE_CUDA=0'
    if torch.version.cuda is None:
        return 'cpu', f'torch {torch.__version__} is built without CUDA'
    if not torch.cuda.is_available() and force != '1':
        return 'cpu', 'no GPU is visible'
    from torch.utils.cpp_extension import CUDA_HOME
    nvcc = Path(CUDA_HOME or '/nonexistent', 'bin', 'nvcc')
    if not nvcc.is_file():
        return 'cpu', 'a GPU is visible, but no nvcc (set CUDA_HOME)'
    told = subprocess.run([str(nvcc), '--version'],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          text=True).stdout
    match = re.search(r'release (\d+)\.(\d+)', told)
    release = '.'.join(match.groups()) if match else 'unknown'
    if release.split('.')[0] != torch.version.cuda.split('.')[0]:
        return 'cpu', (f'nvcc {release} does not match the CUDA '
                       f'{torch.version.cuda} of torch')
    return 'cu' + release.replace('.', ''), f'nvcc {release}, {nvcc}'


def cache_folder() -> Path:
    """Find the user's cache folder of semipose_mm."""
    folder = os.environ.get('SEMIPOSE_CACHE')
    if folder:
        return Path(folder).expanduser().absolute()
    base = os.environ.get('XDG_CACHE_HOME')
    return Path(base or Path.home() / '.cache') / 'semipose_mm'


def cache_key(version: str, ops: str) -> str:
    """Name what a compiled mmcv depends on."""
    import torch
    system = sysconfig.get_platform().replace('-', '_').replace('.', '_')
    python = '{}{}'.format(*sys.version_info[:2])
    return f'mmcv-{version}-torch{torch.__version__}-cp{python}-{system}-{ops}'


@contextlib.contextmanager
def locked(file: Path) -> Iterator[int]:
    """Let one process at a time build the same wheel.

    Yields:
        int: The lock's file descriptor, for the compiler to hold on to when
        this process is killed.
    """
    import fcntl
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, 'w') as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('another installation builds it, waiting for that one')
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            say(f'{file.parent} cannot be locked, going on without')
        yield handle.fileno()


def try_wheel(wheels: List[Path], origin: str) -> bool:
    """Install a wheel and keep it if its ops run with this torch."""
    if not wheels:
        return False
    wheel = wheels[0]
    say(f'installing {wheel.name} from {origin}')
    if pip('install', '--quiet', '--no-deps', '--force-reinstall', str(wheel)):
        say('pip refuses it')
        return False
    if check_ops() is None:
        say('its ops do not run with this torch, trying on')
        return False
    return True


def download_wheel(version: str, folder: str, links: Optional[str]) -> bool:
    """Take a prebuilt wheel if there is one and it fits."""
    where = ['--no-index', '--find-links', links] if links else []
    pip('download',
        '--no-deps',
        '--only-binary',
        ':all:',
        '--dest',
        folder,
        *where,
        f'mmcv=={version}',
        quiet=not links)
    return try_wheel(
        sorted(Path(folder).glob('mmcv-*.whl')), links or 'the package index')


def check_tools(folder: Path) -> None:
    """Refuse to build where that cannot work, each with one line."""
    for variable, default in (('CC', 'cc'), ('CXX', 'c++')):
        name = os.environ.get(variable, default).split()[0]
        if shutil.which(name) is None:
            die(f'no compiler: mmcv is built from source and {name!r} is not '
                'on PATH. Install gcc and g++ (Debian, Ubuntu: `apt-get '
                'install g++`), or let SEMIPOSE_MMCV_FIND_LINKS name a '
                'prebuilt wheel')
    header = Path(sysconfig.get_paths()['include'], 'Python.h')
    if not header.is_file():
        die(f'no Python headers: {header} is missing (Debian, Ubuntu: '
            f'`apt-get install python3.{sys.version_info[1]}-dev`)')
    free = shutil.disk_usage(folder).free / GIB
    if free < NEEDS_GIB:
        die(f'no disk: building mmcv needs {NEEDS_GIB} GiB in {folder}, '
            f'{free:.1f} GiB are free; SEMIPOSE_CACHE=DIR chooses another '
            'folder')


def count_jobs() -> int:
    """All cores, fewer where memory is short; ``MAX_JOBS`` overrules."""
    if os.environ.get('MAX_JOBS', '').isdigit():
        return max(1, int(os.environ['MAX_JOBS']))
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf('SC_AVPHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    return max(1, min(cores, int(memory / GIB / MEMORY_PER_JOB_GIB)))


def fetch_source(version: str, folder: Path) -> Path:
    """Unpack the source once; it stays until the build has succeeded."""
    source = folder / f'mmcv-{version}'
    if source.is_dir():
        say(f'going on with the build in {source}')
        return source
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        say('fetching the source')
        if pip('download', '--quiet', '--no-deps', '--no-build-isolation',
               '--no-binary', 'mmcv', '--dest', scratch, f'mmcv=={version}'):
            die('no network: the source of mmcv cannot be downloaded, see '
                'above. Run this again when the package index answers')
        archive = next(Path(scratch).glob('mmcv-*.tar.gz'))
        with tarfile.open(archive) as tar:
            tar.extractall(scratch)
        # torch adds the C++ standard that its own headers need
        setup = Path(scratch, source.name, 'setup.py')
        text = setup.read_text(encoding='utf-8')
        setup.write_text(
            text.replace("['-std=c++17']", '[]'), encoding='utf-8')
        os.rename(Path(scratch, source.name), source)
    return source


class Progress:
    """Turns ninja's [n/m] into lines with the time left."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.done = self.total = 0
        self.finished = threading.Event()

    def feed(self, line: str) -> None:
        """Look at a line of the compiler's output."""
        match = re.match(r'\s*\[(\d+)/(\d+)\]', line)
        if match:
            self.done, self.total = (int(number) for number in match.groups())

    def show(self) -> None:
        """Print where the build stands."""
        passed = time.monotonic() - self.start
        text = f'building, {passed / 60:.1f} min so far'
        if self.total:
            text = f'[{self.done}/{self.total}] {text}'
        if self.done:
            left = passed / self.done * (self.total - self.done)
            text += f', about {left / 60:.0f} min left'
        say(text)

    def beat(self) -> None:
        """Print every few seconds until finished."""
        while not self.finished.wait(HEARTBEAT):
            self.show()


def build(version: str, ops: str, folder: Path, lock: int) -> Path:
    """Compile mmcv.

    Args:
        version (str): Version of mmcv.
        ops (str): 'cpu' or 'cuXXX'.
        folder (Path): Where the source, the objects and the log are kept.
        lock (int): The lock, see :func:`locked`.

    Returns:
        Path: The wheel.
    """
    folder.mkdir(parents=True, exist_ok=True)
    check_tools(folder)
    source = fetch_source(version, folder)
    jobs = count_jobs()
    env = dict(
        os.environ,
        MMCV_WITH_OPS='1',
        MAX_JOBS=str(jobs),
        FORCE_CUDA='0' if ops == 'cpu' else '1',
        PATH=os.pathsep.join(
            [os.path.dirname(sys.executable), os.environ['PATH']]))
    if ops == 'cpu':
        env['CUDA_VISIBLE_DEVICES'] = ''
    log = folder / 'build.log'
    say(f'building version {version} with {jobs} jobs, once; log: {log}')
    progress = Progress()
    heart = threading.Thread(target=progress.beat, daemon=True)
    heart.start()
    wheels = folder / 'dist'
    shutil.rmtree(wheels, ignore_errors=True)
    with open(log, 'w', encoding='utf-8') as handle:
        process = subprocess.Popen(
            [sys.executable, 'setup.py', 'bdist_wheel', '--dist-dir', wheels],
            cwd=source,
            env=env,
            pass_fds=(lock, ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace')
        errors = []
        for line in process.stdout:
            handle.write(line)
            progress.feed(line)
            if re.search(r'\berror:|Killed|No space', line):
                errors.append(line.rstrip()[:400])
    code = process.wait()
    progress.finished.set()
    built = sorted(wheels.glob('mmcv-*.whl'))
    if code or not built:
        print('\n'.join(errors[:5]), file=sys.stderr)
        if 'No space left' in ' '.join(errors):
            die(f'no disk: the build of mmcv filled {folder}')
        die(f'mmcv {version} could not be built for this torch, see {log}')
    say(f'built in {(time.monotonic() - progress.start) / 60:.1f} min')
    return built[0]


def store(wheel: Path, folder: Path) -> Path:
    """Move a wheel into the cache, whole or not at all."""
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix='.new-'))
    os.chmod(scratch, 0o755)
    shutil.copy2(wheel, scratch / wheel.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(scratch, folder)
    return folder / wheel.name


def install(version: str) -> None:
    """Install mmcv by the first way that works."""
    links = os.environ.get('SEMIPOSE_MMCV_FIND_LINKS')
    with tempfile.TemporaryDirectory() as scratch:
        if links and download_wheel(version, scratch, links):
            return
    ops, reason = choose_ops()
    key = cache_key(version, ops)
    cached = cache_folder() / 'wheels' / key
    say(f'{"CPU" if ops == "cpu" else "CUDA"} ops ({reason})')
    if try_wheel(sorted(cached.glob('*.whl')), str(cached)):
        return
    with tempfile.TemporaryDirectory() as scratch:
        if not links and download_wheel(version, scratch, None):
            return
    with locked(cache_folder() / 'build' / f'{key}.lock') as lock:
        if try_wheel(sorted(cached.glob('*.whl')), str(cached)):
            return
        folder = cache_folder() / 'build' / key
        wheel = build(version, ops, folder, lock)
        cached.parent.mkdir(parents=True, exist_ok=True)
        wheel = store(wheel, cached)
        shutil.rmtree(folder, ignore_errors=True)
        if not try_wheel([wheel], str(cached)):
            shutil.rmtree(cached, ignore_errors=True)
            die(f'mmcv {version} was built, but its ops do not run')


def main() -> None:
    """Install mmcv unless one that runs is there."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('version', help='version of mmcv')
    parser.add_argument(
        '--key', action='store_true', help='print the name in the cache')
    args = parser.parse_args()
    if args.key:
        print(cache_key(args.version, choose_ops()[0]))
        return
    if platform.system() != 'Linux':
        die(f'{platform.system()} is not supported, only Linux is')
    found = check_ops()
    if found is None or found[0] != args.version:
        install(args.version)
        found = check_ops()
    cuda = found[1]
    kind = f'CUDA {cuda}' if re.match(r'\d', cuda) else 'CPU'
    say(f'version {found[0]} with {kind} ops is there')


if __name__ == '__main__':
    main()
