_base_ = './posedual_res50_coco.py'

weights = '{{$SEMIPOSE_RESNET101:torchvision://resnet101}}'
model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint=weights)))
