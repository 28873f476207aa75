# Copyright (c) semipose_mm authors.
"""The part of the config that says how to train."""
import copy
from typing import Any, Dict, List

from .base import Base
from .network import merge
from .plan import Plan
from .writing import arguments, code, comment

#: The zoo's learning rates are made for batches of 512 to 1024.
MAX_LR = 1e-3


def optimizer_lines(base: Base, lr: float) -> List[str]:
    """The optimizer of a base with another learning rate.

    Args:
        base (Base): The base.
        lr (float): The learning rate.

    Returns:
        list[str]: Lines of the config.
    """
    optimizer: Dict[str, Any] = dict(
        type='FiniteOptimWrapper', optimizer=dict(lr=lr))
    lines = []
    if base.library and base.library.optim_wrapper:
        lines += comment('as ViTPose is trained: rates that fall with depth, '
                         'in each network, and short steps')
        merge(optimizer, copy.deepcopy(base.library.optim_wrapper))
    wrapper = base.cfg.get('optim_wrapper') or dict()
    constructor = str(wrapper.get('constructor', '')).rpartition('.')[2]
    if constructor == 'LayerDecayOptimWrapperConstructor':
        lines += comment('the decay by depth, in each network')
        optimizer['constructor'] = 'Network' + constructor
    if str(wrapper.get('type', '')).endswith('AmpOptimWrapper'):
        lines += comment('mixed precision as in the base, on CPU, too')
        optimizer['type'] = 'AnyDeviceAmpOptimWrapper'
    return [*lines, f'optim_wrapper = {code(optimizer)}']


def training_lines(plan: Plan) -> List[str]:
    """Optimizer, schedule, loops and hooks.

    Args:
        plan (Plan): What the config says.

    Returns:
        list[str]: Lines of the config.
    """
    times, base = plan.schedule, plan.base
    best = 'coco/AP' if plan.metrics[0] == 'FastCocoMetric' else 'PCK@0.1'
    saving = dict(interval=times.val_interval, save_best=best, rule='greater')
    warm_up = dict(end=times.warm_up)
    steps = dict(milestones=times.milestones)
    lines = optimizer_lines(base, plan.lr)
    lines += [
        f'param_scheduler = [dict(_base_.semi_warm_up, {arguments(warm_up)}), '
        f'dict(_base_.semi_steps, {arguments(steps)})]',
        f'train_cfg = dict(max_iters={times.iterations}, '
        f'val_interval={times.val_interval}, **_base_.semi_iter_loop)',
        'val_cfg, test_cfg = _base_.semi_val_loop, _base_.semi_test_loop',
        'default_hooks, log_processor = _base_.iter_hooks, _base_.iter_log',
        f"default_hooks['checkpoint'].update({arguments(saving)})",
        f'auto_scale_lr = dict(base_batch_size={times.batch_size})'
    ]
    if base.replaced_hooks:
        lines += comment(f'without {" and ".join(base.replaced_hooks)} of '
                         'the base')
    more = []
    if plan.weights.anew:
        lines += comment('as many joints as those of load_from, but others')
        more.append(dict(type='NewLayersHook', layers=list(plan.weights.anew)))
    if plan.recipe.name == 'supervised':
        return [*lines, f'custom_hooks = {code(more)}']
    told = f'{times.burn_in} iterations on labels alone, then '
    if plan.recipe.name == 'labels_then_ema':
        told += 'unlabeled ones teach, too'
        hooks = f'_base_.{plan.recipe.hooks}'
    else:
        told += f'{times.ramp_up} in which unlabeled ones gain weight'
        hook = dict(burn_in=times.burn_in, ramp_up=times.ramp_up)
        hooks = f'[dict(_base_.mutual_teaching, {arguments(hook)})]'
    lines += comment(told)
    hooks += f' + {code(more)}' if more else ''
    return [*lines, f'custom_hooks = {hooks}']
