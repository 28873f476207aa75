# Copyright (c) semipose_mm authors.
"""Lines that say how far a command is."""
import time


class Progress:
    """Says now and then how far it is.

    Args:
        title (str): What stands before each line.
        done (int): The number of those that were done before.
        total (int): The number of all, 0 if nobody knows.
        seconds (float): The time between lines.
        unit (str): What is counted. Defaults to ``'images'``
    """

    def __init__(self,
                 title: str,
                 done: int,
                 total: int,
                 seconds: float,
                 unit: str = 'images') -> None:
        self.title, self.before, self.total = title, done, total
        self.unit = unit
        self.seconds = seconds
        self.began = self.said = time.monotonic()
        self.skipped = 0
        if done:
            of = f' of {total}' if total else ''
            print(f'{title}{done}{of} {unit} were done before')

    def update(self, done: int, skipped: int = 0) -> None:
        """Say how far it is, if it is time or all is done.

        Args:
            done (int): The number of all that are done.
            skipped (int): How many were skipped since the last call.
                Defaults to 0.
        """
        self.skipped += skipped
        now = time.monotonic()
        if now - self.said < self.seconds and not 0 < self.total <= done:
            return
        self.said = now
        rate = (done - self.before) / max(now - self.began, 1e-6)
        parts = [
            f'{self.title}{done}/{self.total} {self.unit}' if self.total else
            f'{self.title}{done} {self.unit}', f'{rate:.1f} {self.unit}/s'
        ]
        if self.total:
            left = int(max(self.total - done, 0) / max(rate, 1e-6))
            parts.append(f'ETA {left // 3600}:{left // 60 % 60:02d}:'
                         f'{left % 60:02d}')
        if self.skipped:
            parts.append(f'{self.skipped} skipped')
        print(', '.join(parts), flush=True)
