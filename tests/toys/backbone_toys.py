# Copyright (c) semipose_mm authors.
"""Small backbones of timm and Hugging Face for 64x96 input, or 56x84."""
import toys

# as DINOv2 with registers, narrow and of two blocks
DINO = dict(
    type='TimmBackbone',
    model='vit_small_patch14_reg4_dinov2',
    img_size=(84, 56),
    embed_dim=32,
    depth=2,
    num_heads=2)
CONVNEXT = dict(
    type='TimmBackbone',
    model='convnext_atto',
    dims=(8, 16, 24, 32),
    depths=(1, 1, 2, 1))
_VIT = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64)
HF_DINO = dict(
    type='HuggingFaceBackbone',
    config=dict(
        _VIT, model_type='dinov2_with_registers', patch_size=14,
        image_size=28))
HF_CONVNEXT = dict(
    type='HuggingFaceBackbone',
    config=dict(
        model_type='convnextv2',
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 2, 1]))
PACKAGES = dict(TimmBackbone='timm', HuggingFaceBackbone='transformers')


def estimator(backbone, **more):
    """Config of a ``SemiPoseEstimator`` of maps of 32 channels, 32 pixels."""
    return dict(
        toys.BASE,
        type='SemiPoseEstimator',
        backbone=dict(backbone),
        head=dict(toys.BASE['head'], in_channels=32),
        **more)
