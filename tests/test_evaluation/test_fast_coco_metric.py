# Copyright (c) semipose_mm authors.
"""FastCocoMetric gives CocoMetric's scores, with hotcoco and without."""
import json
import re

import numpy as np
import pytest
from mmpose.evaluation.metrics import CocoMetric
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from semipose_mm.evaluation import FastCocoMetric, fast_coco_metric


def hard_truth(path, joints=17, num=400, seed=0):
    """Persons of all sizes in 60 images: crowds, some without keypoints."""
    rng = np.random.default_rng(seed)
    anns = []
    for i in range(1, num + 1):
        x, y, w, h = rng.uniform((0, 0, 15, 15), (300, 200, 250, 250))
        pose = np.round(rng.random((joints, 3)) * [w, h, 3] + [x, y, -0.5])
        pose[pose[:, 2] == 0] = 0
        pose[:, 2] *= rng.random() < 0.9
        anns.append(
            dict(
                id=i,
                image_id=int(rng.integers(1, 41)),
                category_id=1,
                bbox=[x, y, w, h],
                area=float(w * h * rng.uniform(0.3, 0.9)),
                iscrowd=int(rng.random() < 0.05),
                keypoints=pose.ravel().tolist(),
                # as in files whose counts are not kept up to date
                num_keypoints=joints))
    path.write_text(
        json.dumps(
            dict(
                images=[
                    dict(id=i, width=640, height=480) for i in range(1, 61)
                ],
                annotations=anns,
                categories=[dict(id=1, name='person')])))
    return anns


def predictions(anns, seed=1):
    """What ``CocoMetric.process`` keeps: noisy truth, twice a person."""
    rng = np.random.default_rng(seed)
    results = []
    for ann in 2 * anns:
        pose = np.array(ann['keypoints']).reshape(1, -1, 3)
        x, y, w, h = ann['bbox']
        noise = 0.05 * np.sqrt(w * h) * rng.exponential()
        scores = rng.random(pose.shape[:2]).round(2)  # ties
        scores *= rng.random() < 0.95  # some have no score at all
        keypoints = pose[..., :2] + noise * rng.normal(
            size=pose[..., :2].shape)
        results.append((dict(
            id=len(results),
            img_id=ann['image_id'],
            category_id=1,
            keypoints=keypoints.astype(np.float32),
            keypoint_scores=scores.astype(np.float32),
            bbox=np.array([[x, y, w, h]], np.float32),
            bbox_scores=np.ones(1, np.float32)), {}))
    return results


def scores_of(metric_type, ann_file, anns, joints=17, **kwargs):
    metric = metric_type(ann_file=str(ann_file), **kwargs)
    sigmas = np.linspace(0.02, 0.12, joints).astype(np.float32)
    metric.dataset_meta = dict(
        dataset_name='any', sigmas=sigmas, num_keypoints=joints)
    return dict(metric.compute_metrics(predictions(anns)))


@pytest.fixture
def only_hotcoco(monkeypatch):
    """Whoever asks xtcocotools fails."""
    pytest.importorskip('hotcoco')

    def forbidden(self, outfile_prefix):
        if isinstance(self, FastCocoMetric):
            raise AssertionError('the evaluation is left to xtcocotools')
        return original(self, outfile_prefix)

    original = CocoMetric._do_python_keypoint_eval
    monkeypatch.setattr(CocoMetric, '_do_python_keypoint_eval', forbidden)


@pytest.mark.parametrize('kwargs', [
    dict(),
    dict(nms_mode='none'),
    dict(use_area=False, score_mode='keypoint'),
    dict(joints=14, nms_mode='soft_oks_nms'),
])
def test_scores_are_those_of_coco_metric(tmp_path, only_hotcoco, kwargs):
    ann_file = tmp_path / 'truth.json'
    anns = hard_truth(ann_file, kwargs.get('joints', 17))
    fast = scores_of(FastCocoMetric, ann_file, anns, **kwargs)
    stock = scores_of(CocoMetric, ann_file, anns, **kwargs)
    assert list(fast) == list(stock)
    np.testing.assert_allclose(
        list(fast.values()), list(stock.values()), rtol=0, atol=1e-9)
    assert len(set(fast.values())) == 10 and 0.05 < fast['AP'] < 0.95


def test_scores_of_real_people_are_pycocotools(data_root, tmp_path,
                                               only_hotcoco):
    ann_file = data_root / \
        'coco17/annotations/person_keypoints_val2017_mini.json'
    anns = json.loads(ann_file.read_text())['annotations']
    prefix = tmp_path / 'found'
    fast = scores_of(
        FastCocoMetric, ann_file, anns, outfile_prefix=str(prefix))
    truth = COCO(str(ann_file))
    found = truth.loadRes(f'{prefix}.keypoints.json')
    # pycocotools counts persons without any score
    found.dataset['annotations'] = [
        a for a in found.dataset['annotations'] if any(a['keypoints'][2::3])
    ]
    found.createIndex()
    plain = COCOeval(truth, found, 'keypoints')
    variances = (np.linspace(0.02, 0.12, 17).astype(np.float32) * 2)**2
    plain.params.kpt_oks_sigmas = np.sqrt(variances.astype(float)) / 2
    plain.evaluate()
    plain.accumulate()
    plain.summarize()
    np.testing.assert_allclose(
        list(fast.values()), plain.stats, rtol=0, atol=1e-9)


def test_files_are_those_of_coco_metric(tmp_path):
    anns = hard_truth(tmp_path / 'truth.json', num=40)
    texts = []
    for metric in (FastCocoMetric, CocoMetric):
        prefix = tmp_path / metric.__name__
        scores_of(
            metric,
            tmp_path / 'truth.json',
            anns,
            outfile_prefix=str(prefix),
            format_only=metric is FastCocoMetric)
        texts.append((tmp_path / f'{prefix}.keypoints.json').read_text())
    assert texts[0] == texts[1]


def test_without_hotcoco(tmp_path, monkeypatch):
    anns = hard_truth(tmp_path / 'truth.json', num=40)
    stock = scores_of(CocoMetric, tmp_path / 'truth.json', anns)
    monkeypatch.setattr(fast_coco_metric, 'hotcoco', None)
    assert scores_of(FastCocoMetric, tmp_path / 'truth.json', anns) == stock


def test_an_unknown_image_is_an_error_as_in_coco_metric(tmp_path):
    path = tmp_path / 'truth.json'
    anns = hard_truth(path, num=40)
    content = json.loads(path.read_text())
    content['images'] = content['images'][5:]
    path.write_text(json.dumps(content))
    with pytest.raises(AssertionError):
        scores_of(FastCocoMetric, path, anns)


def test_crowdpose_is_left_to_coco_metric(tmp_path):
    path = tmp_path / 'truth.json'
    anns = hard_truth(path, joints=14, num=40)
    content = json.loads(path.read_text())
    for image in content['images']:
        image['crowdIndex'] = image['id'] % 10 / 10
    path.write_text(json.dumps(content))
    kwargs = dict(joints=14, iou_type='keypoints_crowd', use_area=False)
    fast, stock = (
        scores_of(metric, path, anns, **kwargs)
        for metric in (FastCocoMetric, CocoMetric))
    assert fast == stock and 'AP(E)' in fast


def perfect(path, change=None, category=1, said='category_id', **kwargs):
    """Scores of the truth as prediction, of a file changed before."""
    anns = hard_truth(path, num=60)
    content = json.loads(path.read_text())
    for ann in content['annotations']:
        ann.update(category_id=category, iscrowd=0)
        if ann['num_keypoints'] and change is not None:
            change(ann)
    content['categories'][0]['id'] = category
    path.write_text(json.dumps(content))
    metric = FastCocoMetric(ann_file=str(path), **kwargs)
    metric.dataset_meta = dict(
        dataset_name='any',
        sigmas=np.full(17, 0.05, np.float32),
        num_keypoints=17)
    samples = []
    for i, ann in enumerate(anns):
        if not any(ann['keypoints'][2::3]):
            continue
        pose = np.array(ann['keypoints'], np.float32).reshape(1, -1, 3)
        # of a file with changed annotations, so not of the same id
        samples.append(
            dict(
                id=i,
                img_id=ann['image_id'],
                pred_instances=dict(
                    # rounded off, as a network's are
                    keypoints=pose[..., :2] + 1e-4,
                    keypoint_scores=np.ones((1, 17), np.float32)),
                gt_instances=dict(bbox_scores=np.ones(1, np.float32)),
                **{said: np.array(category)}))
    metric.process([], samples)
    return metric.compute_metrics(metric.results)


def set_value(key, *values):
    """Gives an entry of annotations values in turn; '-' removes it."""
    turn = iter(values * 1000)

    def change(ann):
        ann[key] = next(turn)
        if ann[key] == '-':
            del ann[key]

    return change


@pytest.fixture(params=['hotcoco', 'xtcocotools'])
def evaluation(request, monkeypatch):
    """Who evaluates."""
    if request.param == 'hotcoco':
        pytest.importorskip('hotcoco')
    else:
        monkeypatch.setattr(fast_coco_metric, 'hotcoco', None)


@pytest.mark.parametrize(
    'change', [
        set_value('area', 0),
        set_value('area', None, 0., '-', -3, 'big', 1e-6),
        set_value('iscrowd', '-', None),
        set_value('num_keypoints', '-', 0, None, 50),
        set_value('bbox', '-', None),
    ],
    ids=['zero', 'area', 'iscrowd', 'num_keypoints', 'bbox'])
def test_perfect_predictions_are_perfect(tmp_path, evaluation, change):
    assert perfect(tmp_path / 'truth.json', change)['AP'] == 1


@pytest.mark.parametrize('said', ['category_id', 'nothing'])
@pytest.mark.parametrize('category', [2, 18, 0])
def test_any_category_is_scored(tmp_path, evaluation, category, said):
    """A detector's boxes do not say which category their persons have."""
    found = perfect(tmp_path / 'truth.json', category=category, said=said)
    assert found['AP'] == 1


def test_one_category_of_several(tmp_path, evaluation):
    change = set_value('category_id', 2, 3)
    path = tmp_path / 'truth.json'
    # half of the predictions are of no person, and half of the persons missed
    assert perfect(path, change, 2)['AR'] < 0.6
    assert perfect(path, change, 2, category_ids=[2])['AR'] == 1
    with pytest.raises(ValueError, match=r'no annotation of .*\[7\].*\[2\]'):
        perfect(path, category=2, category_ids=[7])
    with pytest.raises(ValueError, match=r'\[2, 3\].*category_id'):
        perfect(path, change, 2, said='nothing')


@pytest.fixture
def logged(monkeypatch):
    """The lines that were logged."""
    lines = []
    monkeypatch.setattr(fast_coco_metric, 'print_log',
                        lambda text, *args: lines.append(text))
    return lines


def test_what_is_mended_is_said_once_and_counted(tmp_path, logged):
    path = tmp_path / 'truth.json'
    change = set_value('area', 0)
    for _ in range(2):
        perfect(path, change)
    line, = [line for line in logged if 'area' in line]
    assert str(path) in line and re.search(r'\(\d\d more like this', line)


def test_persons_that_were_not_predicted_are_said(tmp_path, logged):
    """Of annotated boxes: a dataset may leave out what counts."""
    path = tmp_path / 'truth.json'
    anns = hard_truth(path, num=40)
    metric = FastCocoMetric(ann_file=str(path))
    metric.dataset_meta = dict(
        dataset_name='any',
        sigmas=np.full(17, 0.05, np.float32),
        num_keypoints=17)
    results = predictions(anns)[:len(anns)]
    for (pred, _), ann in zip(results, anns):
        pred['id'] = ann['id']
    metric.compute_metrics(results)
    assert not any('scored as missed' in line for line in logged)
    metric.compute_metrics(results[3:])
    assert re.search(r'[123] of \d+ annotations .* scored as missed',
                     logged[-1])
