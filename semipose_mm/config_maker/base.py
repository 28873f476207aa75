# Copyright (c) semipose_mm authors.
"""Reading the config that becomes semi-supervised."""
import difflib
import os.path as osp
from typing import Iterator, List, NamedTuple, Optional, Tuple

from mmengine.config import Config
from mmengine.utils import get_installed_path

from semipose_mm.data_files import DataError, Findings

PREFIX = 'mmpose::'


class ConfigFault(DataError):
    """A reason in one line that names the option or the file."""


class Unsupported(ConfigFault):
    """A config of the zoo whose networks cannot teach one another."""


class MissingExtra(ConfigFault):
    """A config that needs an optional package."""


class Library(NamedTuple):
    """What of a base is not the zoo's.

    Attributes:
        name (str): Such as ``'timm:convnext_atto'``.
        model (dict): Overrides of ``model``.
        optim_wrapper (dict): Overrides of ``optim_wrapper``.
        told (str): What it is.
        warnings (list[str]): What is doubtful.
    """
    name: str
    model: dict
    optim_wrapper: dict
    told: str
    warnings: List[str]

    def report(self, option: str, findings: Findings) -> None:
        """Add what is doubtful.

        Args:
            option (str): ``'--base'`` or ``'--peer'``.
            findings (Findings): Learns it.
        """
        for one in self.warnings:
            findings.warn('backbone', f'{option} {self.name}', one)


class Base(NamedTuple):
    """A top-down config.

    Attributes:
        name (str): As ``_base_`` has it.
        cfg (Config): Its content.
        codec (dict): The head's codec.
        pipeline (list[dict]): Transforms of the training.
        library (Library, optional): What is not that of ``name``, if the
            backbone is one of another library.
    """
    name: str
    cfg: Config
    codec: dict
    pipeline: List[dict]
    library: Optional[Library] = None

    @property
    def title(self) -> str:
        """str: What messages call it."""
        return self.library.name if self.library else self.name

    @property
    def input_size(self) -> Tuple[int, int]:
        """tuple: Width and height of the crop in pixels."""
        return tuple(int(v) for v in self.codec['input_size'])

    @property
    def lr(self) -> float:
        """float: Learning rate of the base."""
        return float(self.cfg.optim_wrapper.optimizer.lr)

    @property
    def replaced_hooks(self) -> List[str]:
        """List[str]: Hooks of the base that ours replace."""
        # averaging is what our loops and SafeCheckpointHook do themselves
        names = [h['type'] for h in self.cfg.get('custom_hooks') or []]
        return [name for name in names if name != 'SyncBuffersHook']

    def transform(self, name: str, default: dict) -> dict:
        """A transform of the training, or a default."""
        return next((dict(t) for t in self.pipeline if t['type'] == name),
                    default)


def zoo_folder() -> str:
    """Folder of the configs that the installed MMPose ships."""
    return osp.join(get_installed_path('mmpose'), '.mim', 'configs')


def zoo_file(name: str) -> str:
    """Path of ``mmpose::...``, or of a config file of one's own."""
    if name.startswith(PREFIX):
        return osp.join(zoo_folder(), name[len(PREFIX):])
    return osp.abspath(name)


def read_base(name: str, option: str = '--base') -> Base:
    """Read a config and what the rest needs of it.

    Args:
        name (str): ``mmpose::...`` or a file.
        option (str): The option that names it, for messages. Defaults to
            ``'--base'``.

    Returns:
        Base: The config.

    Raises:
        ConfigFault: If it does not exist, or is semi-supervised already.
        Unsupported: If it cannot be read, or is no top-down estimator.
    """
    path = zoo_file(name)
    if not osp.isfile(path):
        close = difflib.get_close_matches(name, zoo_names(), 1, 0.)
        raise ConfigFault(f'{option} {name} does not exist; the most similar '
                          f'config of MMPose is {close[0]}')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code
        reason = ' '.join(str(error).split())
        raise Unsupported(f'it cannot be read: {type(error).__name__}: '
                          f'{reason[:200]}') from error
    model = cfg.get('model') or dict()
    kind = str(model.get('type')).rpartition('.')[2]
    if kind == 'SemiPoseEstimator':
        raise ConfigFault(f'{option} {name} is semi-supervised already: train '
                          'it as it is')
    if kind != 'TopdownPoseEstimator':
        raise Unsupported(
            f'model.type is {kind}, but networks that teach one another are '
            'top-down pose estimators (TopdownPoseEstimator)')
    codec = (model.get('head') or dict()).get('decoder')
    if not codec:
        raise Unsupported(
            f'model.head.type is {model.head.type} and has no decoder, but '
            'the codec says how output and input pixels relate')
    pipeline = _training_pipeline(cfg)
    return Base(name, cfg, dict(codec), [dict(t) for t in pipeline])


def _training_pipeline(cfg: Config) -> list:
    """The transforms of the training, if there are any."""
    if cfg.get('train_pipeline'):
        return cfg.train_pipeline
    loader: Optional[dict] = cfg.get('train_dataloader')
    return loader.dataset.get('pipeline', []) if loader else []


def zoo_names(*folders: str) -> List[str]:
    """Names of the zoo's configs, sorted.

    Args:
        *folders (str): Kinds, such as ``'topdown_heatmap'``. Defaults to all
            of two dimensions.
    """
    return sorted(PREFIX + name for name in _walk()
                  if not folders or name.split('/')[1] in folders)


def _walk() -> Iterator[str]:
    """Paths of the zoo's 2D configs below their folder."""
    from pathlib import Path
    root = Path(zoo_folder())
    for path in root.glob('*_2d_keypoint/**/*.py'):
        yield path.relative_to(root).as_posix()
