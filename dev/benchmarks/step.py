# Copyright (c) semipose_mm authors.
"""Time a training step against the bare passes of its networks.

python dev/benchmarks/step.py CONFIG [--batch N] [--fast] [--turns N] ...

The floor are the same networks' passes with loss, backward and the same
optimizer on tensors that are on the device already. What the whole step
takes beyond that is this library's doing: preprocessing, views, records and
checks. Data are drawn, weights are random.
"""
import argparse
import time
from collections import defaultdict
from typing import Any, Callable, Dict, List

from measuring import in_turns, ratios, report, spread
from saved_bytes import peak_memory
from step_subject import Subject, add_subject_options

#: The parts of a step, in its order.
PARTS = ('preprocess', 'labeled', 'easy', 'views', 'hard', 'losses',
         'backward', 'optimizer', 'other')


def parse_args() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description='Time a training step')
    add_subject_options(parser)
    parser.add_argument(
        '--turns', type=int, default=10, help='timed steps. Defaults to 10')
    parser.add_argument('--out', help='json file of the results')
    return parser.parse_args()


class Clock:
    """Adds up where a step's time goes.

    Args:
        subject (Subject): What is timed; its parts are wrapped.
    """

    def __init__(self, subject: Subject) -> None:
        self.seconds: Dict[str, float] = defaultdict(float)
        self._running: List[str] = []
        self._wait = subject.synchronize
        for part, owner, name in subject.parts():
            setattr(owner, name, self.timed(part, getattr(owner, name)))

    def timed(self, part: Any, function: Callable) -> Callable:
        """A function whose time counts for a part, unless inside another.

        Args:
            part (str | Callable): The part, or what tells it.
            function (Callable): The function.
        """

        def wrapper(*args, **kwargs):
            if self._running:
                return function(*args, **kwargs)
            name = part() if callable(part) else part
            self._running.append(name)
            self._wait()
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._wait()
                self.seconds[name] += time.perf_counter() - start
                self._running.pop()

        return wrapper


def time_parts(subject: Subject, turns: int) -> Dict[str, List[float]]:
    """Seconds of each part in each turn.

    Args:
        subject (Subject): Not to be used for anything else afterwards.
        turns (int): Timed steps.
    """
    clock = Clock(subject)
    found = {part: [] for part in PARTS}
    for turn in range(turns + 2):
        clock.seconds.clear()
        subject.synchronize()
        start = time.perf_counter()
        subject.step()
        subject.synchronize()
        whole = time.perf_counter() - start
        clock.seconds['other'] = whole - sum(clock.seconds.values())
        if turn >= 2:
            for part in PARTS:
                found[part].append(clock.seconds[part])
    return found


def main() -> None:
    """Measure and report."""
    args = parse_args()
    subject = Subject.from_options(args)
    actions = dict(step=subject.step, floor=subject.floor)
    if subject.settings:
        plain = Subject.from_options(args, plain=True)
        actions['plain'] = plain.step
    seconds = in_turns(actions, args.turns, synchronize=subject.synchronize)
    overhead = ratios(seconds['step'], seconds['floor'])
    memory = {
        name: peak_memory(run, subject.device) / 2**20
        for name, run in dict(
            step=subject.step,
            floor=subject.floor,
            supervised=subject.supervised).items()
    }
    parts = time_parts(subject, args.turns)

    median = spread(seconds['step']).median
    rows = [['part', 'ms', 'share']]
    for part in PARTS:
        found = spread([1e3 * value for value in parts[part]])
        rows.append([part, f'{found}', f'{found.median / median / 10:.1f} %'])
    for name, values in seconds.items():
        rows.append([name, f'{spread([1e3 * value for value in values])}', ''])
    rows.append(['step / floor', f'{overhead}', ''])
    results = dict(
        options=vars(args),
        settings=subject.settings,
        seconds=seconds,
        parts=parts,
        overhead=overhead._asdict(),
        peak_mib=memory)
    if 'plain' in seconds:
        faster = ratios(seconds['plain'], seconds['step'])
        rows.append(['plain / step', f'{faster}', ''])
        results['speed_up'] = faster._asdict()
    for name, value in memory.items():
        rows.append([f'peak of {name}', f'{value:.0f} MiB', ''])
    chosen = ', '.join(subject.settings) or 'float32, as the config is'
    report(
        f'Step of {args.config}: {args.batch} + {args.batch} images on '
        f'{subject.device}, {chosen}', rows, results, args.out)


if __name__ == '__main__':
    main()
