# Copyright (c) semipose_mm authors.
"""Do two networks' independent passes pay when they run at the same time?

python tools/benchmarks/concurrency.py CONFIG [--batch N] [--fast]

One labeled pass with backward of each network: one after the other, as the
training step does it; at once, on streams of a GPU or threads of a CPU; and as
one call over stacked parameters (``torch.func``), whose convolutions are
grouped.
"""
import argparse
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Dict, List

import torch
from measuring import in_turns, ratios, report, spread
from step_subject import Subject, add_subject_options
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from semipose_mm.models.networks import parts


def parse_args() -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description='Time concurrent passes')
    add_subject_options(parser)
    parser.add_argument('--turns', type=int, default=10)
    parser.add_argument('--out', help='json file of the results')
    return parser.parse_args()


class Bare(nn.Module):
    """A network without what an estimator has beside it.

    Args:
        net (nn.Module): The network, whose modules are shared.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts(net)[:2])

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W) to heatmaps."""
        backbone, head = self.parts
        return head(backbone(images))


class Passes:
    """The ways to run the networks of a subject.

    Args:
        subject (Subject): Has the networks and a batch.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.nets = [Bare(net) for net in subject.model.networks]
        self.images, self.targets, _ = subject.labeled()
        template = self.nets[0]
        params, buffers = stack_module_state(self.nets)
        self.params = {
            name: value.detach().requires_grad_()
            for name, value in params.items()
        }

        def call(own: dict, state: dict, images: Tensor) -> Tensor:
            return functional_call(template, (own, state), (images, ))

        self._stacked = lambda: vmap(call, (0, 0, None))(self.params, buffers,
                                                         self.images)

    def _learn(self, output: Tensor) -> None:
        (output.float() - self.targets).square().mean().backward()

    def _one(self, net: nn.Module) -> None:
        with self.subject.autocast():
            output = net(self.images)
        self._learn(output)

    def in_turn(self) -> None:
        """One network after the other."""
        for net in self.nets:
            self._one(net)

    def stacked(self) -> None:
        """One call for all networks."""
        with self.subject.autocast():
            output = self._stacked()
        self._learn(output)

    def at_once(self) -> Callable[[], None]:
        """What runs the networks at the same time on this device."""
        if self.subject.device.type == 'cuda':
            streams = [torch.cuda.Stream() for _ in self.nets]

            def run() -> None:
                for net, stream in zip(self.nets, streams):
                    stream.wait_stream(torch.cuda.current_stream())
                    with torch.cuda.stream(stream):
                        self._one(net)
                for stream in streams:
                    torch.cuda.current_stream().wait_stream(stream)

            return run
        share = max(1, torch.get_num_threads() // len(self.nets))
        pool = ThreadPoolExecutor(
            len(self.nets),
            initializer=torch.set_num_threads,
            initargs=(share, ))
        return lambda: list(pool.map(self._one, self.nets))


def main() -> None:
    """Measure and report."""
    args = parse_args()
    subject = Subject.from_options(args)
    passes = Passes(subject)
    actions: Dict[str, Callable[[], None]] = {
        'in turn': passes.in_turn,
        'at once': passes.at_once(),
        'stacked': passes.stacked
    }
    seconds = in_turns(actions, args.turns, synchronize=subject.synchronize)
    rows: List[List[str]] = [['passes', 'ms', 'times those in turn']]
    for name, values in seconds.items():
        rows.append([
            name, f'{spread([1e3 * value for value in values])}',
            f'{ratios(values, seconds["in turn"])}'
        ])
    chosen = ', '.join(subject.settings) or 'float32'
    report(
        f'{len(passes.nets)} networks of {args.config}, {args.batch} images, '
        f'{subject.device}, {chosen}', rows,
        dict(options=vars(args), seconds=seconds), args.out)


if __name__ == '__main__':
    main()
