# Copyright (c) semipose_mm authors.
"""The report of a work folder."""
import os.path as osp
import time
from html import escape
from typing import Dict, Optional, Sequence

from semipose_mm.files import write_all
from semipose_mm.version import __version__
from ..compare_runs import add_scores as put_scores
from ..compare_runs import read_run
from ..plot_curves import read_curves
from ..run_config import kept_config, read_logged, scored_networks
from . import logged, measured, teaching, video
from .page import Page, text


def write_report(work_dir: str,
                 out: str,
                 model=None,
                 checkpoint: Optional[str] = None,
                 videos: Sequence[str] = (),
                 num: int = 4,
                 limit: Optional[int] = None,
                 seed: int = 0) -> Dict[str, int]:
    """Write the page, and the folder of its numbers beside it.

    Args:
        work_dir (str): Work folder of a training.
        out (str): The page; the folder has its name without the ending.
        model (nn.Module, optional): The trained networks. Defaults to None,
            without what they predict and are taught.
        checkpoint (str, optional): Where they come from. Defaults to None.
        videos (Sequence[str]): Folders of ``semipose video-metrics``.
            Defaults to ``()``, those below the work folder.
        num (int): Best, worst and taught frames. Defaults to 4.
        limit (int, optional): Predict only the first samples of the
            validation data. Defaults to None.
        seed (int): Seed of the pairs that are shown. Defaults to 0.

    Returns:
        dict: Bytes of each file by its path.

    Raises:
        DataError: If data cannot be read, or the page would be too large.
        FileNotFoundError: If the folder is that of no training.
    """
    curves = read_curves(work_dir)
    run, cfg = read_run(work_dir), kept_config(work_dir)
    put_scores(run)
    folders = video.find_measures(work_dir, videos)
    selected, teachers = scored_networks(cfg)
    selected = selected or next(iter(run['curves']), 'net0')
    found = None
    if model is not None:
        found = measured.measure(model.eval(), cfg, limit)
        selected = getattr(model, 'selected_network', 'net0')
    names = {
        selected, *teachers, *run['curves'], *(found.poses if found else ()),
        *getattr(model, 'network_names', ())
    }
    colors = logged.color_of(list(names))
    page = Page(osp.splitext(osp.basename(out))[0])
    logged.add_scores(page, run, colors, work_dir)
    logged.add_curves(page, run, curves['train'], colors)
    if found is not None:
        measured.add_joints(page, found, selected, colors)
        measured.add_frames(page, found, selected, num)
        if hasattr(model, 'last_step'):
            teaching.add_teaching(page, model, cfg, found.joints, num, seed,
                                  curves['kept'], colors)
        measured.add_reliability(page, found, selected, colors)
    if folders:
        video.add_video(page, folders)
    facts = _facts(run, work_dir, checkpoint, found, selected)
    logged.add_run(page, facts, cfg, work_dir)
    lead = text(
        ' · '.join(f'{value} {unit}'
                   for value, unit in ((run['labels'], 'labels'),
                                       (run['iterations'], 'iterations'),
                                       (run['minutes'], 'minutes'))
                   if value is not None), 'lead')
    if model is None:
        lead += text(
            'Without a checkpoint: what networks predict and are '
            'taught is left out.', 'note')
    content = page.html(
        osp.basename(osp.normpath(osp.abspath(work_dir))),
        lead + logged.cards(run, selected),
        f'Written by semipose_mm {__version__} on '
        f'{time.strftime("%Y-%m-%d %H:%M")}. All numbers of this page, and '
        f'those behind its diagrams, are in <code>{escape(page.folder)}/'
        '</code> beside it.')
    folder = osp.splitext(out)[0]
    files = {
        out: content,
        **{
            osp.join(folder, name): part
            for name, part in page.files.items()
        }
    }
    write_all(files)
    return {path: len(part) for path, part in files.items()}


def _facts(run: dict, work_dir: str, checkpoint: Optional[str], found,
           selected: str) -> Dict[str, str]:
    """What is known of the training, in words."""
    processes = read_logged(work_dir).processes
    facts = {
        'work folder': osp.abspath(work_dir),
        'config': run['config'],
        'labels': run['labels'],
        'iterations': run['iterations'],
        'minutes of training': run['minutes'],
        'compute, millions of passes of an image through a network':
        run['compute'],
        'processes': processes,
        'network with plain names': selected,
        'checkpoint': checkpoint,
        'validation samples': found and len(found.truths),
    }
    return {k: str(v) for k, v in facts.items() if v is not None}
