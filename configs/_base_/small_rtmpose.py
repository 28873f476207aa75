# RTMPose-t for a few hundred labels: square crops of 128 px, vectors as sharp
# as the zoo's (sigma is a quarter of the square root of the bins), and a
# backbone that has seen no pose labels.
rtmpose_weights = '{{$SEMIPOSE_CSPNEXT_TINY:https://download.openmmlab.com/mmdetection/v3.0/rtmdet/cspnext_rsb_pretrain/cspnext-tiny_imagenet_600e-3a2dd350.pth}}'  # noqa: E501
rtmpose_codec = dict(input_size=(128, 128), sigma=(4., 4.))
rtmpose_backbone = dict(
    # SyncBN does not run on CPU; statistics are averaged to be saved
    norm_cfg=dict(type='BN'),
    init_cfg=dict(checkpoint=rtmpose_weights))
rtmpose_head = dict(
    input_size=(128, 128), in_featuremap_size=(4, 4), decoder=rtmpose_codec)
