# Copyright (c) semipose_mm authors.
"""All that waits for a GPU, on a bare machine, in one command.

    python3 dev/gpu_check.py --out DIR [--wheels DIR] [--minutes 9]

Installs into the environment of the Python that runs this, which has a CUDA
build of torch, from wheels that were carried there (docs/benchmarks.md says
which), runs the tests that need a GPU and then benchmarks, the most important
first. Each part runs for itself, whatever becomes of the others.
``gpu_check.json`` and ``gpu_check.txt`` in DIR are written anew after each
part, so that nothing is lost if this is stopped.
"""
import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List, Optional

from gpu_parts import ROOT, Part, build_parts

#: Characters of the end of a part's output that are kept.
KEPT = 12000
#: A part that cannot have this share of its limit is left out.
LEAST = 1 / 3


class Check:
    """Runs parts within a time, and keeps what became of them.

    Args:
        seconds (float): For all parts together.
        out (Path): Folder of the results, which is made.
        scratch (Path): Folder for what parts leave.
        about (dict): What the json says of the whole.
    """

    def __init__(self, seconds: float, out: Path, scratch: Path,
                 about: dict) -> None:
        self.end = time.monotonic() + seconds
        self.start = time.monotonic()
        self.out, self.scratch, self.about = out, scratch, about
        self.done: List[dict] = []
        out.mkdir(parents=True, exist_ok=True)

    def run(self, parts: List[Part]) -> bool:
        """Run parts one after the other.

        Returns:
            bool: Whether all of them passed.
        """
        self.done = [dict(name=p.name, state='not yet') for p in parts]
        for i, part in enumerate(parts):
            left = self.end - time.monotonic()
            if left < part.limit * LEAST:
                self.done[i] = dict(name=part.name, state='left out')
            else:
                print(f'{part.name} ...', flush=True)
                self.done[i] = self._run(part, min(part.limit, left))
            print(self._line(self.done[i]), flush=True)
            self._write()
        return all(entry['state'] == 'passed' for entry in self.done)

    def _run(self, part: Part, limit: float) -> dict:
        """Run one part, and stop all that it has started."""
        result, log = (
            self.scratch / f'{part.name}.{kind}' for kind in ('json', 'log'))
        command = [word.replace('{out}', str(result)) for word in part.command]
        path = os.pathsep.join([
            os.path.dirname(sys.executable),
            os.environ.get('PATH', os.defpath)
        ])
        start, code = time.monotonic(), None
        with open(log, 'wb') as file:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(os.environ, PATH=path, **part.env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True)
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                pass
            finally:
                stop_group(process)
        state = 'passed' if code == 0 else \
            'stopped' if code is None else f'failed ({code})'
        return dict(
            name=part.name,
            state=state,
            seconds=round(time.monotonic() - start, 1),
            limit=round(limit, 1),
            command=shlex.join(command),
            results=read_json(result),
            output=log.read_text('utf-8', 'replace')[-KEPT:])

    def _write(self) -> None:
        """Write all there is."""
        machine = next((entry.get('results')
                        for entry in self.done if entry['name'] == 'machine'),
                       None)
        whole = dict(
            self.about,
            seconds=round(time.monotonic() - self.start, 1),
            machine=machine,
            parts=self.done)
        heading = ', '.join(f'{k} {v}' for k, v in (machine or {}).items())
        lines = [
            f'# {heading or "unknown machine"}', '',
            '| part | state | seconds |', '|---|---|---:|'
        ]
        lines += [self._line(entry) for entry in self.done]
        for entry in self.done:
            if 'output' in entry:
                lines += [
                    '', f'## {entry["name"]}: {entry["state"]}', '',
                    f'`{entry["command"]}`', '', entry['output'].strip()
                ]
        replace(self.out / 'gpu_check.json', json.dumps(whole, indent=1))
        replace(self.out / 'gpu_check.txt', '\n'.join(lines) + '\n')

    @staticmethod
    def _line(entry: dict) -> str:
        """A row of the table."""
        return (f'| {entry["name"]} | {entry["state"]} | '
                f'{entry.get("seconds", "")} |')


def stop_group(process: subprocess.Popen) -> None:
    """End what a process has started, and itself if it still runs."""
    # interrupted, pytest still says what has failed
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(5)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            pass
    process.wait()


def read_json(path: Path) -> Optional[dict]:
    """Read a file that a part may have left, whole or not."""
    try:
        return json.loads(path.read_text('utf-8'))
    except (OSError, ValueError):
        return None


def replace(path: Path, text: str) -> None:
    """Write a file at once."""
    new = path.with_name(f'{path.name}.new')
    new.write_text(text, 'utf-8')
    os.replace(new, path)


def main() -> None:
    """Run what is asked for; exits with 1 unless all of it passed."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument(
        '--wheels', type=Path, default=ROOT / '.whl', metavar='DIR')
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--minutes', type=float, default=9)
    parser.add_argument('--only', action='append', metavar='PART')
    args = parser.parse_args()
    # what is running ends, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as scratch:
        parts = build_parts(args.device, args.wheels, Path(scratch))
        names = [part.name for part in parts]
        for name in args.only or ():
            if name not in names:
                parser.error(f'--only {name}: parts are {", ".join(names)}')
        about = dict(device=args.device, minutes=args.minutes)
        check = Check(60 * args.minutes, args.out, Path(scratch), about)
        sys.exit(not check.run(
            [part for part in parts if part.name in (args.only or names)]))


if __name__ == '__main__':
    main()
