# COCO as labeled data, its unlabeled2017 images, and the paper's evaluation
# on val2017: boxes of the annotations, no flip test.
coco_root = '{{$SEMIPOSE_DATA:data}}/coco/'
coco_labeled = dict(
    type='CocoDataset',
    data_root=coco_root,
    data_mode='topdown',
    ann_file='annotations/person_keypoints_train2017.json',
    data_prefix=dict(img='train2017/'))
coco_unlabeled = dict(
    type='UnlabeledPoseDataset',
    data_root=coco_root,
    ann_file='annotations/image_info_unlabeled2017.json',
    bbox_file='person_detection_results/'
    'COCO_unlabeled2017_detections_person_faster_rcnn.json',
    category_ids=[1],
    data_prefix=dict(img='unlabeled2017/'))
# the subset protocol: all persons of train2017 who have keypoints, which are
# not read
coco_train_unlabeled = dict(
    type='UnlabeledPoseDataset',
    data_root=coco_root,
    ann_file='annotations/person_keypoints_train2017.json',
    keypoints_only=True,
    data_prefix=dict(img='train2017/'))
coco_val = dict(dataset=dict(data_root=coco_root, bbox_file=''))
coco_evaluator = dict(
    type='FastCocoMetric',
    ann_file=coco_root + 'annotations/person_keypoints_val2017.json')

# Schedules count iterations, so that they do not depend on the unlabeled set.
# Their epoch is one of the 149,813 persons of train2017, on all GPUs together.
coco_persons = 149_813 // int('{{$SEMIPOSE_GPUS:1}}')
