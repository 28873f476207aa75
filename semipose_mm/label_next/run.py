# Copyright (c) semipose_mm authors.
"""Choosing frames by their predictions, and writing them for a tool."""
import os.path as osp
import shutil
from collections import Counter
from typing import (Any, Callable, Dict, Iterator, List, NamedTuple, Optional,
                    Sequence, Tuple)

import numpy as np

from semipose_mm.data_files import WARNING, DataError, Findings
from semipose_mm.data_files.label_folder import is_label_folder
from semipose_mm.files import csv_bytes, json_bytes, whole_files, write_all
from semipose_mm.importing.project import Project, read_project
from semipose_mm.prediction.media import Media
from semipose_mm.version import __version__
from semipose_mm.videos.writing import write_numbers
from . import scoring
from .candidates import Candidates, Subject, read_candidates
from .choosing import Choice, choose
from .formats import coco, cvat, deeplabcut, label_studio
from .known import Known, check_others, look_up
from .rules import FORMATS, GAP, POOL, SCORER, WEIGHTS
from .shots import Shot, make_shot

TABLE, ABOUT = 'label_next.csv', 'label_next.json'
COLUMNS = ('input', 'frame', 'value', 'disagreement', 'disagreement_rank',
           'score', 'low_score_rank', 'cluster', 'chosen', 'reason', 'image')


class Labeling(NamedTuple):
    """What was chosen and written.

    Attributes:
        candidates (Candidates): All frames.
        scored (Scored): Their scores.
        choice (Choice): Which ones were chosen, and why the others not.
        files (list[str]): What was written beside the images.
        findings (Findings): What is doubtful.
    """
    candidates: Candidates
    scored: scoring.Scored
    choice: Choice
    files: List[str]
    findings: Findings

    def lines(self) -> Iterator[str]:
        """What was chosen and written."""
        chosen, scored = self.choice.chosen, self.scored
        counts = Counter(
            # numbers of frames and clusters do not matter here
            ' '.join(word for word in one.split() if not word.isdigit())
            for one in self.choice.reasons)
        told = ', '.join(f'{n} {why}' for why, n in counts.most_common())
        yield f'{len(scored.value)} frames: {told}'
        for name, values in (('disagreement in parts of the box',
                              scored.disagreement), ('score', scored.score)):
            if values is not None:
                yield (f'{name}: mean {np.mean(values[chosen]):.3g} of the '
                       f'chosen, {np.nanmean(values):.3g} of all')
        yield from (f'warning: {one}' for one in self.findings.lines(WARNING))


def label_next(predictions: str,
               media: Sequence[Media],
               num: int,
               out: str,
               formats: Sequence[str] = FORMATS,
               labels: Optional[str] = None,
               network: Optional[str] = None,
               weights: Tuple[float, float] = WEIGHTS,
               gap: int = GAP,
               pool: int = POOL,
               min_score: float = 0.,
               scorer: str = SCORER,
               say: Callable[[str], Any] = print) -> Labeling:
    """Choose the frames whose labels would teach most, and write them.

    Args:
        predictions (str): Folder that ``semipose predict --out`` named.
        media (Sequence[Media]): What was predicted, see
            :func:`~semipose_mm.prediction.media.find_media`.
        num (int): How many frames to choose.
        out (str): The folder to write to.
        formats (Sequence[str]): Tools that get pre-annotations. Defaults to
            all of :data:`~.rules.FORMATS`.
        labels (str, optional): Folder of ``semipose import``, whose frames
            are left out. Defaults to None.
        network (str, optional): The network whose poses are pre-annotations.
            Defaults to the first that predicted.
        weights (tuple[float, float]): Of the disagreement of the networks,
            and of low scores. Defaults to 1 and 1.
        gap (int): Frames of a video whose numbers differ by less are
            near-duplicates. Defaults to 10.
        pool (int): So many candidates for each frame go into k-means.
            Defaults to 5.
        min_score (float): Joints with a lower score are not pre-annotated.
            Defaults to 0.
        scorer (str): DeepLabCut's name of who labels. Defaults to
            ``'semipose'``.
        say (Callable): Gets a line while frames are written, now and then.
            Defaults to :func:`print`.

    Returns:
        Labeling: What was done.

    Raises:
        DataError: In one line, if something cannot be used; then no table is
            written.
    """
    check_folders(out, labels)
    findings = Findings()
    project = read_project(labels, findings) if labels else None
    candidates = read_candidates(predictions, media)
    subject = _subject(candidates.subject, project)
    candidates = candidates._replace(subject=subject)
    shown = _network(candidates.networks, network)
    if len(candidates.networks) == 1:
        findings.warn(
            'one network',
            predictions,
            f'has the predictions of {candidates.networks[0]} alone: nothing '
            'disagrees with it, and low scores decide',
            advice='--networks all predicts by every network, if the model '
            'has several')
    scored = scoring.score(candidates, weights)
    known = look_up(candidates, out, project, findings)
    choice = choose(scored.value, _poses(candidates, shown), known.places,
                    known.barred, known.labeled, num, gap, num * pool)
    if not len(choice.chosen):
        raise DataError('no frame is left to choose: of '
                        f'{len(scored.value)}, {_told(choice)}')
    if len(choice.chosen) < num:
        findings.warn(
            'few frames',
            f'--num {num}',
            f'is more than the {len(choice.chosen)} frames that are left',
            advice='Name more videos, or give a smaller --gap')
    shots = [
        make_shot(candidates, i, shown, known.files[i], known.places[i],
                  min_score) for i in choice.chosen.tolist()
    ]
    contents = _tools(shots, candidates, shown, formats, scorer, findings)
    contents[TABLE] = _table(candidates, scored, known, choice)
    contents[ABOUT] = json_bytes(
        dict(
            version=__version__,
            predictions=osp.abspath(predictions),
            media=[one.path or one.images for one in media],
            model=candidates.model,
            networks=candidates.networks,
            network=candidates.networks[shown],
            labels=labels and osp.abspath(labels),
            num=num,
            weights=list(weights),
            gap=gap,
            pool=pool,
            min_score=min_score,
            images=[one.file for one in shots]))
    check_others(out, {*contents, *(known.files[i] for i in choice.chosen)})
    write_images(candidates, choice, known.files, out, say)
    write_all({osp.join(out, name): one for name, one in contents.items()})
    return Labeling(candidates, scored, choice, list(contents), findings)


def check_folders(out: str, labels: Optional[str]) -> None:
    """Refuse folders before anything is predicted.

    Args:
        out (str): See :func:`label_next`.
        labels (str, optional): See :func:`label_next`.

    Raises:
        DataError: If ``out`` has frames that were chosen before, or
            ``labels`` is no folder of ``semipose import``.
    """
    if osp.exists(osp.join(out, TABLE)):
        raise DataError(
            f'--out {out} has frames that were chosen before, and may have '
            'labels that were corrected: choose another folder')
    if labels is not None and not is_label_folder(labels):
        raise DataError(f'--labels {labels} is no folder that semipose import '
                        'has written')


def write_images(candidates: Candidates, choice: Choice, files: Sequence[str],
                 out: str, say: Callable[[str], Any]) -> None:
    """Write the chosen frames, and copy the chosen images.

    Raises:
        DataError: If a video breaks off before a frame that was predicted.
        OSError: If an image cannot be written.
    """
    names = candidates.names()
    for number, media in enumerate(candidates.media):
        own = [i for i in choice.chosen if candidates.of[i] == number]
        targets = {i: osp.join(out, files[i]) for i in own}
        if media.is_video:
            written = write_numbers(media.path, {
                int(candidates.index[i]): path
                for i, path in targets.items()
            }, say)
            if written < len(own):
                raise DataError(f"video '{media.path}' has no frame "
                                f'{names[own[written]]}, which was predicted')
            continue
        for i, path in targets.items():
            with whole_files(path) as (part, ):
                shutil.copyfile(names[i], part)


def _subject(predicted: Subject, project: Optional[Project]) -> Subject:
    """What is labeled, as the labels say it where there are some."""
    if project is None:
        return predicted
    if sorted(project.names) != sorted(predicted.names):
        raise DataError(f'--labels {project.folder} has the keypoints '
                        f'{", ".join(project.names)}, but '
                        f'{", ".join(predicted.names)} are predicted')
    return predicted._replace(
        skeleton=project.skeleton or predicted.skeleton,
        flip_pairs=predicted.flip_pairs
        if project.flip_pairs is None else project.flip_pairs,
        category=project.category)


def _network(known: Sequence[str], asked: Optional[str]) -> int:
    """Number of the network whose poses are written."""
    if asked is not None and asked not in known:
        raise DataError(f'--network is {asked}, but must be one of those that '
                        f'predicted, {", ".join(known)}')
    return 0 if asked is None else list(known).index(asked)


def _poses(candidates: Candidates, network: int) -> np.ndarray:
    """Joints in parts of the longer side of the box, (M, K, 2)."""
    boxes = candidates.boxes[:, None]
    return (candidates.points[network] - boxes[..., :2]) / boxes[..., 2:].max(
        -1, keepdims=True)


def _told(choice: Choice) -> str:
    """How many candidates were left out, by reason."""
    return ', '.join(f'{n} {why}'
                     for why, n in Counter(choice.reasons).most_common(3))


def _tools(shots: Sequence[Shot], candidates: Candidates, shown: int,
           formats: Sequence[str], scorer: str,
           findings: Findings) -> Dict[str, bytes]:
    """The files of all tools."""
    subject = candidates.subject
    model = f'{candidates.model}_{candidates.networks[shown]}'
    makers: Dict[str, Callable[[], Dict[str, bytes]]] = {
        'label-studio': lambda: label_studio.contents(shots, subject, model),
        'cvat': lambda: cvat.contents(shots, subject),
        'deeplabcut':
        lambda: deeplabcut.contents(shots, subject, scorer, findings),
        'coco': lambda: coco.contents(shots, subject)
    }
    found: Dict[str, bytes] = {}
    for name in formats:
        found.update(makers[name]())
    return found


def _table(candidates: Candidates, scored: scoring.Scored, known: Known,
           choice: Choice) -> bytes:
    """A row for each candidate: its scores, and why it was chosen or not."""
    chosen = set(choice.chosen.tolist())
    columns = [[None] * len(scored.value) if values is None else values
               for values in (scored.value, scored.disagreement,
                              scored.disagreement_rank, scored.score,
                              scored.score_rank)]
    rows = (
        (candidates.media[candidates.of[i]].name, name, *values,
         None if cluster < 0 else cluster, int(i in chosen), reason,
         known.files[i] if i in chosen else None)
        for i, (name, reason, cluster, *values) in enumerate(
            zip(candidates.names(), choice.reasons, choice.cluster, *columns)))
    return csv_bytes([COLUMNS, *rows], digits=6)
