# Copyright (c) semipose_mm authors.
"""Left and right in the names of keypoints."""
import re
from collections import defaultdict
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

# ``leftEye``, ``LEye``, ``eye_l2`` and ``l.eye`` are two words and a number
_WORD = '[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+'
_WORDS = re.compile(_WORD)
#: ``FLpaw`` is of two words, too; the place in the body comes before the side
#: or after it: front, middle, back, hind, rear.
_CODES = re.compile(f'[FMBHRL]{{2}}(?=[a-z]{{2}})|{_WORD}')
_PLACES, _SIDES = 'fmbhr', frozenset('lrLR')
_TURNED = dict(l='r', r='l', left='right', right='left')


class Sides(NamedTuple):
    """What a mirror does to keypoints.

    Attributes:
        pairs (list[tuple[str, str]]): Names that it exchanges, in the order
            of the first of each pair.
        doubtful (list[str]): Further names that look like one of a pair:
            they name a side, or two differ by a letter or a number alone.
    """
    pairs: List[Tuple[str, str]]
    doubtful: List[str]


def _turn(text: str) -> str:
    """The other side, written as this one."""
    other = _TURNED[text.lower()]
    if text.isupper():
        return other.upper()
    return other.capitalize() if text[0].isupper() else other


def _word(word: str) -> str:
    """``left`` is a word, or begins or ends one: ``leftear``, ``upleft``."""
    for pattern in ('^(left|right)', '(left|right)$'):
        found = re.search(pattern, word, re.IGNORECASE)
        if found:
            return (word[:found.start()] + _turn(found.group()) +
                    word[found.end():])
    return word


def _letter(word: str) -> str:
    """``l`` is a word."""
    return _turn(word) if word in _SIDES else word


def _code(word: str) -> str:
    """``fl`` is a word."""
    if len(word) == 2 and word[0].lower() in _PLACES and word[1] in _SIDES:
        return word[0] + _turn(word[1])
    return word


def _code_back(word: str) -> str:
    """``lf`` is a word."""
    return _code(word[::-1])[::-1]


def _glued_first(word: str) -> str:
    """``lear`` is a word."""
    return _turn(word[0]) + word[1:] if word[0] in _SIDES else word


def _glued_last(word: str) -> str:
    """``earl`` is a word."""
    return _glued_first(word[::-1])[::-1]


def _each_word(change: Callable, pattern=_WORDS) -> Callable[[str], str]:
    return lambda name: pattern.sub(lambda found: change(found.group()), name)


#: Ways to write sides, the surest one first; each undoes itself.
_WAYS = (_each_word(_word), _each_word(_letter), _each_word(_code, _CODES),
         _each_word(_code_back, _CODES))
#: Ways in which words differ by chance as well: ``lear`` and ``rear``.
_DOUBTFUL = (_each_word(_glued_first), _each_word(_glued_last))


def find_sides(names: Sequence[str]) -> Sides:
    """Find what a mirror exchanges, by what names say.

    Args:
        names (Sequence[str]): Different names of keypoints.

    Returns:
        Sides: The pairs, and what is doubtful.
    """
    swap: Dict[str, str] = {}
    for fold in (str, str.casefold):
        for way in _WAYS:
            _pair(names, way, fold, swap)
    pairs = [(one, swap[one]) for i, one in enumerate(names)
             if swap.get(one) in names[i + 1:]]
    left = [one for one in names if one not in swap]
    doubtful = {one for one in left if _names_side(one)}
    twins: Dict[str, str] = {}
    for way in _DOUBTFUL:
        _pair(left, way, str.casefold, twins)
    doubtful.update(twins)
    alike = defaultdict(list)
    for one in left:
        # a number, or a letter that is a word
        shape = re.sub(r'[0-9]+|(?<![^\W\d_])[^\W\d_](?![^\W\d_])', '#',
                       re.sub('([a-z])([A-Z])', r'\1 \2', one))
        if shape.strip('#'):
            alike[shape].append(one)
    for group in alike.values():
        if len(group) == 2:
            doubtful.update(group)
    return Sides(pairs, [one for one in names if one in doubtful])


def _pair(names: Sequence[str], way: Callable, fold: Callable,
          swap: Dict[str, str]) -> None:
    """Add pairs of names that have none yet, of one way to write sides."""
    free: Dict[str, List[str]] = defaultdict(list)
    for one in names:
        if one not in swap:
            free[fold(one)].append(one)
    for one in names:
        found = free.get(fold(way(one)), [])
        if one in swap or len(found) != 1 or found[0] in swap:
            continue
        # the other one must lead back, and to this one alone
        if found[0] != one and free.get(fold(way(found[0]))) == [one]:
            swap[one], swap[found[0]] = found[0], one


def _names_side(name: str) -> bool:
    """Whether a side is a word of a name, or begins one as ``left``."""
    return any(
        re.match('left|right', word, re.IGNORECASE) or _letter(word) != word
        or _code(word) != word or _code_back(word) != word
        for word in _CODES.findall(name))
