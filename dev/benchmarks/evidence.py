# Copyright (c) semipose_mm authors.
"""Measure supervised training against PoseDual on real data.

python dev/benchmarks/evidence.py [--only PATTERN] [--list]

Every run is one call of ``semipose train`` with a seed. A run that was cut
off goes on from its last checkpoint, a finished one is skipped, and
each adds its row to docs/results.json, from which docs/results.md and
its figures are written anew. Always the last checkpoint counts: nothing
is selected on the test file.
"""
import argparse
import fcntl
import fnmatch
import json
import os
import os.path as osp
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Iterator, List, NamedTuple, Tuple

ROOT = osp.dirname(osp.dirname(osp.dirname(osp.abspath(__file__))))
ROWS = osp.join(ROOT, 'docs', 'results.json')
#: One step of PoseDual costs about four of one supervised network.
EQUAL_COMPUTE = 4


class Setting(NamedTuple):
    """What the methods are compared on.

    Attributes:
        data (str): ``'mouse9'`` or ``'lspet'``.
        labels (int): Number of labeled samples.
        size (tuple): Input width and height.
        batch_size (int): Labeled samples of a step, and unlabeled ones.
        iters (int): Iterations with labeled batches.
        amp (bool): Whether to train in bfloat16.
        network (str): Second word of the config's name.
        overrides (dict): Changes of the config.
    """
    data: str
    labels: int
    size: Tuple[int, int]
    batch_size: int
    iters: int
    amp: bool
    network: str = 'mobilenetv2'
    overrides: dict = {}


#: RTMPose's head on the backbone for which ImageNet weights are at hand.
RTMPOSE_MOBILENETV2 = {
    'model.backbone':
    dict(
        type='MobileNetV2',
        widen_factor=1.,
        out_indices=(7, ),
        init_cfg=dict(
            type='Pretrained',
            checkpoint=os.environ.get('SEMIPOSE_MOBILENETV2',
                                      'mmcls://mobilenet_v2'))),
    'model.head.in_channels':
    1280
}
#: Portrait crops tell the released geometry from the corrected one.
SETTINGS = {
    'mouse9-20':
    Setting('mouse9', 20, (64, 96), 8, 1000, False),
    'lspet-250':
    Setting('lspet', 250, (64, 96), 8, 1000, False),
    'mouse9-100':
    Setting('mouse9', 100, (64, 96), 8, 1000, False),
    'mouse9-20-square':
    Setting('mouse9', 20, (128, 128), 16, 2000, True),
    'mouse9-20-rtmpose':
    Setting('mouse9', 20, (96, 128), 8, 1000, False, 'rtmpose-t',
            RTMPOSE_MOBILENETV2),
    'lspet-250-rtmpose':
    Setting('lspet', 250, (96, 128), 8, 2000, False, 'rtmpose-t',
            RTMPOSE_MOBILENETV2),
}
NUM_UNLABELED = dict(mouse9=800, lspet=4000)


class Method(NamedTuple):
    """A way to train.

    Attributes:
        config (str): First word of the config's name.
        hard (str): Hard views, see ``configs/_base_/posedual.py``.
        overrides (dict): Changes of the config.
        compute (int): Factor on the iterations.
        options (tuple): Of ``semipose train``.
    """
    config: str
    hard: str = 'cutout'
    overrides: dict = {}
    compute: int = 1
    options: Tuple[str, ...] = ()


#: 'supervised' trains two independent networks at once, which gives two
#: results and their ensemble.
METHODS = {
    'supervised':
    Method('supervised', overrides={'model.peers': [dict()]}),
    'posecons_affine':
    Method('posecons', 'affine'),
    'posecons':
    Method('posecons'),
    'posedual_affine':
    Method('posedual', 'affine'),
    'posedual_randaug':
    Method('posedual', 'randaug'),
    'posedual':
    Method('posedual'),
    'posedual_fast':
    Method('posedual', options=('--fast', )),
    'posedual_legacy':
    Method(
        'posedual',
        overrides={
            'model.views.0.ops.0.type': 'LegacyJointCutout',
            'model.warp': dict(type='LegacyHardAffine')
        }),
    'posedual_no_burn_in':
    Method(
        'posedual',
        overrides={
            'custom_hooks.0.burn_in': 0,
            'custom_hooks.0.ramp_up': 0
        }),
    'supervised_long':
    Method('supervised', compute=EQUAL_COMPUTE),
}
#: Methods that answer a question which one seed answers.
ONE_SEED = ('posedual_no_burn_in', 'supervised_long')
#: Methods that answer one for which the first setting is enough.
ONE_SETTING = ('posedual_fast', )


class Run(NamedTuple):
    """One training.

    Attributes:
        setting (str): A key of :data:`SETTINGS`.
        method (str): A key of :data:`METHODS`.
        seed (int): Seed.
    """
    setting: str
    method: str
    seed: int

    @property
    def name(self) -> str:
        """str: Unique, and fit for a folder."""
        return f'{self.setting}_{self.method}_seed{self.seed}'


def plan(seeds: int) -> List[Run]:
    """All runs, the most telling first."""
    runs = []
    for number, setting in enumerate(SETTINGS):
        left_out = ONE_SEED + (ONE_SETTING if number else ())
        runs += [
            Run(setting, method, seed) for seed in range(seeds)
            for method in METHODS if method not in left_out
        ]
        runs += [Run(setting, method, 0) for method in ONE_SEED]
    return runs


def set_size(cfg: object, size: Tuple[int, int]) -> None:
    """Set the input size of codec, transforms, decoder and cutouts alike."""
    # as large for the crop as the paper's for its 256 pixels
    scale = size[1] / 256
    sizes = dict(
        input_size=size,
        heatmap_size=(size[0] // 4, size[1] // 4),
        half_size=(round(10 * scale), round(19 * scale)),
        jitter=10 * scale,
        in_featuremap_size=(size[0] // 32, size[1] // 32))
    if isinstance(cfg, dict) and cfg.get('type') == 'SimCCLabel':
        # a quarter of the root of the bins, as in the zoo
        sizes['sigma'] = tuple(round((2 * v)**0.5 / 4, 2) for v in size)
    entries = cfg.items() if isinstance(cfg, dict) else enumerate(cfg)
    for key, value in list(entries):
        if key in sizes:
            cfg[key] = sizes[key]
        elif isinstance(value, (dict, list)):
            set_size(value, size)


def make_config(run: Run, path: str) -> None:
    """Write the whole config of a run."""
    from mmengine.config import Config
    setting, method = SETTINGS[run.setting], METHODS[run.method]
    os.environ['SEMIPOSE_NUM_LABELS'] = str(setting.labels)
    os.environ['SEMIPOSE_HARD'] = method.hard
    cfg = Config.fromfile(
        osp.join(ROOT, 'configs',
                 f'{method.config}_{setting.network}_{setting.data}.py'))
    set_size(cfg._cfg_dict, setting.size)
    iters = setting.iters * method.compute
    epochs = iters * setting.batch_size // NUM_UNLABELED[setting.data]
    interval = max(1, epochs // 10)
    # a fifth of the training each
    start = dict(burn_in=iters // 5, ramp_up=iters // 5)
    for hook in cfg.custom_hooks:
        if hook.type == 'MutualTeachingHook':
            hook.update(start)
    cfg.custom_hooks.append(dict(type='ChannelsLastHook'))
    if setting.overrides:
        cfg.model.backbone = {}  # merging would keep what it had
    cfg.merge_from_dict({
        'train_cfg.max_epochs':
        epochs,
        'train_cfg.val_interval':
        interval,
        'train_dataloader.batch_size':
        setting.batch_size,
        'param_scheduler.1.milestones': [int(iters * 0.7),
                                         int(iters * 0.9)],
        'default_hooks.checkpoint':
        dict(interval=interval, save_best=None, max_keep_ckpts=1),
        'default_hooks.logger.interval':
        25,
        **setting.overrides,
        **method.overrides
    })
    cfg.dump(path)


@contextmanager
def locked(path: str, wait: bool) -> Iterator[bool]:
    """Hold a file's lock, so that processes share the runs."""
    os.makedirs(osp.dirname(osp.abspath(path)), exist_ok=True)
    with open(path, 'a') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def train(run: Run, work_dir: str) -> dict:
    """Do a run, or what is left of it, and collect its row."""
    os.makedirs(work_dir, exist_ok=True)
    config = osp.join(work_dir, 'run.py')
    make_config(run, config)
    command = [
        sys.executable,
        osp.join(ROOT, 'tools', 'train.py'), config, '--work-dir', work_dir,
        '--seed',
        str(run.seed), '--resume'
    ]
    setting = SETTINGS[run.setting]
    if setting.amp:
        command.append('--amp')
    command += METHODS[run.method].options
    code = subprocess.run(command).returncode
    if code:
        raise SystemExit(f'{run.name} failed; its log is in {work_dir}')
    curve = read_curve(work_dir)
    return dict(
        run._asdict(),
        **{
            k: v
            for k, v in setting._asdict().items() if k != 'overrides'
        },
        last={
            k: v
            for k, v in curve[-1].items() if k not in ('iter', 's')
        },
        curve=curve,
        **versions())


def read_curve(work_dir: str) -> List[dict]:
    """Metrics in percent against iterations and seconds of training."""
    from semipose_mm.analysis.plot_curves import read_curves
    return [
        dict(
            iter=point['iter'],
            s=round(point['seconds']),
            **{
                k: round(100 * v, 2)
                for k, v in point.items() if 'PCK' in k or 'AUC' in k
            }) for point in read_curves(work_dir)['val']
    ]


def versions() -> dict:
    """What a reader needs to know about the software and the day."""
    import torch

    import semipose_mm
    commit = subprocess.run(
        ['git', '-C', ROOT, 'rev-parse', '--short', 'HEAD'],
        capture_output=True,
        text=True).stdout.strip()
    return dict(
        date=time.strftime('%Y-%m-%d'),
        commit=commit,
        torch=torch.__version__,
        semipose_mm=semipose_mm.__version__,
        device='CUDA' if torch.cuda.is_available() else
        f'CPU, {torch.get_num_threads()} threads')


def load_rows() -> List[dict]:
    """Rows of the runs that have finished."""
    if not osp.exists(ROWS):
        return []
    with open(ROWS) as file:
        return json.load(file)


def save_rows(rows: List[dict]) -> None:
    """Write the rows and the page; never half a file."""
    from evidence_page import write_page

    from semipose_mm.evaluation import write_text
    lines = ',\n'.join(json.dumps(row) for row in rows)
    write_text(ROWS, f'[\n{lines}\n]\n')
    write_page(rows, osp.dirname(ROWS))


def is_done(run: Run) -> bool:
    """Whether a run has its row."""
    return any(
        all(row[k] == v for k, v in run._asdict().items())
        for row in load_rows())


def do(run: Run, work_dir: str) -> None:
    """Do a run and add its row, unless another process is at it."""
    with locked(osp.join(work_dir, f'{run.name}.lock'), wait=False) as mine:
        if not mine or is_done(run):
            return
        row = train(run, osp.join(work_dir, run.name))
        with locked(osp.join(work_dir, 'rows.lock'), wait=True):
            save_rows(load_rows() + [row])


def main() -> None:
    """Do the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--only', default='*', help='pattern of run names')
    parser.add_argument('--work-dir', default='work_dirs/evidence')
    parser.add_argument('--list', action='store_true', help='only list runs')
    args = parser.parse_args()
    for run in plan(args.seeds):
        if args.list:
            print('done   ' if is_done(run) else 'missing', run.name)
        elif fnmatch.fnmatch(run.name, args.only):
            do(run, args.work_dir)
    if not args.list:
        save_rows(load_rows())


if __name__ == '__main__':
    main()
