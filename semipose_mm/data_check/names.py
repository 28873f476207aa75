# Copyright (c) semipose_mm authors.
"""Names of keypoints, in lines of the report."""
from typing import Any, List, Sequence


def names_of(metainfo: dict) -> List[str]:
    """Names of the keypoints of a parsed metainfo, in their order."""
    names = metainfo['keypoint_id2name']
    return [names[i] for i in sorted(names)]


def plain(name: Any) -> str:
    """A name without the ways to write it."""
    return ''.join(filter(str.isalnum, str(name))).lower()


def some(texts: Sequence[str]) -> str:
    """Number and first ones of some things."""
    dots = ', ...' if len(texts) > 3 else ''
    return f'{len(texts):,} ({", ".join(texts[:3])}{dots})'
