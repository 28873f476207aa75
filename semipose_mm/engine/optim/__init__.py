# Copyright (c) semipose_mm authors.
"""Steps of the optimizer: finite, mixed precision, rates by layer."""
from .finite_steps import FiniteOptimWrapper, FiniteSteps
from .layer_decay import NetworkLayerDecayOptimWrapperConstructor
from .optim_wrapper import AnyDeviceAmpOptimWrapper

__all__ = [
    'AnyDeviceAmpOptimWrapper', 'FiniteOptimWrapper', 'FiniteSteps',
    'NetworkLayerDecayOptimWrapperConstructor'
]
