# Copyright (c) semipose_mm authors.
"""Tests of MMPose's zoo: a config trains as PoseDual, or is refused.

docs/zoo.md says which one does what. One of each kind is compared with it
here, all of them are where ``slow`` tests run.
"""
import re
from pathlib import Path

import mmpose
import pytest
import torch
import zoo_table
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from people_toys import ROOT
from zoo import judge, zoo

from semipose_mm.config_maker.base import PREFIX, read_base
from semipose_mm.config_maker.check import build_networks, networks_config
from semipose_mm.config_maker.network import peer_entry

PAGE = Path(ROOT, 'docs', 'zoo.md').read_text(encoding='utf-8')
SAME_VERSION = f'MMPose {mmpose.__version__} ' in PAGE
#: Parts of the names of small networks, the quickest ones first.
SMALL = ('mobilenetv2', 'shufflenet', 'rtmpose-t_', 'cspnext-tiny_udp',
         'vipnas-mbv3_dark', 'rtmw-m', '-small_', 'swin-t', 'pvt-s',
         'litehrnet-18', 'hrnet-w32_8', 'res50_8', '50_')
#: Smallest crops of networks that need more than 64 pixels.
SIZES = dict(SCNet=(128, 128), AlexNet=None)


def rows_of_page():
    """Lines of the tables by config."""
    rows, part = {}, ''
    for line in PAGE.splitlines():
        if line.startswith('## '):
            part = line[3:]
        elif line.startswith('| `'):
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            rows[f'{PREFIX}{part}_2d_keypoint/{cells[0][1:-1]}.py'] = cells
    return rows


ROWS = rows_of_page()
NUMBERED = dict(re.findall(r'^(\d+)\. (.+)$', PAGE, re.MULTILINE))


def one_of_each_kind():
    """A config for each backbone, head, codec and verdict."""
    kinds = {}
    for name, cells in ROWS.items():
        kinds.setdefault(tuple(cells[1:]), name)
    return sorted(kinds.values())


def one_of_each_family():
    """Small configs, so that each backbone, head and codec comes once."""
    seen, chosen = set(), []

    def size(name):
        found = [i for i, part in enumerate(SMALL) if part in name]
        return min(found, default=len(SMALL)), '384' in name, name

    for name in sorted(ROWS, key=size):
        _, *parts, said = ROWS[name]
        if said.startswith('yes') and not set(parts) <= seen:
            seen |= set(parts)
            chosen.append(pytest.param(name, id=Path(name).stem))
    return chosen


# ------------------------------------------------------------- the page


def check_row(name):
    row = judge(name)
    _, backbone, head, codec, said = ROWS[name]
    assert (row.backbone, row.head, row.codec) == (backbone, head, codec)
    if row.verdict == 'no':
        number = said[len('no ('):-1]
        assert NUMBERED[number] == row.reason
    else:
        assert said == ', '.join(filter(None, (row.verdict, row.reason)))


@pytest.mark.skipif(not SAME_VERSION, reason='page of another MMPose')
def test_page_names_all_configs():
    assert list(ROWS) == zoo()
    yes = sum(cells[-1].startswith('yes') for cells in ROWS.values())
    assert f'{yes} of {len(ROWS)} are supported' in PAGE


@pytest.mark.skipif(not SAME_VERSION, reason='page of another MMPose')
@pytest.mark.parametrize(
    'name', [pytest.param(n, id=Path(n).stem) for n in one_of_each_kind()])
def test_kind(name):
    check_row(name)


@pytest.mark.slow
def test_whole_zoo():
    rows = [judge(name) for name in zoo()]
    assert {row.name: row for row in rows}.keys() == set(zoo())
    assert all(row.reason for row in rows if row.verdict == 'no')
    if SAME_VERSION:
        page = zoo_table.page(rows, mmpose.__version__)
        assert page == PAGE


def test_refusals_are_those_that_are_expected():
    """What has no single map or vector for each joint, and nothing else."""
    for reason in NUMBERED.values():
        assert re.search(
            r'(DSNT|MSPN|CPM|RLE|Regression|VisPredict)Head|'
            r'(CombinedTargetMSE|AdaptiveWing)Loss|mmcls\.', reason)
    groups = {group for group in re.findall(r'^## (\w+)$', PAGE, re.M)}
    assert groups == {'animal', 'body', 'face', 'fashion', 'hand', 'wholebody'}


# ----------------------------------------------------- two iterations


def make_dataset(people, base, model):
    """Pairs of generated people for a network."""
    codec = dict(base.codec, **model['head']['decoder'])
    pipeline = [
        dict(type='LoadImage'),
        base.transform('GetBBoxCenterScale', {}),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='EasyAffine'),
        dict(
            base.transform('TopdownAffine', {}),
            input_size=codec['input_size']),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs')
    ]
    labeled = dict(
        type='CocoDataset',
        ann_file=str(people / 'annotations/person_keypoints_train.json'),
        data_prefix=dict(img=f'{people}/images/train/'),
        pipeline=pipeline)
    unlabeled = dict(
        type='UnlabeledPoseDataset',
        data_prefix=dict(img=f'{people}/images/unlabeled/'))
    return DATASETS.build(
        dict(type='SemiPoseDataset', labeled=labeled, unlabeled=unlabeled))


def train_and_predict(people, base, peer=None, size=(64, 64)):
    """Two iterations of two pairs, then a prediction."""
    config = networks_config(base, peer, 17, size)
    model = build_networks(config)
    dataset = make_dataset(people, base, config)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    before = [net.head.state_dict() for net in model.networks]
    before = [{k: v.clone() for k, v in state.items()} for state in before]
    for _ in range(2):
        data = pseudo_collate([dataset[0], dataset[1]])
        losses = model(**model.data_preprocessor(data, True), mode='loss')
        assert set(losses) == {
            f'net{i}/loss_{part}'
            for i in range(2)
            for part in ('sup', 'unsup')
        }
        assert all(0 < loss < float('inf') for loss in losses.values())
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    for net, old in zip(model.networks, before):
        state = net.head.state_dict()
        assert any(not torch.equal(state[k], old[k]) for k in old)
    model.eval()
    item = dataset.labeled[0]
    data = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
    with torch.no_grad():
        result, = model.test_step(data)
    keypoints = result.pred_instances.keypoints
    assert keypoints.shape == (1, 17, 2)
    assert torch.tensor(keypoints).isfinite().all()


@pytest.mark.parametrize('name', one_of_each_family())
def test_family(people_root, name):
    if ROWS[name][-1].endswith('`mmpretrain`'):
        pytest.importorskip('mmpretrain')
    base = read_base(name)
    size = SIZES.get(ROWS[name][1], (64, 64))
    train_and_predict(people_root, base, size=size)


@pytest.mark.parametrize('one, two', [
    ('td-hm_res50_8xb64-210e_coco-256x192',
     'td-hm_hrnet-w32_8xb64-210e_coco-256x192'),
    pytest.param(
        'td-hm_pvt-s_8xb64-210e_coco-256x192',
        'td-hm_mobilenetv2_8xb64-210e_coco-256x192',
        id='without its neck'),
])
def test_two_backbones(people_root, one, two):
    folder = f'{PREFIX}body_2d_keypoint/topdown_heatmap/coco/'
    bases = [read_base(f'{folder}{name}.py') for name in (one, two)]
    peer = peer_entry(*bases, 17, (64, 64))
    train_and_predict(people_root, bases[0], peer)


def test_no_name_of_a_base_is_redefined():
    """A dict of ours would be merged with one of theirs."""
    ours = {
        'keypoints', 'labeled_data', 'unlabeled_data', 'joint_cutout', 'views',
        'peer', 'load', 'box', 'affine', 'pipeline'
    }
    for name in one_of_each_kind():
        path = Path(mmpose.__file__).parent / '.mim/configs' / \
            name[len(PREFIX):]
        assert not ours & set(Config.fromfile(path)), name
