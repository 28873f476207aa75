# Copyright (c) semipose_mm authors.
"""Choose labeled subsets of an annotation file, and check them later.

A subset is a file in COCO's keypoint format with N instances, and a
manifest that tells how they were chosen. Larger subsets contain the
smaller ones.
"""
import os.path as osp
import sys

from semipose_mm.data_files import WARNING, DataError, Findings
from semipose_mm.files import write_all
from semipose_mm.subsets.manifest import (Rule, choose, compare, dump_manifest,
                                          load_manifest, make_subset,
                                          subset_name, subset_path)
from semipose_mm.subsets.selection import (PROTOCOLS, category_ids,
                                           usable_instances)
from semipose_mm.subsets.source import read_json


def add_options(parser):
    """Add the options."""
    parser.add_argument(
        'ann_file', help="annotation file in COCO's keypoint format")
    parser.add_argument(
        '--num',
        nargs='+',
        metavar='N|all',
        help='number of labeled instances, one subset for each')
    parser.add_argument('--out-dir', metavar='DIR', help='folder to write to')
    parser.add_argument(
        '--protocol',
        choices=PROTOCOLS,
        help="first: the paper's subsets, the first N instances of the file; "
        'random: drawn by --seed. Defaults to first')
    parser.add_argument(
        '--seed', type=int, help='seed of a random subset. Defaults to 0')
    parser.add_argument(
        '--stratify',
        choices=['image'],
        help='image: a random instance of each image before a second one of '
        'any')
    parser.add_argument(
        '--category',
        nargs='+',
        metavar='ID|NAME',
        help='categories to choose from. Defaults to all')
    parser.add_argument(
        '--check',
        metavar='MANIFEST',
        help='check this manifest against ANN_FILE instead')


def check_args(parser, args):
    """Refuse what cannot work before anything is loaded."""
    given = [
        f'--{name.replace("_", "-")}'
        for name in ('num', 'out_dir', 'protocol', 'seed', 'stratify',
                     'category') if getattr(args, name) is not None
    ]
    if args.check is not None:
        if given:
            parser.error(f'{given[0]} cannot be used with --check, which '
                         'takes everything from the manifest')
        return
    for name in ('num', 'out_dir'):
        if getattr(args, name) is None:
            parser.error(f'--{name.replace("_", "-")} is missing')
    for num in args.num:
        if num != 'all' and not (num.isdigit() and int(num)):
            parser.error(f"--num is {num}, but must be at least 1, or 'all'")
    args.protocol = args.protocol or 'first'
    if args.protocol == 'first':
        for option in ('--seed', '--stratify'):
            if option in given:
                parser.error(f'{option} needs --protocol random')
    elif args.seed is None:
        args.seed = 0


def write_subsets(parser, args) -> None:
    """Write the subsets and their manifests."""
    source = read_json(args.ann_file)
    categories = None
    if args.category is not None:
        categories = category_ids(source.content, args.category, args.ann_file)
    findings = Findings()
    usable = usable_instances(source.content, args.ann_file, categories,
                              findings)
    for line in findings.lines(WARNING):
        print(f'warning: {line}', file=sys.stderr)
    rule = Rule(args.protocol, args.seed, args.stratify,
                None if categories is None else sorted(categories, key=str))
    total = len(usable.instances)
    left_out = ', '.join(f'{n} {why}' for why, n in usable.left_out.items())
    numbers = {total if num == 'all' else int(num) for num in args.num}
    if max(numbers) > total or not total:
        parser.error(f'--num is {max(numbers)}, but {args.ann_file} has '
                     f'{total} usable instances'
                     f'{f" (left out: {left_out})" if left_out else ""}')
    print(f'{args.ann_file}: {total} usable instances'
          f'{f"; left out: {left_out}" if left_out else ""}')
    ordered = choose(usable, rule)
    for num in sorted(numbers):
        path = osp.join(args.out_dir, subset_name(args.ann_file, rule, num))
        data, manifest = make_subset(source, usable, ordered, rule, num)
        about = osp.splitext(path)[0] + '.manifest.json'
        try:
            write_all({path: data, about: dump_manifest(manifest)})
        except OSError as error:
            parser.error(f'{path} cannot be written: {error.strerror}')
        subset = manifest['subset']
        print(f'{num} instances on {subset["images"]} images with '
              f'{subset["labeled_joints"]} labeled joints: {path}')


def check_manifest(args) -> int:
    """Check a manifest against an annotation file; the exit status."""
    manifest = load_manifest(args.check)
    if not osp.isfile(args.ann_file):
        raise DataError(f'there is no file {args.ann_file}')
    folder = osp.dirname(osp.abspath(args.check))
    try:
        faults = compare(manifest, read_json(args.ann_file), folder)
    except DataError as fault:
        faults = [str(fault)]
    if faults:
        print('\n'.join(faults))
        return 1
    beside = '' if subset_path(manifest, folder) else \
        ' (the file of the subset is not beside the manifest)'
    print(f'{args.check}: the {manifest["num"]} instances are reproduced from '
          f'{args.ann_file}{beside}')
    return 0


def run(parser, args):
    """Write subsets, or check one."""
    check_args(parser, args)
    try:
        if args.check is not None:
            sys.exit(check_manifest(args))
        write_subsets(parser, args)
    except DataError as fault:
        parser.error(str(fault))
