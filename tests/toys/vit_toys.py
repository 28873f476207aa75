# Copyright (c) semipose_mm authors.
"""A small ViTPose with mmpretrain's backbone: 64x96 input."""
import toys

BASE = dict(
    toys.BASE,
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch=dict(
            embed_dims=32, num_layers=3, num_heads=2, feedforward_channels=64),
        img_size=(96, 64),
        patch_size=16,
        qkv_bias=True,
        drop_path_rate=0.3,
        with_cls_token=False,
        out_type='featmap',
        patch_cfg=dict(padding=2)),
    head=dict(
        toys.BASE['head'],
        in_channels=32,
        deconv_out_channels=(16, 16),
        deconv_kernel_sizes=(4, 4)))
