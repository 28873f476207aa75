# Copyright (c) semipose_mm authors.
"""An estimator that is several networks: built, loaded, asked."""
import copy
from typing import Dict, List, Optional, Sequence

from mmengine.logging import print_log
from mmengine.model import ModuleDict, initialize
from mmengine.structures import PixelData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.utils.typing import (ConfigType, OptConfigType, OptMultiConfig,
                                 SampleList)
from torch import Tensor, nn

from .backbones import check_normalization
from .inference import (CropFrames, Poses, Prediction, attach, build_predictor,
                        decode_together, shallow_copies)
from .loading_report import (describe_loading, mirror_to_peers,
                             mirror_to_teachers)
from .networks import TEACHERS, build_peer
from .outputs import build_output
from .teaching import NetworkKey, build_rules, freeze_weights


class PeerEstimator(TopdownPoseEstimator):
    """Network 0, which is the estimator itself, and its peers.

    Its checkpoints load in the stock config of the same architecture, and a
    stock checkpoint initializes every network. How they learn is up to
    subclasses.

    Args:
        backbone (dict): Backbone of network 0.
        neck (dict, optional): Neck of network 0. Defaults to ``None``
        head (dict, optional): Head of network 0: a ``HeatmapHead`` with
            ``KeypointMSELoss``, or a ``RTMCCHead``, ``RTMWHead`` or
            ``SimCCHead`` with ``KLDiscretLoss``. Defaults to ``None``
        train_cfg (dict, optional): Not used here. Defaults to ``None``
        test_cfg (dict, optional): As in MMPose; ``network`` names the one
            that predicts: a number, the name of a teacher, or
            ``'ensemble'`` (mean output of the trained ones). Defaults to
            ``None``, network 0
        data_preprocessor (dict, optional): Usually
            ``SemiPoseDataPreprocessor``. Defaults to ``None``
        init_cfg (dict, optional): Defaults to ``None``
        peers (Sequence[dict]): One entry for each further network, with
            overrides of network 0's ``backbone``, ``neck``, ``head`` and
            ``init_cfg``. Defaults to ``()``
        teachers (dict): Networks that are not trained, by name: an
            ``EMATeacher``, a ``SnapshotTeacher`` or a ``FrozenTeacher``.
            Defaults to ``dict()``
        foreground_weight (float): See :class:`HeadOutput`. Defaults to 1.0
        metainfo (dict, optional): As in MMPose. Defaults to ``None``

    Raises:
        TypeError: If a head or loss cannot be used.
        ValueError: If an entry of the config has a value that is not allowed.
    """

    def __init__(self,
                 backbone: ConfigType,
                 neck: OptConfigType = None,
                 head: OptConfigType = None,
                 train_cfg: OptConfigType = None,
                 test_cfg: OptConfigType = None,
                 data_preprocessor: OptConfigType = None,
                 init_cfg: OptMultiConfig = None,
                 peers: Sequence[dict] = (),
                 teachers: Dict[str, dict] = dict(),
                 foreground_weight: float = 1.0,
                 metainfo: Optional[dict] = None) -> None:
        base = dict(backbone=backbone, head=head, test_cfg=test_cfg)
        if neck is not None:
            base['neck'] = neck
        base = copy.deepcopy(base)
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            train_cfg=train_cfg,
            test_cfg=test_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg,
            metainfo=metainfo)
        if peers:
            self.peers = ModuleDict({
                str(i): build_peer(base, override)
                for i, override in enumerate(peers, 1)
            })
        for number, net in enumerate(self.networks):
            check_normalization(net.backbone, self.data_preprocessor, number)
        #: HeadOutput: How outputs of all networks are read and taught.
        self.output = build_output(
            self.networks, foreground_weight=foreground_weight)
        #: Predictor: How they are read at test time.
        self.predictor = build_predictor(self.output)
        #: dict[str, TeacherRule]: How teachers come about, by name.
        self.rules = build_rules(teachers, self.num_networks)
        followers = {n: r for n, r in self.rules.items() if r.of is not None}
        if followers:
            # of torch: MMEngine's would draw and download their weights
            self.teachers = nn.ModuleDict({
                name:
                freeze_weights(
                    build_peer(base,
                               peers[rule.of - 1] if rule.of else dict()))
                for name, rule in followers.items()
            })
        #: bool: Whether a hook lets teachers follow.
        self.teachers_follow = False
        #: dict: Teachers that are read when they are needed, and are in no
        #: checkpoint; None before.
        self.frozen: Dict[str, Optional[nn.Module]] = dict.fromkeys(
            name for name in self.rules if name not in followers)
        self.selected_network  # fails early on a wrong test_cfg.network
        self._register_load_state_dict_pre_hook(self._mirror_plain_weights)

    # ------------------------------------------------------------ networks

    @property
    def networks(self) -> List[nn.Module]:
        """list[nn.Module]: Network 0, which is the estimator, and peers."""
        return [self, *getattr(self, 'peers', {}).values()]

    @property
    def num_networks(self) -> int:
        """int: Number of trained networks."""
        return len(self.networks)

    @property
    def network_keys(self) -> List[NetworkKey]:
        """list: Numbers of the trained networks, names of the teachers."""
        return [*range(self.num_networks), *self.rules]

    @property
    def network_names(self) -> List[str]:
        """List[str]: All that can be scored: ``'net0'``, names, ensemble."""
        names = [network_name(key) for key in self.network_keys]
        return names + ['ensemble'] * (self.num_networks > 1)

    @property
    def scored_networks(self) -> List[str]:
        """List[str]: Those that an evaluation scores by itself."""
        hidden = [name for name, rule in self.rules.items() if not rule.scored]
        return [name for name in self.network_names if name not in hidden]

    @property
    def selected_network(self) -> str:
        """str: Which network predicts: ``'net0'``, a name, ``'ensemble'``."""
        network = self.test_cfg.get('network', 0)
        if network == 'ensemble':
            return 'ensemble' if self.num_networks > 1 else 'net0'
        if network in self.network_keys:
            return network_name(network)
        raise ValueError(
            f"model.test_cfg.network is {network!r}, but must be 'ensemble' "
            f'or one of {", ".join(map(repr, self.network_keys))}')

    def network(self, key: NetworkKey) -> nn.Module:
        """A network by its number, or a teacher by its name."""
        if not isinstance(key, str):
            return self.networks[key]
        if key not in self.frozen:
            return self.teachers[key]
        if self.frozen[key] is None:
            where = f'model.teachers.{key}'
            net = self.rules[key].load(where, self.data_preprocessor)
            build_output([self, net], keys=['model', where])
            device = next(self.parameters()).device
            self.frozen[key] = net.to(device).train(self.training)
        return self.frozen[key]

    def train(self, mode: bool = True) -> 'PeerEstimator':
        """As in torch, and for teachers that are in no state dict, too."""
        super().train(mode)
        for net in self.frozen.values():
            if net is not None:
                net.train(mode)
        return self

    def _mirror_plain_weights(self, state_dict: dict, prefix: str, *args):
        """Let a checkpoint of one network initialize all of them."""
        networks = self.networks
        mirrored = mirror_to_peers(state_dict, prefix, networks)
        followed = {
            name: (self.rules[name].of, teacher)
            for name, teacher in getattr(self, TEACHERS, {}).items()
        }
        lines = describe_loading(state_dict, prefix, networks, mirrored)
        lines += mirror_to_teachers(state_dict, prefix, followed)
        for line, level in lines:
            print_log(line, 'current', level)

    def init_weights(self) -> None:
        """Initialize all networks; a peer's own ``init_cfg`` comes last.

        A checkpoint in ``model.init_cfg`` initializes every network.
        """
        super().init_weights()
        for peer in self.networks[1:]:
            if self.init_cfg and peer.init_cfg:
                initialize(peer, peer.init_cfg)

    # ---------------------------------------------------------- prediction

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Predict with the network that ``test_cfg.network`` names.

        Args:
            inputs (Tensor): Normalized images (B, 3, H, W).
            data_samples (list): Their data samples; they are filled in, or
                copies of them for the ensemble.

        Returns:
            list[PoseDataSample]: With ``pred_instances`` and, if
            ``test_cfg.output_heatmaps`` is set, ``pred_fields``.
        """
        selected = self.selected_network
        if selected == 'ensemble':
            return self.predict_networks(inputs, data_samples,
                                         [selected])[selected]
        prediction = self._run_network(selected, inputs, data_samples)
        return self._attach([prediction], [data_samples])[0]

    def predict_networks(
            self,
            inputs: Tensor,
            data_samples: SampleList,
            names: Optional[Sequence[str]] = None) -> Dict[str, SampleList]:
        """Predict with several networks and their ensemble in one pass.

        Args:
            inputs (Tensor): Normalized images (B, 3, H, W).
            data_samples (list): Their data samples, which stay as they are.
            names (Sequence[str], optional): Of ``network_names``. Defaults
                to ``None``, ``scored_networks``

        Returns:
            dict: By name, as in ``names``, data samples as :meth:`predict`
            returns them, which share all but the predictions.
            ``'ensemble'`` is the mean output of the trained networks.
        """
        names = list(names or self.scored_networks)
        if self.metainfo is not None:
            data_samples = shallow_copies(data_samples)
            for data_sample in data_samples:
                data_sample.set_metainfo(self.metainfo)
        trained = [f'net{i}' for i in range(self.num_networks)]
        needed = names + trained * ('ensemble' in names)
        predictions = {
            name: self._run_network(name, inputs, data_samples)
            for name in dict.fromkeys(needed) if name != 'ensemble'
        }
        if 'ensemble' in names:
            predictions['ensemble'] = self.predictor.ensemble(
                self.head, [predictions[name] for name in trained])
        results = self._attach([predictions[name] for name in names],
                               [shallow_copies(data_samples) for _ in names])
        return dict(zip(names, results))

    def _run_network(self, name: str, inputs: Tensor,
                     data_samples: SampleList) -> Prediction:
        """Flip-tested prediction of a network."""
        net = self.network(name if name in self.rules else int(name[3:]))
        feats = net.extract_feat(inputs)
        if self.test_cfg.get('flip_test', False):
            feats = [feats, net.extract_feat(inputs.flip(-1))]
        return self.predictor.predict(net, feats, data_samples, self.test_cfg)

    def _attach(self, predictions: List[Prediction],
                data_samples: List[SampleList]) -> List[SampleList]:
        """Put predictions, in image space, into the data samples of each."""
        stock = type(self).add_pred_to_datasample is not \
            TopdownPoseEstimator.add_pred_to_datasample or \
            self.test_cfg.get('output_keypoint_indices') is not None
        frames = CropFrames.from_samples(data_samples[0])
        results = []
        for prediction, found, samples in zip(predictions,
                                              decode_together(predictions),
                                              data_samples):
            plain = isinstance(found, Poses)
            if plain and not stock and prediction.maps is None:
                results.append(attach(found, frames, samples))
                continue
            fields = None
            if prediction.maps is not None:
                fields = [PixelData(heatmaps=m) for m in prediction.maps]
            results.append(
                self.add_pred_to_datasample(
                    found.instances() if plain else found, fields, samples))
        return results


def network_name(key: NetworkKey) -> str:
    """``'net<i>'`` of a number, and a teacher's own name."""
    return key if isinstance(key, str) else f'net{key}'
