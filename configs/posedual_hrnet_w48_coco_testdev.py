# Evaluation on test-dev: boxes of a detector, flip test, DARK decoding of
# targets that stay biased, and a json for the server instead of scores. Use
# it with semipose test, which says where the files are.
_base_ = './posedual_hrnet_w48_coco.py'

model = dict(
    test_cfg=dict(flip_test=True),
    head=dict(decoder=dict(unbiased=True, blur_kernel_size=11)))
boxes = _base_.coco_root + 'person_detection_results/' + \
    'COCO_test-dev2017_detections_AP_H_609_person.json'
images = 'annotations/image_info_test-dev2017.json'
test_dataloader = dict(
    dataset=dict(
        ann_file=images, bbox_file=boxes, data_prefix=dict(img='test2017/')))
test_evaluator = dict(ann_file=_base_.coco_root + images, format_only=True)
