# Copyright (c) semipose_mm authors.
"""Tests of what ``semipose config`` refuses: in one line, nothing is left."""
import importlib.util
import shutil

import pytest
from make_config_toys import (MOBILENET, NAMES, RTMPOSE, SHUFFLENET, ZOO, call,
                              edit, make_birds, options)
from mmengine.config import Config
from mmpose.registry import DATASETS

TRAIN = 'annotations/person_keypoints_train.json'


@pytest.fixture(scope='module')
def birds(people_root, tmp_path_factory):
    return make_birds(people_root, tmp_path_factory.mktemp('own') / 'birds')


# ------------------------------------------------------------- refusals

COCO = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/'


@pytest.mark.parametrize('base, reason, instead', [
    (COCO + 'td-hm_cpm_8xb32-210e_coco-384x288.py', 'head.type is CPMHead',
     COCO + 'td-hm_res50_8xb64-210e_coco-384x288.py'),
    (ZOO + 'topdown_regression/coco/'
     'td-reg_res50_rle-8xb64-210e_coco-256x192.py', 'head.type is RLEHead',
     COCO + 'td-hm_res50_8xb64-210e_coco-256x192.py'),
    (COCO + 'td-hm_hrnet-w32_udp-regress-8xb64-210e_coco-256x192.py',
     'CombinedTargetMSELoss',
     COCO + 'td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192.py'),
    (ZOO + 'dekr/coco/dekr_hrnet-w32_8xb10-140e_coco-512x512.py',
     'model.type is BottomupPoseEstimator', COCO),
])
def test_unsupported_bases(birds, tmp_path, monkeypatch, capsys, base, reason,
                           instead):
    message = refused(monkeypatch, capsys, tmp_path, *options(birds, base))
    assert reason in message and base in message
    assert f'The nearest supported choice is {instead}' in message


def refused(monkeypatch, capsys, folder, *args):
    """The one line of a refusal that leaves nothing behind."""
    before = sorted(folder.rglob('*'))
    capsys.readouterr()
    with pytest.raises(SystemExit) as info:
        call(monkeypatch, folder / 'new' / 'out.py', *args)
    assert info.value.code in (1, 2)
    line, end = capsys.readouterr().err.split('\n')[-2:]
    assert end == '' and line.startswith('semipose config: error: ')
    assert sorted(folder.rglob('*')) == before
    return line


def test_peers_that_do_not_fit(birds, tmp_path, monkeypatch, capsys):
    message = refused(monkeypatch, capsys, tmp_path,
                      *options(birds)[:6], '--peer',
                      COCO + 'td-hm_hrnet-w32_8xb64-210e_coco-384x288.py')
    assert '(288, 384), but model.head.decoder.input_size is (192, 256)' \
        in message and 'Change model.peers[0]' in message
    message = refused(monkeypatch, capsys, tmp_path, *options(birds), '--peer',
                      RTMPOSE)
    assert 'RTMCCHead' in message and 'Change model.peers[0]' in message


def test_an_output_of_another_size(birds, tmp_path, monkeypatch, capsys):
    """Seen in a forward pass alone."""
    base = tmp_path / 'stride.py'
    base.write_text(f"""_base_ = {MOBILENET!r}
model = dict(head=dict(deconv_out_channels=(256, 256),
                       deconv_kernel_sizes=(4, 4)))
""")
    message = refused(monkeypatch, capsys, tmp_path,
                      *options(birds, str(base)))
    assert 'model has an output of shape [(1, 5, 8, 8)], but labels have ' \
        '[(1, 5, 16, 16)]: change its head' in message


def test_optional_package(birds, tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'importlib.util.find_spec', lambda name, *args: None
        if name == 'mmpretrain' else find(name, *args))
    message = refused(
        monkeypatch, capsys, tmp_path,
        *options(birds,
                 COCO + 'td-hm_ViTPose-small_8xb64-210e_coco-256x192.py'))
    assert "pip install 'semipose_mm[mmpretrain]'" in message


@pytest.mark.parametrize('args, message', [
    (['--base', COCO + 'td-hm_res50_coco.py'
      ], 'does not exist; the most similar'),
    (['--input-size', 60, 64], 'need multiples of 32'),
    (['--input-size', 64, 10**5], '64 100000, but a side has at most 2048'),
    (['--labeled', 'nowhere.json'], "nowhere.json' does not exist"),
    (['--labeled', 'a.csv'], "a.csv' does not exist"),
    (['--unlabeled', 'nowhere'], "'nowhere' does not exist"),
    (['--boxes', 'boxes.json'], '--boxes boxes.json needs a COCO file'),
    (['--lr', '-1'], "argument --lr: invalid positive float value: '-1'"),
    (['--iterations', '0'], 'invalid positive int'),
    (['--recipe', 'supervised', '--peer', SHUFFLENET
      ], '--peer needs --recipe posedual'),
    (['--keypoints', 'nowhere.yaml'], '--keypoints nowhere.yaml cannot be'),
    (['--val', 'nowhere.json'], "nowhere.json' does not exist"),
    (['--val-images', 'nowhere'], '--val-images needs --val'),
    (['--images', 'nowhere'], '--images nowhere is no folder'),
])
def test_mistakes(birds, tmp_path, monkeypatch, capsys, args, message):
    assert message in refused(monkeypatch, capsys, tmp_path, *options(birds),
                              *args)


def test_unknown_keys_of_a_description(birds, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'keypoints.yaml'
    path.write_text(f'keypoints: {NAMES}\nflip_pair: [[nose, left_hip]]\n')
    text = refused(monkeypatch, capsys, tmp_path, *options(birds),
                   '--keypoints', str(path))
    assert 'flip_pair' in text and 'may have keypoints, skeleton' in text


def test_no_names(birds, tmp_path, monkeypatch, capsys):
    labels = tmp_path / 'labels.json'
    shutil.copy(birds / TRAIN, labels)
    edit(labels, lambda content: content['categories'][0].pop('keypoints'))
    given = options(birds) + [
        '--labeled', labels, '--labeled-images', birds / 'images/train'
    ]
    message = refused(monkeypatch, capsys, tmp_path, *given)
    assert 'by --keypoints FILE.yaml' in message
    names = tmp_path / 'names.yaml'
    names.write_text(f'keypoints: {NAMES}\n'
                     'flip_pairs: [[left_hip, right_hip]]\n'
                     'sigmas: [0.1, 0.2, 0.2, 0.3, 0.3]\n')
    made = call(monkeypatch, tmp_path / 'out.py', *given, '--keypoints', names)
    cfg = Config.fromfile(made)
    assert cfg.default_hooks.checkpoint.save_best == 'coco/AP'
    metainfo = DATASETS.build(cfg.val_dataloader.dataset).metainfo
    assert metainfo['flip_indices'] == [0, 1, 2, 4, 3]
    assert metainfo['sigmas'].tolist() == pytest.approx(
        [0.1, 0.2, 0.2, 0.3, 0.3])


def test_existing_files_stay(birds, tmp_path, monkeypatch, capsys):
    (tmp_path / 'new').mkdir()
    (tmp_path / 'new' / 'out_val.json').write_text('mine')
    assert 'out_val.json exists already' in refused(monkeypatch, capsys,
                                                    tmp_path, *options(birds))
    assert (tmp_path / 'new' / 'out_val.json').read_text() == 'mine'
    (tmp_path / 'new' / 'out.py').write_text('mine')
    assert 'new/out_val.json exists already' in refused(
        monkeypatch, capsys, tmp_path, *options(birds)), 'all that there is'
