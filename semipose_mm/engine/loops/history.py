# Copyright (c) semipose_mm authors.
"""How much of the past is kept in memory and in checkpoints."""
from mmengine.logging import HistoryBuffer, MessageHub


def bound_histories(hub: MessageHub, length: int) -> None:
    """Keep the last values of every scalar alone.

    MMEngine keeps a million of each, copies all of them whenever one is
    added, and saves them in every checkpoint.

    Args:
        hub (MessageHub): The runner's; changed in place.
        length (int): Values of a scalar.
    """
    scalars = hub.log_scalars
    for key, history in scalars.items():
        values, counts = history.data
        if len(values) > length:
            # which bounds itself from now on
            scalars[key] = HistoryBuffer(values[-length:], counts[-length:],
                                         length)
