_base_ = './posedual_res50_coco.py'

weights = '{{$SEMIPOSE_RESNET152:torchvision://resnet152}}'
model = dict(backbone=dict(depth=152, init_cfg=dict(checkpoint=weights)))
