# Copyright (c) semipose_mm authors.
"""Which number of threads is fastest now, from the seconds of iterations."""
from statistics import mean, median
from typing import Dict, Generator, List, NamedTuple, Optional, Sequence

#: Iterations before the first search: memory and kernels are prepared.
WARM_UP = 3
#: Blocks of iterations that each number gets in a search, in turns.
TURNS = 3
#: A number in this part of another's time replaces it, or ties.
BETTER = 0.96
#: Factor by which two blocks of a number must be slower to drop it early.
APART = 1.3
#: A block ends, and its number is dropped, at so many times the best block.
GIVE_UP = 2
#: Iterations slower than this times what the search found are summed up,
SLOW = 1.5
#: one of them up to this,
SLOWEST = 6
#: and a search begins when the sum of what is beyond ``SLOW`` exceeds this.
ALARM = 8
#: Share of the time that searches may lose where nothing has changed.
LOSS = 0.02
#: Time between two searches at least, in times of the last one.
PAUSE = 10


class Finding(NamedTuple):
    """What a search has found.

    Attributes:
        threads (int): The number of threads that is used from now on.
        seconds (dict[int, float]): Mean seconds of an iteration by number of
            threads; of one that was given up from the few it had.
        changed (bool): Whether it is another number than before, or the
            first.
    """
    threads: int
    seconds: Dict[int, float]
    changed: bool

    def __str__(self) -> str:
        seconds = ', '.join(f'{threads}: {self.seconds[threads]:.2g}'
                            for threads in sorted(self.seconds))
        return f'{self.threads} ({seconds} s an iteration)'


class ThreadSearch:
    """Finds the number of threads with which iterations are fastest.

    A search compares the current number with its neighbours in blocks of
    iterations that take turns, and goes on from a neighbour that is clearly
    faster. A number whose block already takes twice the best one's is given
    up at once, as a single step with too many threads can take as long as
    twenty others. Searches come

    - after a warm-up,
    - when iterations have become about 1.5 times slower (a one-sided CUSUM
      test), such as when another program starts or the schedule begins to
      teach,
    - and from time to time, as nothing gets slower when another program ends;
      the loss by these is bounded by ``LOSS``.

    Args:
        candidates (Sequence[int]): Numbers of threads, two or more.
        workers (int): Processes that load data. A block is long enough for
            each to give a batch. Defaults to 0

    Raises:
        ValueError: If there are fewer than two candidates, or one below 1.
    """

    def __init__(self, candidates: Sequence[int], workers: int = 0) -> None:
        self._candidates = sorted(set(candidates))
        if len(self._candidates) < 2 or self._candidates[0] < 1:
            raise ValueError('candidates must be two or more positive '
                             f'numbers, but got {list(candidates)}')
        # batches come in bursts of as many as there are workers
        workers = max(workers, 1)
        self._block_length = workers * -(-3 // workers)
        # on half of the cores another program is no disaster
        self._settled = max(
            (n for n in self._candidates if 2 * n <= self._candidates[-1]),
            default=self._candidates[0])
        self._threads = self._settled
        self._finding: Optional[Finding] = None
        self._seen: Dict[int, List[float]] = {}
        self._steps = self._run()
        next(self._steps)

    @property
    def threads(self) -> int:
        """Threads that the next iteration is to run with."""
        return self._threads

    @property
    def settled(self) -> int:
        """Threads for anything else: not those of a trial."""
        return self._settled

    def add(self, seconds: float) -> Optional[Finding]:
        """Tell how long an iteration with :attr:`threads` has taken.

        Args:
            seconds (float): Greater than 0, waiting for data included.

        Returns:
            Finding, optional: At the end of a search.
        """
        self._finding = None
        self._steps.send(seconds)
        return self._finding

    # each of these takes the seconds of iterations from its ``yield``s

    def _run(self) -> Generator[None, float, None]:
        for _ in range(WARM_UP):
            yield
        before = None
        while True:
            self._seen = {}
            found = yield from self._search(before is None)
            best = self._threads = self._settled
            self._finding = Finding(best, found, best != before)
            before = best
            lost = sum(
                sum(seconds) - len(seconds) * found[best]
                for threads, seconds in self._seen.items() if threads != best)
            spent = sum(map(sum, self._seen.values()))
            yield from self._wait(found[best], max(lost / LOSS, PAUSE * spent))

    def _wait(self, usual: float,
              limit: float) -> Generator[None, float, None]:
        """Until a search is due: after a time, or as steps are slower."""
        elapsed = excess = 0.
        while elapsed < limit and excess < ALARM:
            seconds = yield
            elapsed += seconds
            excess = max(0., excess + min(seconds / usual, SLOWEST) - SLOW)

    def _search(self, first: bool) -> Generator[None, float, Dict[int, float]]:
        """Go to the best number; returns what was seen of each."""
        found: Dict[int, float] = {}
        while True:
            at = self._candidates.index(self._settled)
            near = self._candidates[max(0, at - 1):at + 2]
            new = [n for n in near if n not in found]
            if not new:
                return found
            rivals = {*new, self._settled}
            found.update((yield from self._compare(rivals)))
            best = min(found[n] for n in rivals)
            close = [n for n in rivals if BETTER * found[n] <= best]
            # ties change nothing; at the start they go to the fewest
            if first or self._settled not in close:
                self._settled = min(close)

    def _compare(self,
                 rivals: set) -> Generator[None, float, Dict[int, float]]:
        """Time numbers in turns, and leave out of them which are given up.

        Returns their medians of blocks.
        """
        blocks: Dict[int, List[float]] = {n: [] for n in rivals}
        best = float('inf')
        for turn in range(TURNS):
            # the fewest first: those are never a disaster
            for threads in sorted(rivals, reverse=turn % 2 == 1):
                limit = GIVE_UP * (self._block_length + 1) * best
                seconds = yield from self._block(threads, limit)
                # the first one after a change is none of the usual
                blocks[threads].append(mean(seconds[1:] or seconds))
                if sum(seconds) > limit:
                    rivals.remove(threads)
                best = min(median(b) for b in blocks.values() if b)
                if len(rivals) == 1 and all(blocks.values()):
                    break
            leader = min(rivals, key=lambda n: median(blocks[n]))
            rivals -= {
                n
                for n in rivals
                if turn and min(blocks[n]) > APART * max(blocks[leader])
            }
            if len(rivals) == 1:
                break
        return {n: median(b) for n, b in blocks.items()}

    def _block(self, threads: int,
               limit: float) -> Generator[None, float, List[float]]:
        """One iteration and those of a block, if there is time for all."""
        self._threads = threads
        seconds: List[float] = []
        while len(seconds) <= self._block_length and sum(seconds) <= limit:
            seconds.append((yield))
        self._seen.setdefault(threads, []).extend(seconds)
        return seconds
