# Copyright (c) semipose_mm authors.
"""Whether config, metainfo and files speak of the same keypoints."""
from collections import Counter
from typing import Any, List, Optional, Sequence

from .findings import ERROR, NOTE, OK, WARNING, Finding, some
from .tables import Row, Table

SIDES = (('left', 'right'), ('Left', 'Right'), ('LEFT', 'RIGHT'))


def names_of(metainfo: dict) -> List[str]:
    """Names of the keypoints of a parsed metainfo, in their order."""
    names = metainfo['keypoint_id2name']
    return [names[i] for i in sorted(names)]


def other_side(name: str) -> str:
    """Exchange left and right in a name; empty if it has neither."""
    for pair in SIDES:
        for a, b in (pair, pair[::-1]):
            if a in name:
                return name.replace(a, b)
    return ''


def _plain(name: Any) -> str:
    """A name without the ways to write it."""
    return str(name).lower().replace(' ', '_').replace('-', '_')


def check_metainfo(metainfo: dict) -> List[Finding]:
    """Check a metainfo in itself.

    Args:
        metainfo (dict): A parsed one.

    Returns:
        list[Finding]: The findings.
    """
    names, found = names_of(metainfo), []
    if sorted(metainfo['keypoint_id2name']) != list(range(len(names))):
        found.append(
            Finding(ERROR,
                    'metainfo.keypoint_info must be numbered 0, 1, 2, ...'))
    if len(metainfo['keypoint_name2id']) < len(names):
        twice = [n for n, count in Counter(names).items() if count > 1]
        found.append(
            Finding(
                ERROR, 'metainfo has keypoints of the same name: '
                f'{", ".join(twice)}'))
    for key, name in (('dataset_keypoint_weights', 'joint_weights'),
                      ('sigmas', 'sigmas')):
        if len(metainfo[key]) != len(names):
            found.append(
                Finding(
                    ERROR, f'metainfo.{name} has {len(metainfo[key])} entries'
                    f' for {len(names)} keypoints'))
    flip = metainfo['flip_indices']
    bad = [
        names[i] for i in range(len(names))
        if not (0 <= flip[i] < len(names) and flip[flip[i]] == i)
    ]
    if bad:
        found.append(
            Finding(
                ERROR, "metainfo: 'swap' does not go both ways: "
                f'{some(len(bad), bad)}'))
    return found


def check_flips(metainfo: dict, flips: bool) -> List[Finding]:
    """Check the pairs that a flip exchanges.

    Args:
        metainfo (dict): A parsed one.
        flips (bool): Whether anything is flipped, in training or testing.

    Returns:
        list[Finding]: The findings.
    """
    names, flip = names_of(metainfo), metainfo['flip_indices']
    pairs = sum(i != partner for i, partner in enumerate(flip)) // 2
    unpaired = [
        name for i, name in enumerate(names)
        if other_side(name) in names and names[flip[i]] != other_side(name)
    ]
    if unpaired:
        return [
            Finding(
                ERROR if flips else NOTE,
                "left and right are no pair by 'swap' in the metainfo"
                f'{"" if flips else " (nothing is flipped)"}: '
                f'{some(len(unpaired), unpaired)}')
        ]
    if not flips:
        return [Finding(OK, f'{pairs} flip pairs; nothing is flipped')]
    if not pairs:
        return [
            Finding(
                WARNING, 'images are flipped, and the metainfo has no flip '
                'pairs; fine only if no keypoint has a side')
        ]
    return [Finding(OK, f'{pairs} flip pairs')]


def check_head(cfg: dict, num_keypoints: int) -> List[Finding]:
    """Compare the heads of all networks with the number of keypoints.

    Args:
        cfg (dict): The config.
        num_keypoints (int): Number of keypoints of the labels.

    Returns:
        list[Finding]: The findings.
    """
    model = cfg.get('model')
    heads = {}
    if isinstance(model, dict):
        heads['model.head'] = model.get('head')
        for index, peer in enumerate(model.get('peers') or ()):
            if isinstance(peer, dict) and 'head' in peer:
                heads[f'model.peers[{index}].head'] = peer['head']
    found = []
    for key, head in heads.items():
        channels = head.get('out_channels') if isinstance(head, dict) else None
        if channels is None:
            if key == 'model.head':
                found.append(
                    Finding(NOTE, f'{key} has no out_channels to compare'))
        elif channels != num_keypoints:
            found.append(
                Finding(
                    ERROR, f'{key}.out_channels is {channels}, but the labels '
                    f'have {num_keypoints} keypoints'))
        else:
            found.append(
                Finding(OK, f'{key}.out_channels is {channels} as well'))
    return found


def check_counts(used: Sequence[Row], metainfo: dict) -> List[Finding]:
    """Compare the number of keypoints of labels and metainfo.

    Args:
        used (Sequence[Row]): The labels that are used.
        metainfo (dict): A parsed one.

    Returns:
        list[Finding]: The findings.
    """
    num = metainfo['num_keypoints']
    others = [row for row in used if len(row.keypoints) != 3 * num]
    if not others:
        return []
    counts = Counter(len(row.keypoints) // 3 for row in others)
    listed = ', '.join(map(str, sorted(counts)))
    return [
        Finding(
            ERROR, f'labels with {listed} keypoints, but the metainfo '
            f"'{metainfo['dataset_name']}' has {num}: "
            f'{some(len(others), [f"entry {r.index}" for r in others])}')
    ]


def check_names(table: Table, used: Sequence[Row],
                metainfo: dict) -> List[Finding]:
    """Compare the names in the categories with those of the metainfo.

    Args:
        table (Table): The annotation file.
        used (Sequence[Row]): The labels that are used.
        metainfo (dict): A parsed one.

    Returns:
        list[Finding]: The findings.
    """
    expected, found = names_of(metainfo), []
    # categories may be anything that json knows, so compare their text
    ids = {str(row.category) for row in used}
    known = {str(c.get('id')): c for c in table.categories}
    for key in sorted(ids - known.keys()):
        found.append(Finding(WARNING, f'category {key} is not listed'))
    for key in sorted(ids & known.keys()):
        names = known[key].get('keypoints')
        where = f"category {key} ('{known[key].get('name')}')"
        if names is None:
            found.append(Finding(NOTE, f'{where} does not name its keypoints'))
        elif not isinstance(names, list) or not all(
                isinstance(name, str) for name in names):
            found.append(
                Finding(ERROR, f"{where}: 'keypoints' is no list of names"))
        else:
            found.append(_compare_names(names, expected, where))
    return found


def _compare_names(names: List[str], expected: List[str],
                   where: str) -> Finding:
    """Compare two lists of names."""
    if len(names) != len(expected):
        return Finding(
            ERROR, f'{where} names {len(names)} keypoints, but the metainfo '
            f'has {len(expected)}')
    a, b = list(map(_plain, names)), list(map(_plain, expected))
    differ = [
        f'{i}: {names[i]} in the file, {expected[i]} in the metainfo'
        for i in range(len(a)) if a[i] != b[i]
    ]
    if not differ:
        return Finding(
            OK, f'{where} names the {len(a)} keypoints of the '
            'metainfo in its order')
    # other names may be other words for the same; another order is an error
    moved = any(a[i] in b for i in range(len(a)) if a[i] != b[i])
    how = 'in another order' if moved else 'of other names'
    return Finding(
        ERROR if moved else WARNING, f'{where} has keypoints {how} than the '
        f'metainfo: {some(len(differ), differ)}')


def check_converter(pipeline: Any, source: dict, target: dict,
                    key: str) -> List[Finding]:
    """Check how a part of a ``CombinedDataset`` is mapped to the whole.

    Args:
        pipeline (Any): ``pipeline`` of the part's config.
        source (dict): Parsed metainfo of the part.
        target (dict): Parsed metainfo of the combination.
        key (str): Config key of the part.

    Returns:
        list[Finding]: The findings.
    """
    converter = find_converter(pipeline)
    names, wanted = names_of(source), names_of(target)
    if converter is None:
        if len(names) != len(wanted):
            return [
                Finding(
                    ERROR, f'{key}.pipeline has no KeypointConverter from '
                    f'{len(names)} to {len(wanted)} keypoints')
            ]
        return [] if names == wanted else [
            Finding(
                WARNING, f"{key} has other keypoints than the combination's "
                'metainfo, and no KeypointConverter')
        ]
    if converter.get('num_keypoints') != len(wanted):
        return [
            Finding(
                ERROR, f'KeypointConverter.num_keypoints of {key} is '
                f'{converter.get("num_keypoints")}, but the combination has '
                f'{len(wanted)}')
        ]
    return _check_mapping(converter.get('mapping'), names, wanted, key)


def find_converter(pipeline: Any) -> Optional[dict]:
    """Find the config of a ``KeypointConverter`` in a pipeline."""
    for transform in pipeline if isinstance(pipeline, (list, tuple)) else ():
        if isinstance(transform, dict) and str(
                transform.get('type')).split('.')[-1] == 'KeypointConverter':
            return transform
    return None


def _check_mapping(mapping: Any, names: List[str], wanted: List[str],
                   key: str) -> List[Finding]:
    """Check the pairs of a mapping."""
    sides, renamed, targets = [], [], []
    for pair in mapping if isinstance(mapping, (list, tuple)) else ():
        try:
            origin, target = pair
            origin = list(origin) if isinstance(origin,
                                                (list, tuple)) else [origin]
            if not all(0 <= i < len(names)
                       for i in origin) or not 0 <= target < len(wanted):
                raise IndexError
        except (TypeError, ValueError, IndexError):
            return [
                Finding(
                    ERROR, f'KeypointConverter.mapping of {key} has {pair}, '
                    'which is no pair of keypoints: sources are below '
                    f'{len(names)}, targets below {len(wanted)}')
            ]
        targets.append(target)
        for i in origin:
            if _plain(names[i]) == _plain(wanted[target]):
                continue
            text = f'{names[i]} to {wanted[target]}'
            opposite = other_side(names[i])
            if len(origin) == 1 and opposite and \
                    side_of(names[i]) != side_of(wanted[target]):
                sides.append(text)
            renamed.append(text)
    found = []
    if sides:
        found.append(
            Finding(
                ERROR, f'KeypointConverter of {key} changes the side: '
                f'{some(len(sides), sides)}'))
    if len(set(targets)) < len(targets):
        found.append(
            Finding(
                ERROR, f'KeypointConverter of {key} maps twice to the '
                'same keypoint'))
    text = f'{len(set(targets))} of {len(wanted)} keypoints are mapped'
    if renamed and not sides:
        text += f', {", ".join(renamed)} among them'
    return found + [Finding(OK if targets else ERROR, text)]


def side_of(name: str) -> str:
    """The side that a name tells: ``'left'``, ``'right'`` or empty."""
    for pair in SIDES:
        for side in pair:
            if side in name:
                return side.lower()
    return ''
