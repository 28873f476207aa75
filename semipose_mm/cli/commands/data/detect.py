# Copyright (c) semipose_mm authors.
"""Find the boxes of persons, or of another category, in unlabeled images.

The detector is one of MMDetection. docs/detection.md has the details.
"""
import hashlib
import json
import os.path as osp

from semipose_mm.data_files import DataError
from semipose_mm.detection import journal as journals
from semipose_mm.detection import merge
from semipose_mm.detection.input import read_source
from ...options import choose_device
from ...progress import Progress
from .detect_options import add_options, check_args

__all__ = ['add_options', 'run']


def images_file(parser, args, source):
    """The image list to write, relative to the result; None for a json."""
    if source.has_list:
        if args.images_out is not None:
            parser.error('--images-out is for a folder or .txt list, but '
                         f'{args.images} is an image list already')
        return None
    path = args.images_out or f'{osp.splitext(args.out)[0]}.images.json'
    path = osp.abspath(osp.expanduser(path))
    if not path.endswith('.json') or path in (args.out,
                                              merge.skipped_file(args.out)):
        parser.error(f'--images-out is {path}, but must be a .json file other '
                     'than --out and its list of skipped images')
    if not osp.isdir(journals.folder_of(args.out)) and osp.exists(path):
        parser.error(f'{path} exists already and would be overwritten: '
                     'remove it or choose another --images-out')
    return osp.relpath(path, osp.dirname(args.out))


def load_config(parser, args):
    """Read the detector's config, and tell what identifies it.

    Returns:
        tuple[Config, str]: The config, and a digest of what matters here.
    """
    from mmdet.utils import get_test_pipeline_cfg
    from mmengine.config import Config
    try:
        cfg = Config.fromfile(args.config)
    except (KeyError, SyntaxError) as error:
        parser.error(f'{args.config} cannot be read: '
                     f'{" ".join(str(error).split())}')
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    try:
        parts = dict(
            model=cfg.model.to_dict(), pipeline=get_test_pipeline_cfg(cfg))
    except (AttributeError, KeyError, RuntimeError):
        parser.error(f'{args.config} is no config of a detector: it needs '
                     'model and test_dataloader with a pipeline')
    text = json.dumps(parts, sort_keys=True, default=str)
    return cfg, hashlib.sha256(text.encode()).hexdigest()


def find_category(parser, args, classes, source):
    """The detector's label, and the name and id of the category."""
    if args.category in classes:
        label = classes.index(args.category)
    elif args.category.isdigit() and int(args.category) < len(classes):
        label = int(args.category)
    else:
        known = ', '.join(classes[:10]) + ', ...' * (len(classes) > 10)
        parser.error(f'--category is {args.category}, but must be one of the '
                     f"detector's {len(classes)} classes, {known}, or an "
                     f'index from 0 to {len(classes) - 1}')
    name = classes[label]
    ids = {c['name']: c['id'] for c in source.categories}
    if args.category_id is not None:
        return label, name, args.category_id
    if ids and name not in ids:
        parser.error(f'{args.images} has no category {name}, but '
                     f'{", ".join(ids)}; choose an id with --category-id')
    return label, name, ids.get(name, 1)


def run_shard(parser, args):
    """Detect in the images of this shard that have no record yet."""
    from semipose_mm.files import file_digest
    source = read_source(args.images, args.img_root, args.allow_outside)
    images_out = images_file(parser, args, source)
    if osp.exists(args.out) and not osp.isdir(journals.folder_of(args.out)):
        parser.error(f'{args.out} exists already and would be overwritten: '
                     'remove it or choose another --out')
    device = choose_device(parser, args)
    cfg, config_digest = load_config(parser, args)
    from torch.cuda import OutOfMemoryError

    from semipose_mm.detection.model import (PersonFinder, build_detector,
                                             class_names, make_loader)
    model = build_detector(cfg, args.checkpoint, device)
    label, name, category_id = find_category(parser, args, class_names(model),
                                             source)
    settings = dict(
        config_sha256=config_digest,
        checkpoint_sha256=file_digest(args.checkpoint),
        images_sha256=source.digest(),
        num_images=len(source.names),
        label=label,
        category=name,
        category_id=category_id,
        score_thr=args.score_thr,
        max_per_image=args.max_per_image,
        images_out=images_out)
    journals.check_others(args.out, args.num_shards, settings)
    indices = journals.indices_of(
        len(source.names), args.shard, args.num_shards)
    journal = journals.Journal(
        journals.path_of(args.out, args.shard, args.num_shards), settings,
        indices, args.batch_size)
    title = f'shard {args.shard}/{args.num_shards}: ' \
        if args.num_shards > 1 else ''
    progress = Progress(title, journal.done, len(indices), args.log_seconds)
    find = PersonFinder(model, source, label, args.score_thr,
                        args.max_per_image)
    left = indices[journal.done:]
    for items in make_loader(source, cfg, left, args.batch_size, args.workers):
        try:
            records = find(items)
        except OutOfMemoryError as error:
            parser.error(f'{str(error).splitlines()[0]} With a smaller '
                         '--batch-size the run continues where it was')
        journal.append(records)
        progress.update(journal.done,
                        sum('skipped' in record for record in records))
    journal.close()


def finish(parser, args):
    """Write the result if all shards are complete."""
    missing = merge.missing_shards(args.out)
    if missing and args.merge:
        parser.error(f'{args.out} is not written: {"; ".join(missing)}')
    if missing:
        print(f'this shard is complete; {"; ".join(missing)}. The last one '
              f'to end writes {args.out}')
        return
    result = merge.write_result(args.out)
    print(f'{args.out}: {result.boxes} boxes on {result.with_boxes} of '
          f'{result.images} images')
    if result.skipped:
        print(f'{result.skipped} images were skipped, see '
              f'{merge.skipped_file(args.out)}; the first: '
              f'{result.first_reason}')
    if result.resized:
        print(f'warning: {result.resized} images are not of the size that '
              'the image list has; the boxes are those of the files')


def run(parser, args):
    """Detect, or merge."""
    check_args(parser, args)
    try:
        if not args.merge:
            run_shard(parser, args)
        finish(parser, args)
    except (DataError, OSError) as error:
        parser.error(' '.join(str(error).split()))
    except KeyboardInterrupt:
        parser.exit(
            130, f'{parser.prog}: interrupted; the same command '
            'continues\n')
