# Copyright (c) semipose_mm authors.
"""Which category of a file is meant: by its name, never by a chance id."""
from typing import Any, Counter, Dict, List, Optional, Sequence

from .findings import Findings


def names_by_id(categories: Any) -> Dict[Any, str]:
    """Names of the categories of a file.

    Args:
        categories (Any): Its ``categories``, or None.

    Returns:
        dict: From id to name, of those that have one.
    """
    return {
        one['id']: str(one['name'])
        for one in categories or [] if isinstance(one, dict)
        and isinstance(one.get('id'), (int, str)) and one.get('name')
    }


def describe(counts: Counter, names: Dict[Any, str], what: str) -> str:
    """Name categories with how often they occur.

    Args:
        counts (Counter): How often each id occurs.
        names (dict): Names by id, as far as they are known.
        what (str): What is counted, such as ``'boxes'``.

    Returns:
        str: Such as ``"0 (20 boxes), 1 'dog' (3 boxes)"``.
    """
    found = sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    text = ', '.join(
        ('no category_id' if key is None else str(key)) +
        (f' {names[key]!r}' if key in names else '') + f' ({n:,} {what})'
        for key, n in found[:10])
    return text + (f' and {len(found) - 10} more' if len(found) > 10 else '')


def named_categories(given: Sequence[Any], counts: Counter,
                     names: Dict[Any, str], option: str, where: str, what: str,
                     findings: Findings) -> List[Any]:
    """Find the categories that somebody names.

    Args:
        given (Sequence): Ids, as numbers or text, or names.
        counts (Counter): How often each id occurs.
        names (dict): Names by id, as far as they are known.
        option (str): The option that names them, for messages.
        where (str): The file.
        what (str): What is counted, such as ``'boxes'``.
        findings (Findings): Learns of those that do not occur.

    Returns:
        list: Their ids.
    """
    found = []
    for one in given:
        # an id comes first: a name may be a number, too
        ids = [key for key in counts if str(key) == str(one)] or [
            key for key, name in names.items()
            if key in counts and name.casefold() == str(one).casefold()
        ]
        if not ids:
            findings.error(
                'category', where, f'has no {what} of {option} {one}; it has '
                f'{describe(counts, names, what)}')
        found += ids
    return list(dict.fromkeys(found))


def choose_labels(counts: Counter, categories: Sequence[dict],
                  given: Sequence[Any], option: str, where: str,
                  findings: Findings) -> List[Any]:
    """Choose the categories whose keypoints are learned.

    Args:
        counts (Counter): How many annotations with keypoints each id has.
        categories (Sequence[dict]): Those of the file.
        given (Sequence): Those that somebody names, or nothing.
        option (str): The option to name them by.
        where (str): The file, for messages.
        findings (Findings): Learns if it has to be asked.

    Returns:
        list: Their ids; several if all have the same keypoints.
    """
    names = names_by_id(categories)
    what = 'labeled instances'
    if given:
        return named_categories(given, counts, names, option, where, what,
                                findings)
    used = sorted(counts, key=str)
    keypoints = {
        one.get('id'): one.get('keypoints')
        for one in categories if isinstance(one, dict)
    }
    if any(keypoints.get(one) != keypoints.get(used[0]) for one in used):
        findings.error(
            'several categories',
            where, 'labels categories with different keypoints: '
            f'{describe(counts, names, what)}',
            advice=f'Name the one to learn by {option}')
    return used


def choose_boxes(counts: Counter, names: Dict[Any, str],
                 labels: Dict[Any, str], given: Sequence[Any], option: str,
                 where: str, findings: Findings) -> Optional[List[Any]]:
    """Choose the category of detections, whose numbering may be another one.

    Args:
        counts (Counter): How many boxes each id has; None counts those
            without one.
        names (dict): Names by id that the detections or their list of images
            have, or nothing.
        labels (dict): Name of each labeled category by its id; empty where a
            file has none.
        given (Sequence): Those that somebody names, or nothing.
        option (str): The option to name them by.
        where (str): The file, for messages.
        findings (Findings): Learns if no name decides, or none is common.

    Returns:
        list, optional: The ids to use; None for all, if none has an id.
    """
    if given:
        return named_categories(given, counts, names, option, where, 'boxes',
                                findings)
    if set(counts) <= {None}:
        return None
    wanted = {name.casefold() for name in labels.values() if name}
    # names that lack an id that occurs are of another numbering
    if names and set(counts) <= set(names):
        found = [key for key in counts if names[key].casefold() in wanted]
        if found:
            return sorted(found, key=str)
    elif len(counts) == 1 and set(counts) == set(labels):
        return list(counts)
    told = ', '.join(f'{key} {name!r}' if name else str(key)
                     for key, name in labels.items())
    findings.error(
        'categories',
        where,
        f'has {describe(counts, names, "boxes")}, and nothing tells which of '
        f'these is the labeled {told}',
        advice=f'Name it by {option} ID')
    return []
