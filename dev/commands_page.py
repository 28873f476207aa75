# Copyright (c) semipose_mm authors.
"""Write docs/commands.md from the parsers of the commands.

python dev/commands_page.py
"""
import argparse
import os
import os.path as osp

from semipose_mm.cli import COMMANDS, build_parser

PAGE = osp.join(
    osp.dirname(osp.dirname(osp.abspath(__file__))), 'docs', 'commands.md')
HEAD = """# Commands

`semipose COMMAND [options]`, also `python -m semipose_mm COMMAND`; several
processes start by `torchrun ... -m semipose_mm train`. `tools/train.py`,
`tools/test.py` and the other scripts of `tools/` are the same commands in a
checkout that is not installed. This page is written by
`python dev/commands_page.py` from what `--help` prints.

Beneath the commands are functions without a parser, for notebooks:

| command | function |
|---|---|
"""
#: What a notebook calls.
FUNCTIONS = {
    'import': 'semipose_mm.importing.import_labels',
    'config': 'semipose_mm.config_maker.make_config',
    'check': 'semipose_mm.data_check.check_data',
    'subset': 'semipose_mm.subsets.manifest.make_subset',
    'label-next': 'semipose_mm.label_next.run.label_next',
    'frames': 'semipose_mm.videos.writing.write_frames',
    'detect': 'semipose_mm.detection.model.PersonFinder',
    'video-metrics': 'semipose_mm.analysis.video_metrics.report.measure',
    'predict': 'semipose_mm.prediction.run.predict',
    'report': 'semipose_mm.analysis.report.make.write_report',
    'pseudo': 'semipose_mm.pseudo.run.make_pseudo_labels',
    'compare': 'semipose_mm.analysis.compare_runs.compare',
    'plot curves': 'semipose_mm.analysis.plot_curves.plot',
    'plot predictions':
    'semipose_mm.analysis.plot_predictions.write_predictions',
    'export': 'semipose_mm.checkpoint.export.make_export',
}


def page() -> str:
    """The whole page."""
    # argparse breaks lines by the width of the terminal
    os.environ['COLUMNS'] = '79'
    rows = [f'| `{name}` | `{path}` |' for name, path in FUNCTIONS.items()]
    parts = [HEAD + '\n'.join(rows)]
    for name in COMMANDS:
        parser = build_parser(name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parts.append(f'## {name}\n\n```text\n{parser.format_help()}```')
    return '\n\n'.join(parts) + '\n'


if __name__ == '__main__':
    with open(PAGE, 'w', encoding='utf-8') as file:
        file.write(page())
