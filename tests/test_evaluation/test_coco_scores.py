# Copyright (c) semipose_mm authors.
"""Scores of every network are those of COCO's own evaluation.

Predictions are annotated poses with noise, which differs between
networks.
"""
import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample
from people_toys import own_config
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from xtcocotools.coco import COCO as XtCOCO
from xtcocotools.cocoeval import COCOeval as XtCOCOeval

from semipose_mm.evaluation import NetworkEvaluator, split_networks
from semipose_mm.evaluation.network_evaluator import with_suffix

NAMES = ['AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR']
# where they stand among the ten numbers of COCO's summary
STATS = [0, 1, 2, 3, 4, 5]
NOISE = dict(net0=0.03, net1=0.06, ensemble=0.015)
META = parse_pose_metainfo(dict(from_file='configs/_base_/datasets/coco.py'))


def noisy_samples(ann_file, noise, seed):
    """A data sample for each annotated person, as a test loop makes them."""
    rng = np.random.default_rng(seed)
    with open(ann_file) as file:
        content = json.load(file)
    samples = []
    for ann in content['annotations']:
        if not ann['num_keypoints']:
            continue
        pose = np.array(ann['keypoints'], np.float32).reshape(1, -1, 3)
        x, y, w, h = ann['bbox']
        sample = PoseDataSample(
            metainfo=dict(
                id=ann['id'],
                img_id=ann['image_id'],
                category_id=1,
                img_path='a.jpg'))
        box = np.array([[x, y, x + w, y + h]], np.float32)
        sample.gt_instances = InstanceData(
            bboxes=box,
            bbox_scores=np.ones(1, np.float32),
            bbox_scales=1.25 * (box[:, 2:] - box[:, :2]),
            keypoints=pose[..., :2],
            keypoints_visible=np.minimum(1, pose[..., 2]))
        # some persons are predicted much better than others
        amount = noise * max(w, h) * rng.exponential()
        shape = pose[..., :2].shape
        sample.pred_instances = InstanceData(
            keypoints=pose[..., :2] + amount * rng.normal(size=shape),
            keypoint_scores=rng.uniform(0, 1, shape[:2]).astype(np.float32),
            bboxes=box,
            bbox_scores=np.ones(1, np.float32))
        samples.append(sample)
    return samples


def by_networks(ann_file, folder, **kwargs):
    """Scores by the way of the loops, each network's noise its own."""
    cfg = dict(
        type='CocoMetric',
        ann_file=str(ann_file),
        outfile_prefix=f'{folder}/{{network}}',
        **kwargs)
    evaluator = NetworkEvaluator(
        {name: Evaluator(with_suffix(cfg, name))
         for name in NOISE}, 'net0')
    evaluator.dataset_meta = META
    outputs = {
        name: noisy_samples(ann_file, noise, seed)
        for seed, (name, noise) in enumerate(NOISE.items())
    }
    size = len(outputs['net0'])
    for start in range(0, size, 7):
        evaluator.process_networks({
            name: [s.to_dict() for s in samples[start:start + 7]]
            for name, samples in outputs.items()
        })
    return split_networks(evaluator.evaluate(size)), size


def by_coco(tools, ann_file, results):
    """Scores of a result file by an evaluation that knows nothing of us."""
    coco, evaluation = tools
    truth = coco(str(ann_file))
    found = evaluation(truth, truth.loadRes(str(results)), 'keypoints')
    found.evaluate()
    found.accumulate()
    found.summarize()
    return found.stats


def check(ann_file, folder, **kwargs):
    scores, size = by_networks(ann_file, folder, **kwargs)
    assert list(scores) == list(NOISE)
    for name, row in scores.items():
        for tools in ((COCO, COCOeval), (XtCOCO, XtCOCOeval)):
            stats = by_coco(tools, ann_file, folder / f'{name}.keypoints.json')
            for key, stat in zip(NAMES, STATS):
                assert row[f'coco/{key}'] == pytest.approx(
                    stats[stat], abs=1e-9), (name, key, tools)
    # numbers that nothing could get wrong would prove nothing
    values = [row['coco/AP'] for row in scores.values()]
    assert len(set(values)) == 3 and all(0.05 < v < 0.98 for v in values)
    return scores, size


def test_generated_people(people_root, tmp_path):
    check(people_root / 'annotations' / 'person_keypoints_train.json',
          tmp_path)


@pytest.mark.parametrize('kwargs', [
    dict(),
    dict(nms_mode='none', score_mode='bbox'),
    dict(nms_mode='soft_oks_nms', score_mode='keypoint'),
])
def test_real_people(data_root, tmp_path, kwargs):
    """Whatever scores and suppression are chosen, the json is scored."""
    scores, size = check(
        data_root / 'coco17/annotations/person_keypoints_val2017_mini.json',
        tmp_path, **kwargs)
    results = json.loads((tmp_path / 'net0.keypoints.json').read_text())
    if kwargs.get('nms_mode') == 'none':
        assert len(results) == size
    if kwargs.get('score_mode') == 'bbox':
        assert {r['score'] for r in results} == {1}


def test_boxes_in_results_change_scores_by_area(data_root, tmp_path):
    """MMPose writes boxes, from which COCO's evaluation takes the area."""
    ann_file = data_root / \
        'coco17/annotations/person_keypoints_val2017_mini.json'
    scores, _ = by_networks(ann_file, tmp_path)
    path = tmp_path / 'net0.keypoints.json'
    results = json.loads(path.read_text())
    for result in results:
        del result['bbox']
    path.write_text(json.dumps(results))
    plain = dict(zip(NAMES, by_coco((COCO, COCOeval), ann_file, path)[STATS]))
    for key in ('AP', 'AP .5', 'AP .75', 'AR'):
        assert scores['net0'][f'coco/{key}'] == pytest.approx(
            plain[key], abs=1e-9)
    # docs/evaluation.md quotes these
    found = {
        key: (round(100 * scores['net0'][f'coco/{key}'],
                    1), round(100 * plain[key], 1))
        for key in ('AP (M)', 'AP (L)')
    }
    assert found == {'AP (M)': (52.9, 66.1), 'AP (L)': (49.8, 41.5)}


def test_score_of_a_person_and_suppression(people_root, tmp_path):
    """By default: box score by mean of the keypoints above 0.2; OKS 0.9."""
    ann_file = people_root / 'annotations' / 'person_keypoints_train.json'
    samples = noisy_samples(ann_file, 0.01, 0)
    one = samples[0]
    one.pred_instances.keypoint_scores[:] = np.linspace(0.01, 0.8, 17)
    one.gt_instances.bbox_scores[:] = one.pred_instances.bbox_scores[:] = 0.5
    # the same pose once more, with a box of its own and a lower score
    twin = noisy_samples(ann_file, 0.01, 0)[0]
    twin.set_metainfo(dict(id=99999))
    twin.pred_instances.keypoint_scores[:] = 0.25
    evaluator = Evaluator(
        dict(
            type='CocoMetric',
            ann_file=str(ann_file),
            outfile_prefix=f'{tmp_path}/one'))
    evaluator.dataset_meta = META
    evaluator.process([s.to_dict() for s in (one, twin)])
    evaluator.evaluate(2)
    result, = json.loads((tmp_path / 'one.keypoints.json').read_text())
    above = [s for s in np.linspace(0.01, 0.8, 17) if s > 0.2]
    assert result['score'] == pytest.approx(0.5 * np.mean(above))


def run_test(cfg, tmp_path, name, **overrides):
    """Test a random model; its prediction files by network."""
    cfg.merge_from_dict(overrides)
    cfg.test_evaluator = dict(
        type='CocoMetric',
        ann_file=cfg.test_evaluator[0].ann_file,
        outfile_prefix=f'{tmp_path}/{name}_{{network}}')
    scores = split_networks(Runner.from_cfg(cfg).test())
    return scores, {
        network:
        json.loads((tmp_path / f'{name}_{network}.keypoints.json').read_text())
        for network in scores
    }


@pytest.mark.parametrize('category, others', [(1, [18]), (3, [1])])
def test_boxes_of_annotations_and_detections(people_root, tmp_path, category,
                                             others):
    """Detections equal to the annotations give the same poses and scores."""
    with open(people_root / 'annotations' /
              'person_keypoints_val.json') as file:
        truth = json.load(file)
    truth['categories'] += [dict(id=3, name='runner')]
    for ann in truth['annotations']:
        ann['category_id'] = category
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    # MMPose clips annotated boxes at the image's border, detections not
    sizes = {i['id']: (i['width'], i['height']) for i in truth['images']}
    detections = []
    for ann in truth['annotations']:
        x, y, w, h = ann['bbox']
        right, lower = sizes[ann['image_id']]
        x1, y1 = max(0, x), max(0, y)
        x2, y2 = min(right - 1, x + w), min(lower - 1, y + h)
        for one in (category, *others):
            detections.append(
                dict(
                    image_id=ann['image_id'],
                    category_id=one,
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    score=0.5))
    path = tmp_path / 'detections.json'
    path.write_text(json.dumps(detections))
    scores, found = {}, {}
    for name, boxes in dict(gt='', detected=str(path)).items():
        cfg = own_config(people_root, tmp_path / name)
        cfg.test_evaluator[0].ann_file = f'{tmp_path}/truth.json'
        scores[name], found[name] = run_test(
            cfg, tmp_path, name, **{
                'test_dataloader.dataset.bbox_file': boxes,
                'test_dataloader.dataset.ann_file': f'{tmp_path}/truth.json'
            })
    assert list(scores['gt']) == list(NOISE)
    for network in NOISE:
        pairs = zip(
            *(sorted(found[name][network], key=lambda r: r['image_id'])
              for name in ('gt', 'detected')))
        for one, two in pairs:
            assert one['image_id'] == two['image_id']
            assert one['category_id'] == two['category_id'] == category
            assert np.allclose(one['keypoints'], two['keypoints'], atol=1e-3)
            assert two['score'] == pytest.approx(one['score'] / 2, rel=1e-4)
        assert scores['gt'][network] == pytest.approx(
            scores['detected'][network], abs=1e-6)


def test_images_without_annotations(people_root, tmp_path):
    """As COCO's test-dev: boxes from a detector, a file for the server."""
    cfg = own_config(people_root, tmp_path / 'dev')
    folder = people_root / 'annotations'
    with open(folder / 'person_keypoints_val.json') as file:
        truth = json.load(file)
    detections = [
        dict(
            image_id=a['image_id'],
            category_id=category,
            bbox=a['bbox'],
            score=0.9) for a in truth.pop('annotations')
        for category in (1, 18)
    ]
    (tmp_path / 'detections.json').write_text(json.dumps(detections))
    (tmp_path / 'image_info_test-dev.json').write_text(json.dumps(truth))
    cfg.merge_from_dict({
        'test_dataloader.dataset.ann_file':
        str(tmp_path / 'image_info_test-dev.json'),
        'test_dataloader.dataset.bbox_file':
        str(tmp_path / 'detections.json')
    })
    cfg.test_evaluator = dict(
        type='CocoMetric',
        format_only=True,
        outfile_prefix=f'{tmp_path}/{{network}}')
    assert Runner.from_cfg(cfg).test() == {}
    for name in NOISE:
        results = json.loads((tmp_path / f'{name}.keypoints.json').read_text())
        # what a server asks for; MMPose takes persons only
        assert len(results) == len(detections) / 2
        for result in results:
            assert {'image_id', 'category_id', 'keypoints',
                    'score'} <= set(result)
            assert result['category_id'] == 1
            assert len(result['keypoints']) == 51
