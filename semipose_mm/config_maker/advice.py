# Copyright (c) semipose_mm authors.
"""What is supported instead of a config that is not."""
import difflib
from typing import Iterator, Optional

from .base import PREFIX, read_base, zoo_names
from .check import check_base
from .faults import ConfigFault, MissingExtra

#: Plain networks that every data set has, tried before unusual ones.
PLAIN = ('res50', 'hrnet-w32', 'hrnetv2-w18', 'rtmpose-m')
#: Kinds with a top-down map or vectors for each joint.
KINDS = ('topdown_heatmap', 'rtmpose')
DEFAULT = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
           'td-hm_res50_8xb64-210e_coco-256x192.py')


def _candidates(name: str) -> Iterator[str]:
    """Similar configs, the most similar ones first."""
    parts = name[len(PREFIX):].split('/')
    zoo = [one for one in zoo_names(*KINDS) if one != name]

    def order(one: str):
        theirs = one[len(PREFIX):].split('/')
        stem = theirs[-1]
        likeness = difflib.SequenceMatcher(None, parts[-1], stem).ratio()
        return (theirs[0] != parts[0], theirs[2:-1] != parts[2:-1], likeness
                < 0.9, not any(f'_{p}_' in stem for p in PLAIN), -likeness)

    return iter(sorted(zoo, key=order))


def nearest_supported(name: str, tries: int = 5) -> Optional[str]:
    """The config of the zoo that comes closest to an unsupported one.

    Args:
        name (str): ``mmpose::...``, or a file.
        tries (int): How many similar ones are built at most. Defaults to 5.

    Returns:
        str, optional: ``mmpose::...``; for a file, a plain config.
    """
    if not name.startswith(PREFIX):
        return DEFAULT
    for _, one in zip(range(tries), _candidates(name)):
        try:
            check_base(read_base(one))
            return one
        except (ConfigFault, MissingExtra):
            continue
    return DEFAULT
