# Copyright (c) semipose_mm authors.
"""Layer-wise learning rates for several networks."""
from typing import Dict, List, Optional

from mmpose.engine.optim_wrappers import LayerDecayOptimWrapperConstructor
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from semipose_mm.models.backbones import LibraryBackbone
from semipose_mm.models.networks import PARTS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class NetworkLayerDecayOptimWrapperConstructor(
        LayerDecayOptimWrapperConstructor):
    """MMPose's layer-wise decay, for each network of an estimator.

    The stock constructor (ViTPose: Xu et al., NeurIPS 2022) tells layers by
    names that start with ``backbone``, so that peers would train with the
    full learning rate in all layers. Here every network is decayed as if it
    were alone. Backbones of timm and Hugging Face tell their layers
    themselves, so that ``num_layers`` has no meaning for them, while the
    stock one would decay nothing. Parameters are those of the stock
    constructor.
    """

    def add_params(self,
                   params: List[dict],
                   module: nn.Module,
                   prefix: str = '',
                   lr: Optional[float] = None) -> None:
        """Add the parameter groups of all networks.

        Args:
            params (list[dict]): Groups; extended in place.
            module (nn.Module): A ``SemiPoseEstimator``, or any model.
            prefix (str): As in the parent class. Defaults to ``''``
            lr (float, optional): As in the parent class. Defaults to
                ``None``
        """
        networks = list(getattr(module, 'networks', [module]))
        if networks[0] is module and hasattr(module, 'networks'):
            # network 0 is the estimator, and so would count the others
            networks[0] = nn.ModuleDict({
                name: child
                for name, child in module.named_children() if name in PARTS
            })
        for net in networks:
            backbone = dict(net.named_children()).get('backbone')
            if isinstance(backbone, LibraryBackbone):
                params.extend(self._library_groups(net, backbone))
            else:
                super().add_params(params, net, prefix, lr)

    def _library_groups(self, net: nn.Module,
                        backbone: LibraryBackbone) -> List[dict]:
        """Groups of a network, as the stock constructor makes them."""
        rate = self.paramwise_cfg.get('layer_decay_rate')
        start, last = 'backbone.model.', backbone.num_layers
        bare = backbone.no_weight_decay
        groups: Dict[tuple, dict] = {}
        for name, param in net.named_parameters():
            if not param.requires_grad:
                continue
            own = name[len(start):] if name.startswith(start) else None
            layer = last if own is None else backbone.layers[own]
            decays = param.dim() > 1 and not name.endswith('.bias') and \
                own not in bare
            scale = rate**(last - layer)
            group = groups.setdefault(
                (layer, decays),
                dict(
                    weight_decay=self.base_wd if decays else 0.,
                    params=[],
                    param_names=[],
                    lr_scale=scale,
                    group_name=f'layer_{layer}_{"" if decays else "no_"}decay',
                    lr=scale * self.base_lr))
            group['params'].append(param)
            group['param_names'].append(name)
        return list(groups.values())
