# Copyright (c) semipose_mm authors.
"""Tests of ``semipose pseudo`` and its parts."""
import csv
import json
import re

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from toy_tools import run_command

from semipose_mm.cli.commands.runs.pseudo import base_of
from semipose_mm.data_files.label_folder import read_manifest
from semipose_mm.prediction.networks import PoseNetworks
from semipose_mm.pseudo import agreement
from semipose_mm.pseudo.views import ViewNetworks


class TestAgreement:

    def test_consensus(self):
        poses = np.array([[[0, 0, 1.]], [[4, 0, 0.]], [[2, 6, .5]]])
        found = agreement.consensus(poses, 8.)
        assert found.points.tolist() == [[2., 2.]] and found.scores == [0.5]
        # distances sqrt(8), sqrt(8), 4
        np.testing.assert_allclose(found.spreads, np.sqrt(32 / 3) / 8)

    @pytest.mark.parametrize('seed', range(5))
    def test_weights_are_relative_to_the_joint(self, seed):
        rng = np.random.default_rng(seed)
        spreads, scores = rng.random((2, 40, 3))
        spreads[:, 1] = spreads[:, 0]**3 * 9  # another scale, same order
        scores[:, 1] = scores[:, 0] * 1e-3 - 7
        weights = agreement.joint_weights(spreads, scores, 0.6)
        np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
        kept = weights > 0
        # best 60 % of both, and none beyond
        assert (kept.sum(0) <= 24).all() and (kept.sum(0) >= 8).all()
        assert (weights[kept] > 0.4).all() and weights.max() <= 1
        for k in range(3):
            better = spreads[:, k].argmin()
            worse = spreads[:, k].argmax()
            assert not kept[worse, k]
            assert weights[better, k] == agreement.ranks(scores)[better, k] \
                or not kept[better, k]
        assert (agreement.joint_weights(spreads, scores, 1.) > 0).all()

    def test_equal_predictions_are_equally_good(self):
        same = np.full((5, 2), 0.3)
        assert (agreement.joint_weights(same, same, 0.5) == 1).all()

    def test_chosen_images_agree_and_differ(self):
        rng = np.random.default_rng(0)
        kinds = np.repeat(np.arange(4), 25)
        poses = rng.normal(0, 0.01, (100, 6, 2)) + rng.random(
            (4, 6, 2))[kinds] * 3
        weights = np.ones((100, 6))
        weights[::2, :3] = 0  # half of the joints of every second one
        chosen, states = agreement.choose(weights, poses, 0.75, 4)
        assert sorted(kinds[chosen]) == [0, 1, 2, 3] and (chosen % 2).all()
        assert [
            states.count(one)
            for one in (agreement.CHOSEN, agreement.FEW, agreement.ALIKE)
        ] == [4, 50, 46]
        everything, _ = agreement.choose(weights, poses, 0.5, 1000)
        assert everything.tolist() == list(range(100))


@pytest.fixture(scope='module')
def networks(trained):
    return ViewNetworks(
        Config.fromfile(trained.config), trained.checkpoint, 'cpu', None,
        [1., 0.8], True, trained.config)


def test_views_are_those_of_scaled_and_mirrored_images(networks, trained,
                                                       people_root):
    names = [
        'net0 x1', 'net1 x1', 'net0 x1 mirrored', 'net1 x1 mirrored',
        'net0 x0.8', 'net1 x0.8', 'net0 x0.8 mirrored', 'net1 x0.8 mirrored'
    ]
    assert networks.names == names
    path = next((people_root / 'images' / 'val').iterdir())
    image = cv2.imread(str(path))
    height, width = image.shape[:2]
    box, small = (10., 5., 60., 80.), (16., 13., 48., 64.)
    item = networks.prepare(str(path), box)
    poses = networks.predict([item, item], names)
    assert poses.shape == (2, 8, 17, 3)
    np.testing.assert_array_equal(poses[0], poses[1])

    def plain(image, box):
        item = PoseNetworks.prepare(networks, image, box)
        return PoseNetworks.predict(networks, [item], ['net0', 'net1'])[0]

    np.testing.assert_array_equal(poses[0, :2], plain(str(path), box))
    np.testing.assert_allclose(poses[0, 4:6], plain(image, small), atol=1e-3)
    # the mirror image, seen as it is, and mirrored back by hand
    for at, one, (x, y, w, h) in ((2, item[0], box), (6, item[1], small)):
        sample = one['data_samples']
        # MMPose puts the center of a box beside that of the crop's pixels
        pixel = sample.input_scale[0] / sample.input_size[0]
        found = plain(
            np.ascontiguousarray(image[:, ::-1]),
            (width - 1 - x - w + pixel, y, w, h))
        found = found[:, networks.meta['flip_indices']]
        found[..., 0] = width - 1 - found[..., 0]
        # pixels are rounded otherwise, which moves some peaks
        away = np.abs(found - poses[0, at:at + 2])
        assert np.median(away[..., :2]) < 1e-3, away.max((0, 1))
        assert (away[..., 0] < 1e-3).mean() > 0.8


@pytest.fixture(scope='module')
def labels(people_root, tmp_path_factory):
    """A folder of labels of the generated people."""
    folder = tmp_path_factory.mktemp('labels') / 'people'
    run_command('import',
                people_root / 'annotations/person_keypoints_train.json',
                '--out', folder, '--split', 'random', '--box', 'whole')
    return folder


def read_csv(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def test_the_command(trained, people_root, labels, tmp_path, capsys,
                     monkeypatch):
    """Stopped halfway, it goes on, and what is written fits together."""
    unlabeled = people_root / 'images' / 'unlabeled'
    out = tmp_path / 'out'
    calls = []
    predict = ViewNetworks.predict

    def counted(self, items, names):
        if len(calls) == 1:
            calls.append(0)
            raise KeyboardInterrupt
        calls.append(len(items))
        return predict(self, items, names)

    monkeypatch.setattr(ViewNetworks, 'predict', counted)
    arguments = [
        trained.config, trained.checkpoint, unlabeled,
        people_root / 'images' / 'train', '--boxes', 'whole', '--labels',
        labels, '--out', out, '--device', 'cpu', '--batch-size', 3, '--num', 2,
        '--keep', 0.9, '--min-joints', 0.4, '--scales', 1, 1.2
    ]
    with pytest.raises(SystemExit) as info:
        run_command('pseudo', *arguments)
    assert info.value.code == 130
    assert [one.name for one in out.iterdir()] == ['pseudo.journal']
    calls.append(0)
    run_command('pseudo', *arguments)
    said = capsys.readouterr().out
    assert calls == [3, 0, 0, 3, 2], calls
    # labeled images get no pseudo-label
    assert '13 images: 2 chosen' in said and '5 labeled already' in said

    rows = read_csv(out / 'candidates.csv')
    content = json.loads((out / 'pseudo.json').read_text())
    assert len(rows) == 8
    chosen = [one for one in rows if one['state'] == 'chosen']
    joints = content['categories'][0]['keypoints']
    assert [one['file_name'].rpartition('/')[2] for one in content['images']
            ] == [one['image'].rpartition('/')[2] for one in chosen]
    for row, one in zip(chosen, content['annotations']):
        for key in ('score', 'spread', 'weight'):
            found = [float(row[f'{name}_{key}']) for name in joints]
            np.testing.assert_allclose(
                one[f'keypoint_{key}s'], found, rtol=1e-4, atol=1e-6)
        points = np.reshape(one['keypoints'], (-1, 3))
        found = np.array([float(row[f'{name}_x']) for name in joints])
        kept = np.array(one['keypoint_weights']) > 0
        np.testing.assert_allclose(points[kept, 0], found[kept], rtol=1e-5)
        # the others are no labels
        assert ((points[:, 2] == 2) == kept).all() and kept.mean() >= 0.4
        assert one['num_keypoints'] == kept.sum()
        assert one['bbox'] == [0, 0, 95, 119]

    # the folder to train on has both; what is held out stays
    before, after = read_manifest(str(labels)), read_manifest(
        str(out / 'labels'))
    assert after['split'] == before['split']
    assert after['imports'][-1]['held_out'] == before['imports'][-1][
        'held_out']
    name = 'annotations/{}.json'.format
    held = json.loads((out / 'labels' / name('val')).read_text())
    old = json.loads((labels / name('val')).read_text())
    assert [(one['sha256'], two['keypoints'])
            for one, two in zip(held['images'], held['annotations'])
            ] == [(one['sha256'], two['keypoints'])
                  for one, two in zip(old['images'], old['annotations'])]
    train = json.loads((out / 'labels' / name('train')).read_text())
    weighted = [
        one['keypoint_weights'] for one in train['annotations']
        if 'keypoint_weights' in one
    ]
    assert sorted(weighted) == sorted(one['keypoint_weights']
                                      for one in content['annotations'])
    assert len(
        train['annotations']) == 2 + before['counts']['train']['instances']
    assert re.search(
        rf'semipose config {out}/labels (--base \S+ )?--recipe supervised '
        rf'--input-size 96 128 --out {out}/retrain.py', said), said

    # chosen anew without predicting, and not over what somebody has added
    calls.clear()
    calls.extend([0, 0])
    arguments[arguments.index('--num') + 1] = 3
    run_command('pseudo', *arguments)
    assert sum(calls) <= 2  # the last batch is not whole
    assert len(json.loads(
        (out / 'pseudo.json').read_text())['annotations']) == 3
    run_command('import',
                people_root / 'annotations/person_keypoints_train.json',
                '--out', out / 'labels')
    with pytest.raises(SystemExit):
        run_command('pseudo', *arguments)
    assert 'would be written over' in capsys.readouterr().err


@pytest.mark.parametrize('options, message', [
    (['--keep', 0], '--keep is 0, but must be above 0 and at most 1'),
    (['--scales', 1, 9], '--scales is 1 9, but must be'),
    (['--boxes', 'follow'], '--boxes is follow, but must be whole'),
    (['--num', 0], '--num is 0'),
])
def test_refused(refused, trained, options, message):
    assert message in refused('pseudo', trained.config, trained.checkpoint,
                              '.', *options)


def test_base(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text("_base_ = ['mmpose::a/' 'b.py', '/c.py']\n")
    assert base_of(str(path)) == 'mmpose::a/b.py'
    path.write_text("_base_ = './c.py'\n")
    assert base_of(str(path)) is None
