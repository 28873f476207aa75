# Copyright (c) semipose_mm authors.
"""Tests of the parts of make_config.py: numbers, names, boxes, splits."""
import json

import pytest
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from semipose_mm.data_files import Findings

# ------------------------------------------------------------- schedule


@pytest.mark.parametrize(
    'labels, unlabeled, batch, iterations, burn_in',
    [
        # few samples: the fewest iterations
        (20, 800, 16, 3000, 600),
        (1, 50, 1, 3000, 600),
        # 100 passes over labels, 10 over unlabeled samples
        (4000, 1000, 32, 12500, 2500),
        (1000, 100_000, 32, 31300, 5000),
        (1000, 1_000_000, 32, 100_000, 5000),
        # the loader drops an incomplete batch
        (500, 5, 4, 12500, 2500),
        (500, 0, 32, 3000, 600),
    ])
def test_schedule(labels, unlabeled, batch, iterations, burn_in):
    from semipose_mm.config_maker.schedule import plan_schedule
    plan = plan_schedule(labels, unlabeled)
    assert (plan.batch_size, plan.iterations) == (batch, iterations)
    assert plan.burn_in == plan.ramp_up == burn_in
    assert plan.milestones == [iterations * 0.7, iterations * 0.9]
    assert iterations // plan.val_interval == 10
    assert plan.warm_up < plan.burn_in


@pytest.mark.parametrize('iterations', [1, 3, 20, 500, 1999])
def test_short_schedule(iterations):
    from semipose_mm.config_maker.schedule import plan_schedule
    plan = plan_schedule(100, 100, 8, iterations)
    assert (plan.batch_size, plan.iterations) == (8, iterations)
    # something is left for both networks together
    assert plan.burn_in + plan.ramp_up <= iterations / 2
    assert 1 <= plan.val_interval <= iterations


def test_schedule_of_a_share():
    from semipose_mm.config_maker.recipes import RECIPES, burn_in_share
    from semipose_mm.config_maker.schedule import plan_schedule
    following = 'labels_then_following_ema'
    shares = {
        name: burn_in_share(f'{name}_hooks')
        for name in (*RECIPES, following)
    }
    assert shares == {
        **dict.fromkeys(RECIPES), 'labels_then_ema': 0.75,
        following: 0.5
    }
    plan = plan_schedule(100, 100, 8, 1001).begin(0.5)
    # as the hook rounds it
    assert (plan.burn_in, plan.ramp_up) == (round(0.5 * 1001), 0)


@pytest.mark.parametrize('given, name, reason', [
    ((None, True, False), 'labels_then_ema', 'see docs/results.md'),
    ((None, True, True), 'posedual', '--peer gives a second network'),
    ((None, False, False), 'supervised', 'no unlabeled images'),
    (('posecons', True, False), 'posecons', 'asked for by --recipe'),
])
def test_choice_of_the_recipe(given, name, reason):
    from semipose_mm.config_maker.recipes import choose_recipe
    recipe = choose_recipe(*given)
    assert recipe.name == name and recipe.line.endswith(reason)


# ------------------------------------------------------------ keypoints


def describe(tmp_path, category, yaml=None, findings=None):
    from semipose_mm.config_maker.keypoints import describe_keypoints
    path = None
    if yaml:
        path = tmp_path / 'names.yaml'
        path.write_text(json.dumps(yaml))
    return describe_keypoints(category, 'labels.json', path and str(path),
                              'birds', findings or Findings())


@pytest.mark.parametrize('names, flips', [
    (['nose', 'left_eye', 'right_eye'], [0, 2, 1]),
    (['hall', 'harr'], [0, 1]),
])
def test_flip_pairs(tmp_path, names, flips):
    keypoints = describe(tmp_path, dict(keypoints=names))
    meta = parse_pose_metainfo(keypoints.raw)
    assert meta['flip_indices'] == flips
    assert len(keypoints.pairs) == sum(a < b for a, b in enumerate(flips))
    assert bool(keypoints.unflipped) == (not keypoints.pairs)
    assert not keypoints.sigmas_known


@pytest.mark.parametrize('names, why', [
    (['kp0', 'kp1', 'kp2'], 'no names tell'),
    (['nose'], 'no names tell'),
    (['left_ear', 'right_ear', 'left_paw', 'tail'], 'left_paw: their names'),
    (['left_ear', 'right_ear', 'eye1', 'eye2'], 'eye1, eye2: their names'),
])
def test_doubtful_names_are_not_flipped(tmp_path, names, why):
    assert describe(tmp_path, dict(keypoints=names)).unflipped.startswith(why)
    # unless somebody says so
    for told in (dict(symmetric=True), dict(flip_pairs=[])):
        found = describe(tmp_path, {}, dict(keypoints=names, **told))
        assert not found.unflipped and not found.pairs


def test_a_skeleton_that_cannot_be_drawn(tmp_path):
    findings = Findings()
    category = dict(keypoints=['a', 'b'], skeleton=[[0, 1]])
    assert not describe(
        tmp_path, category, findings=findings).raw['skeleton_info']
    line, = findings.lines('warning')
    assert '[[0, 1]], which cannot be drawn' in line


def test_known_sets():
    from semipose_mm.config_maker.keypoints import known_metainfo, zoo_folder
    for name in ('coco', 'crowdpose', 'ap10k', 'mpii', 'onehand10k'):
        path = f'{zoo_folder()}/_base_/datasets/{name}.py'
        points = Config.fromfile(path).dataset_info.keypoint_info
        names = [points[i].name for i in sorted(points)]
        found = known_metainfo(names)
        info = Config.fromfile(
            f'{zoo_folder()}/_base_/datasets/{found}').dataset_info
        assert [
            info.keypoint_info[i].name for i in sorted(info.keypoint_info)
        ] == names
        assert known_metainfo(names[::-1]) is None
        assert name != 'coco' or found == 'coco.py'
    # 68 points by number are not those of one of the sets of faces
    assert known_metainfo([f'kpt-{i}' for i in range(68)]) is None


def test_metainfo_file(tmp_path):
    from semipose_mm.config_maker.keypoints import metainfo_text
    keypoints = describe(
        tmp_path, dict(keypoints=['other']),
        dict(
            keypoints=['beak', 'wing a', 'wing b'],
            flip_pairs=[['wing a', 'wing b']],
            skeleton=[['beak', 'wing a'], [1, 3]],
            sigmas=[0.1, 0.2, 0.3]))
    path = tmp_path / 'birds_keypoints.py'
    path.write_text(metainfo_text(keypoints, 'birds'))
    meta = parse_pose_metainfo(dict(from_file=str(path)))
    assert meta['flip_indices'] == [0, 2, 1]
    assert meta['skeleton_links'] == [(0, 1), (0, 2)]
    assert meta['sigmas'].tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize('yaml, message', [
    (dict(keypoints=['a', 'a']), 'a list of different names'),
    (dict(keypoints=['a', 'b'], sigmas=[0.1]), 'a list of 2 positive'),
    (dict(keypoints=['a', 'b'], sigmas=[0.1, 0]), 'a list of 2 positive'),
    (dict(keypoints=['a', 'b'], flip_pairs=[['a', 'c']]), 'pairs of names'),
    (dict(keypoints=['a', 'b'], skeleton=[[0, 1]]), 'numbers from 1 to 2'),
    (dict(keypoints=['a', 'b'], symmetric='yes'), 'symmetric is .yes.'),
    (dict(keypoints=['a', 'b'], symmetric=True,
          flip_pairs=[['a', 'b']]), 'with no flip_pairs'),
    (dict(keypoints=['a', 'b', 'c'], flip_pairs=[['a', 'b'], ['b', 'c']
                                                 ]), 'a keypoint comes once'),
])
def test_wrong_descriptions(tmp_path, yaml, message):
    from semipose_mm.config_maker.base import ConfigFault
    with pytest.raises(ConfigFault, match=message) as info:
        describe(tmp_path, dict(keypoints=['x']), yaml)
    assert 'names.yaml' in str(info.value)


# -------------------------------------------------------------- network


@pytest.mark.parametrize('size, codec', [
    ((192, 256), {}),
    ((96, 128),
     dict(heatmap_size=(24, 32), sigma=1.5, unbiased=True,
          blur_kernel_size=9)),
    ((288, 384),
     dict(heatmap_size=(72, 96), sigma=3., unbiased=True,
          blur_kernel_size=17)),
])
def test_codec_sizes(size, codec):
    """Sigmas of larger heatmaps are those of the zoo."""
    from semipose_mm.config_maker.network import resized_codec
    base = dict(
        type='MSRAHeatmap',
        input_size=(192, 256),
        heatmap_size=(48, 64),
        sigma=2)
    expected = dict(input_size=size, **codec) if codec else {}
    assert resized_codec(base, size) == expected


@pytest.mark.parametrize('names',
                         [('w32_8xb64', '256x192', 'w48_8xb32', '384x288'),
                          ('w48_8xb32', '384x288', 'w32_8xb64', '256x192')])
def test_peers_decode_what_they_learn(names):
    from semipose_mm.config_maker.base import read_base
    from semipose_mm.config_maker.network import network_overrides, peer_entry
    one, two = (
        read_base(
            'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-'
            f'{names[i]}-210e_coco-{names[i + 1]}.py', '--base')
        for i in (0, 2))
    own = dict(one.codec)
    own.update(
        network_overrides(one, None, (288, 384)).get('head',
                                                     {}).get('decoder', {}))
    other = peer_entry(one, two, None, (288, 384))['head']['decoder']
    for key, default in dict(unbiased=False, blur_kernel_size=11).items():
        assert other.get(key, default) == own.get(key, default)
    assert other['sigma'] == own['sigma']


def test_cutout_sizes():
    from semipose_mm.config_maker.network import cutout
    assert cutout((192, 256), 17) == {}
    # as configs/_base_/small_schedule.py
    assert cutout((96, 128), 17) == dict(half_size=(5, 10), jitter=5.)
    assert cutout((192, 256), 3) == dict(num=2)


def test_joints_of_the_base_are_forgotten():
    """Numbers of joints in a loss mean others in other data."""
    from semipose_mm.config_maker.base import read_base
    from semipose_mm.config_maker.network import network_overrides
    base = read_base('mmpose::wholebody_2d_keypoint/rtmpose/cocktail14/'
                     'rtmw-m_8xb1024-270e_cocktail14-256x192.py')
    assert base.cfg.model.head.loss.mask
    assert network_overrides(base, 17)['head'] == dict(
        out_channels=17, loss=dict(mask=None))
    assert 'loss' not in network_overrides(base, 133).get('head', {})


def test_decay_by_depth_and_mixed_precision_of_the_base():
    from semipose_mm.config_maker.base import read_base
    from semipose_mm.config_maker.leaf_training import optimizer_lines
    folder = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/'
    base = read_base(folder + 'td-hm_ViTPose-small_8xb64-210e_coco-256x192.py')
    text = '\n'.join(optimizer_lines(base, 1e-3))
    assert "constructor='NetworkLayerDecayOptimWrapperConstructor'" in text
    base = read_base(folder +
                     'td-hm_hrnet-w32_fp16-8xb64-210e_coco-256x192.py')
    text = '\n'.join(optimizer_lines(base, 1e-3))
    assert "type='AnyDeviceAmpOptimWrapper'" in text
