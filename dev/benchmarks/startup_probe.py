# Copyright (c) semipose_mm authors.
"""The process that startup.py measures; it is not called by hand.

python dev/benchmarks/startup_probe.py RESULT.json BEGIN OPTIONS...
python dev/benchmarks/startup_probe.py RESULT.json BEGIN --read OPTIONS

It is ``semipose train`` with its options until the end of the first iteration,
or reads the unlabeled set only. ``BEGIN`` is what ``time.monotonic()`` said
when the process was started.
"""
import json
import multiprocessing
import os
import re
import sys
import time
from typing import Callable, Dict, List


class Clock:
    """Seconds since the start of the process, taken part by part.

    Args:
        begin (float): ``time.monotonic()`` of the start.
    """

    def __init__(self, begin: float) -> None:
        self.parts: Dict[str, float] = {}
        self.last = begin

    def stamp(self, name: str) -> None:
        """End a part."""
        now = time.monotonic()
        self.parts[name] = now - self.last
        self.last = now

    def within(self, owner: type, method: str, name: str, outer: str) -> None:
        """Take the time of a method's first call out of its part.

        Args:
            owner (type): The class.
            method (str): Name of the method.
            name (str): Name of the time.
            outer (str): Name of what came before it in the part.
        """
        original: Callable = getattr(owner, method)

        def timed(*args, **kwargs):
            if outer in self.parts:
                return original(*args, **kwargs)
            self.stamp(outer)
            result = original(*args, **kwargs)
            self.stamp(name)
            return result

        setattr(owner, method, timed)


def memory(pid: object = 'self') -> Dict[str, int]:
    """Memory of a process.

    Args:
        pid (int | str): The process. Defaults to this one.

    Returns:
        dict: Bytes at the peak, now, of its share, and of it alone.
    """
    with open(f'/proc/{pid}/status') as file:
        status = dict(re.findall(r'(VmHWM|VmRSS):\s+(\d+)', file.read()))
    with open(f'/proc/{pid}/smaps_rollup') as file:
        rollup = dict(
            re.findall(r'^(Pss|Private_Dirty|Private_Clean):\s+(\d+)',
                       file.read(), re.MULTILINE))
    kib = dict(
        peak=int(status['VmHWM']),
        resident=int(status['VmRSS']),
        share=int(rollup['Pss']),
        private=int(rollup['Private_Dirty']) + int(rollup['Private_Clean']))
    return {name: value << 10 for name, value in kib.items()}


def run(clock: Clock, result: str, options: List[str]) -> None:
    """Run the tool with the options of this process.

    Args:
        clock (Clock): Takes the time.
        result (str): The json file to write.
        options (list[str]): Those of the training.
    """
    from mmengine.hooks import Hook

    from semipose_mm.cli import main
    from semipose_mm.cli.commands import train
    from semipose_mm.datasets import SemiPoseDataset, UnlabeledPoseDataset
    clock.stamp('imports')
    clock.within(SemiPoseDataset, '__init__', 'check', 'config, model')
    clock.within(UnlabeledPoseDataset, 'full_init', 'unlabeled', 'labeled')

    class Probe(Hook):
        """Ends the process after the first iteration."""

        def before_run(self, runner) -> None:
            clock.stamp('optimizer, val set')

        def before_train_iter(self, runner, *args, **kwargs) -> None:
            clock.stamp('first batch')

        def after_train_iter(self, runner, *args, **kwargs) -> None:
            clock.stamp('first iteration')
            workers = multiprocessing.active_children()
            write(
                result,
                dict(
                    seconds=clock.parts,
                    cpu_seconds=time.process_time(),
                    main=memory(),
                    workers=[memory(worker.pid) for worker in workers]))
            for worker in workers:
                worker.kill()
            os._exit(0)

    build = train.build_runner

    def build_probed(cfg):
        runner = build(cfg)
        runner.register_hook(Probe())
        return runner

    train.build_runner = build_probed
    main(['train', *options])


def read(clock: Clock, result: str, options: str) -> None:
    """Read the unlabeled set, and nothing else.

    Args:
        clock (Clock): Takes the time.
        result (str): The json file to write.
        options (str): Options of the dataset as json.
    """
    from semipose_mm.datasets import UnlabeledPoseDataset

    # the peak from here on
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')
    before, cpu = memory(), time.process_time()
    clock.stamp('imports')
    dataset = UnlabeledPoseDataset(**json.loads(options))
    clock.stamp('unlabeled')
    after = memory()
    write(
        result,
        dict(
            seconds=clock.parts,
            cpu_seconds=time.process_time() - cpu,
            peak_growth=after['peak'] - before['resident'],
            entries=len(dataset),
            index_bytes=dataset.data_list.nbytes))


def write(path: str, found: dict) -> None:
    """Write what was found."""
    with open(path, 'w') as file:
        json.dump(found, file)


def main() -> None:
    """Measure."""
    result, begin, *options = sys.argv[1:]
    clock = Clock(float(begin))
    if options[0] == '--read':
        read(clock, result, options[1])
    else:
        run(clock, result, options)


if __name__ == '__main__':
    main()
