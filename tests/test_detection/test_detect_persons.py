# Copyright (c) semipose_mm authors.
"""Tests of the boxes for unlabeled images."""
import importlib
import json
import os
import os.path as osp
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import CheckpointLoader
from toy_detector import CONFIG, write_detector
from toy_tools import ROOT, run_command

from semipose_mm.cli.parser import ToolParser
from semipose_mm.datasets import UnlabeledPoseDataset

TOOL = osp.join('dataset', 'detect_persons.py')
TOYS = str(Path(__file__).parents[1] / 'toys')
METAINFO = dict(from_file='configs/_base_/datasets/coco.py')

# x, y, width, height of persons and dogs; the best score first
BOXES = {
    'a.png': ([[2, 3, 20, 20], [40, 5, 10, 12]], [[5, 30, 6, 7]]),
    'b.png': ([], [[1, 1, 30, 9]]),
    'sub/c.png': ([[0, 0, 64, 48]], []),
    'sub/d.png': ([[10, 10, 8, 30]], []),
    'sub/e.png': ([[1, 2, 3, 4], [50, 40, 14, 8]][::-1], []),
}


def draw(folder, boxes):
    """Write pictures of 64x48, d of 48x64."""
    for name, kinds in boxes.items():
        shape = (64, 48, 3) if name.endswith('d.png') else (48, 64, 3)
        picture = np.zeros(shape, np.uint8)
        for gray, kind in zip((200, 100), kinds):
            for x, y, w, h in kind:
                picture[y:y + h, x:x + w] = gray
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture)


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
    """A config, a checkpoint and a folder of images."""
    folder = tmp_path_factory.mktemp('toy')
    write_detector(folder)
    draw(folder / 'images', BOXES)
    return folder


@pytest.fixture
def detect(toy, monkeypatch):
    """The tool within this process, without processes that decode."""
    monkeypatch.syspath_prepend(TOYS)
    tool = import_module('semipose_mm.cli.commands.data.detect')
    options = import_module('semipose_mm.cli.commands.data.detect_options')
    for names in options.RANK_VARIABLES:
        for name in names:
            monkeypatch.delenv(name, raising=False)
    schemes = dict(CheckpointLoader._schemes)
    monkeypatch.setattr(CheckpointLoader, '_schemes', schemes)

    def run(images, out, *options, config=None, checkpoint=None, workers=0):
        run_command('detect', config or toy / 'toy.py', checkpoint
                    or toy / 'toy.pth', images, '--out', out, '--score-thr', 0,
                    '--workers', workers, *options)
        return json.loads(out.read_text()) if out.exists() else None

    run.tool = tool
    return run


@pytest.fixture
def mistake(detect, capsys):
    """The one line with which the tool ends."""

    def run(*args, **kwargs):
        capsys.readouterr()
        with pytest.raises(SystemExit) as info:
            detect(*args, **kwargs)
        assert info.value.code == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith('semipose detect: error: ')
        return line[len('semipose detect: error: '):]

    return run


def wanted(kind=0, names=BOXES):
    """Image ids from 1 and boxes of a kind, in order."""
    return [(i, list(map(float, box))) for i, name in enumerate(names, 1)
            for box in BOXES[name][kind]]


def found(detections):
    return [(d['image_id'], d['bbox']) for d in detections]


def read_all(folder):
    """All that a run leaves, apart from its journals."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


# -- what is found


def test_folder(detect, toy, tmp_path, capsys):
    """Boxes of two image shapes and two folders, in the image's pixels."""
    out = tmp_path / 'new' / 'det.json'
    detections = detect(toy / 'images', out, '--batch-size', 4)
    assert found(detections) == wanted()
    assert {d['category_id'] for d in detections} == {1}
    assert detections[0]['score'] == round(400 / 64 / 48, 4)
    images = json.loads((tmp_path / 'new/det.images.json').read_text())
    assert images['categories'] == [dict(id=1, name='person')]
    assert [i['file_name'] for i in images['images']] == list(BOXES)
    assert images['images'][3] == dict(
        id=4, file_name='sub/d.png', width=48, height=64)
    assert json.loads((tmp_path / 'new/det.skipped.json').read_text()) == []
    # what the caller builds next is no detector
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'
    text = capsys.readouterr().out
    assert '6 boxes on 4 of 5 images' in text
    assert '5/5 images, ' in text and ' images/s, ETA 0:00:00' in text


def test_the_dataset_reads_it(detect, toy, tmp_path):
    detect(toy / 'images', tmp_path / 'det.json')
    common = dict(
        ann_file='det.images.json',
        bbox_file='det.json',
        data_root=str(tmp_path),
        data_prefix=dict(img=str(toy / 'images')),
        metainfo=METAINFO,
        category_ids=[1])
    dataset = UnlabeledPoseDataset(**common)
    assert len(dataset) == 6
    info = dataset[2]
    assert info['img_path'] == str(toy / 'images/sub/c.png')
    # clipped to the last pixel, as MMPose clips
    assert info['bbox'].tolist() == [[0, 0, 63, 47]]
    assert len(UnlabeledPoseDataset(max_per_image=1, **common)) == 4


def test_text_list(detect, toy, tmp_path):
    """Sorted, once each, relative to the root where they lie in it."""
    names = ['sub/e.png', str(toy / 'images/a.png'), '', './sub/e.png']
    (tmp_path / 'list.txt').write_text('\n'.join(names))
    detections = detect(tmp_path / 'list.txt', tmp_path / 'det.json',
                        '--img-root', toy / 'images', '--images-out',
                        tmp_path / 'new/mine.json')
    assert found(detections) == wanted(0, ['a.png', 'sub/e.png'])
    images = json.loads((tmp_path / 'new/mine.json').read_text())['images']
    assert [(i['id'], i['file_name']) for i in images] == [(1, 'a.png'),
                                                           (2, 'sub/e.png')]


def image_json(path, categories=(), names=BOXES, width=64):
    """A COCO image list with ids of its own."""
    images = [
        dict(id=900 - i, file_name=n, width=width, height=48)
        for i, n in enumerate(names)
    ]
    path.write_text(json.dumps(dict(images=images, categories=categories)))
    return path


def test_coco_json(detect, toy, tmp_path, capsys):
    """Ids and order of the list, category id by name, sizes compared."""
    categories = [dict(id=18, name='dog'), dict(id=7, name='person')]
    source = image_json(tmp_path / 'images.json', categories)
    root = ['--img-root', toy / 'images']
    dogs = detect(source, tmp_path / 'dogs.json', *root, '--category', 'dog')
    assert found(dogs) == [(901 - i, b) for i, b in wanted(1)]
    assert {d['category_id'] for d in dogs} == {18}
    assert not (tmp_path / 'dogs.images.json').exists()
    assert 'warning: 1 images are not of the size' in capsys.readouterr().out
    by_index = detect(source, tmp_path / 'index.json', *root, '--category', 1,
                      '--category-id', 3)
    assert found(by_index) == found(dogs)
    assert {d['category_id'] for d in by_index} == {3}


def test_threshold_and_limit(detect, toy, tmp_path):
    images = toy / 'images'
    best = detect(images, tmp_path / 'a.json', '--max-per-image', 1)
    assert found(best) == [(1, [2., 3., 20., 20.]), (3, [0., 0., 64., 48.]),
                           (4, [10., 10., 8., 30.]), (5, [50., 40., 14., 8.])]
    high = detect(images, tmp_path / 'b.json', '--score-thr', 0.1)
    assert found(high) == [(1, [2., 3., 20., 20.]), (3, [0., 0., 64., 48.])]


def test_no_box_at_all(detect, toy, tmp_path):
    """Not an error: the images have none."""
    (tmp_path / 'list.txt').write_text('b.png')
    assert detect(tmp_path / 'list.txt', tmp_path / 'det.json', '--img-root',
                  toy / 'images') == []


def test_same_as_mmdet(detect, people_root, tmp_path, monkeypatch):
    """A real detector with random weights against `inference_detector`."""
    from mmdet.apis import inference_detector, init_detector
    from mmengine.config import Config
    cfg = Config.fromfile(
        osp.join(ROOT, 'projects/synthetic_people/configs/rtmdet_people.py'))
    cfg.merge_from_dict({'model.test_cfg.score_thr': 0.0})
    # neither saturated nor all alike
    torch.manual_seed(0)
    model = init_detector(cfg, None, palette='random', device='cpu')
    for name, value in model.named_parameters():
        if 'rtm_cls' in name and value.ndim == 4:
            torch.nn.init.normal_(value, std=0.5)
    config, checkpoint = tmp_path / 'rtm.py', tmp_path / 'rtm.pth'
    cfg.dump(config)
    torch.save(
        dict(
            state_dict=model.state_dict(),
            meta=dict(dataset_meta=dict(classes='person'))), checkpoint)
    images = people_root / 'images/val'
    run_command('detect', config, checkpoint, images, '--out',
                tmp_path / 'det.json', '--batch-size', 3, '--score-thr', 0.02,
                '--workers', 0)
    detections = json.loads((tmp_path / 'det.json').read_text())
    paths = sorted(map(str, images.iterdir()))
    expected = []
    for index, result in enumerate(inference_detector(model, paths), 1):
        instances = result.pred_instances
        height, width = result.ori_shape
        for box, score in zip(instances.bboxes, instances.scores):
            x1, x2 = box[0::2].clamp(0, width).tolist()
            y1, y2 = box[1::2].clamp(0, height).tolist()
            if score >= 0.02 and min(x2 - x1, y2 - y1) > 0.01:
                expected.append([index, x1, y1, x2 - x1, y2 - y1, score])
    assert len(expected) > 20
    got = [[d['image_id'], *d['bbox'], d['score']] for d in detections]
    np.testing.assert_allclose(got, expected, atol=0.021)


def test_figures_of_the_small_detector(people_root, tmp_path, monkeypatch):
    """Recall and precision count what they should."""
    monkeypatch.syspath_prepend(osp.join(ROOT, 'projects/synthetic_people'))
    measure = importlib.import_module('train_detector').measure
    truth = people_root / 'annotations/person_keypoints_val.json'
    boxes = [
        dict(
            image_id=a['image_id'], category_id=1, bbox=a['bbox'], score=score)
        for a in json.loads(truth.read_text())['annotations']
        for score in (0.9, 0.32)
    ]
    boxes[0]['bbox'] = [0, 0, 1, 1]
    boxes[1]['score'] = 0.01
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    scores = measure(str(truth), str(tmp_path / 'boxes.json'))
    # four persons: one is missed, three are found twice by 0.3
    assert scores['recall@0.3'] == scores['recall@0.4'] == 0.75
    assert scores['precision@0.3'] == round(3 / 7, 3)
    assert scores['precision@0.4'] == 0.75


# -- images that cannot be read


@pytest.mark.parametrize('workers', [0, 2])
def test_unreadable_images(detect, toy, tmp_path, workers, capsys):
    """They are listed with the reason and change no id."""
    folder = tmp_path / 'images'
    shutil.copytree(toy / 'images', folder)
    noise = np.random.default_rng(0).integers(0, 60, (48, 64, 3), np.uint8)
    assert cv2.imwrite(str(folder / 'whole.jpg'), noise)
    data = (folder / 'whole.jpg').read_bytes()
    # OpenCV decodes this one half
    (folder / 'aa.jpg').write_bytes(data[:len(data) // 2])
    assert cv2.imread(str(folder / 'aa.jpg')) is not None
    png = (folder / 'b.png').read_bytes()
    (folder / 'b.png').write_bytes(png[:len(png) // 2])
    (folder / 'sub/c.png').write_text('no image')
    (folder / 'sub/f.png').write_bytes(b'')
    os.symlink(tmp_path / 'nowhere.png', folder / 'sub/g.png')
    detections = detect(folder, tmp_path / 'det.json', workers=workers)
    assert found(detections) == [(1, [2., 3., 20., 20.]),
                                 (1, [40., 5., 10., 12.]),
                                 (5, [10., 10., 8., 30.]),
                                 (6, [50., 40., 14., 8.]),
                                 (6, [1., 2., 3., 4.])]
    skipped = json.loads((tmp_path / 'det.skipped.json').read_text())
    assert [(s['image_id'], s['file_name'])
            for s in skipped] == [(2, 'aa.jpg'), (3, 'b.png'),
                                  (4, 'sub/c.png'), (7, 'sub/f.png'),
                                  (8, 'sub/g.png')]
    assert 'truncated' in skipped[0]['reason']
    assert skipped[4]['reason'] == 'no such file'
    images = json.loads((tmp_path / 'det.images.json').read_text())['images']
    assert [i['id'] for i in images] == [1, 5, 6, 9]
    assert '5 images were skipped' in capsys.readouterr().out


def test_no_readable_image(mistake, tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/a.png').write_text('no image')
    line = mistake(tmp_path / 'images', tmp_path / 'det.json')
    assert line.startswith('none of the 1 images could be read')
    assert 'UnidentifiedImageError' in line
    assert not (tmp_path / 'det.json').exists()
    assert (tmp_path / 'det.skipped.json').exists()


# -- shards


def test_shards_are_one_run(detect, toy, tmp_path, monkeypatch, capsys,
                            refused):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    detect(toy / 'images', whole / 'det.json')
    out = parts / 'det.json'
    assert detect(toy / 'images', out, '--shard', '1/3') is None
    assert 'shard 0/3 has not begun' in capsys.readouterr().out
    # as srun starts them, and as torchrun does
    monkeypatch.setenv('SLURM_PROCID', '0')
    monkeypatch.setenv('SLURM_STEP_NUM_TASKS', '3')
    assert detect(toy / 'images', out) is None
    assert 'shard 2/3 has not begun' in refused('detect', '--merge', '--out',
                                                out)
    monkeypatch.setenv('RANK', '2')
    monkeypatch.setenv('WORLD_SIZE', '3')
    detect(toy / 'images', out)
    assert read_all(parts) == read_all(whole)
    out.unlink()
    run_command('detect', '--merge', '--out', out)
    assert read_all(parts) == read_all(whole)
    # a second time, nothing is detected again
    monkeypatch.setattr(
        sys.modules['semipose_mm.detection.model'].PersonFinder, '__call__',
        None)
    detect(toy / 'images', out)
    assert read_all(parts) == read_all(whole)


def test_more_shards_than_images(detect, toy, tmp_path):
    out = tmp_path / 'det.json'
    for shard in range(7):
        detections = detect(toy / 'images', out, '--shard', f'{shard}/7')
    assert found(detections) == wanted()


def test_an_incomplete_shard_is_named(detect, toy, tmp_path, refused):
    out = tmp_path / 'det.json'
    detect(toy / 'images', out, '--shard', '0/2')
    detect(toy / 'images', out, '--shard', '1/2')
    path = tmp_path / 'det.json.journal/shard-0-of-2.jsonl'
    path.write_bytes(path.read_bytes()[:-3])
    assert 'shard 0/2 has 2 of 3 images' in refused('detect', '--merge',
                                                    '--out', out)


# -- being cut off


@pytest.mark.parametrize('length', [10, -1, -150, 400])
def test_unfinished_lines_are_dropped(detect, toy, tmp_path, length):
    """Whatever the journal was cut to, the result is the same."""
    out = tmp_path / 'run' / 'det.json'
    detect(toy / 'images', out, '--batch-size', 2)
    expected = read_all(tmp_path / 'run')
    path = tmp_path / 'run/det.json.journal/shard-0-of-1.jsonl'
    journal = path.read_bytes()
    path.write_bytes(journal[:length])
    out.unlink()
    detect(toy / 'images', out, '--batch-size', 2)
    assert read_all(tmp_path / 'run') == expected
    assert path.read_bytes() == journal


def test_resumed_batches_are_those_of_a_whole_run(detect, toy, tmp_path,
                                                  monkeypatch):
    out = tmp_path / 'det.json'
    detect(toy / 'images', out, '--batch-size', 2)
    path = tmp_path / 'det.json.journal/shard-0-of-1.jsonl'
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(b''.join(lines[:1 + 3]))
    batches = []
    finder = sys.modules['semipose_mm.detection.model'].PersonFinder
    call = finder.__call__
    monkeypatch.setattr(
        finder, '__call__', lambda self, items: batches.append(
            [item['index'] for item in items]) or call(self, items))
    detect(toy / 'images', out, '--batch-size', 2)
    assert batches == [[2, 3], [4]]


def start(toy, folder, *options, delay):
    env = dict(
        os.environ,
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        PYTHONPATH=TOYS,
        TOY_DELAY=str(delay))
    return subprocess.Popen([
        sys.executable,
        osp.join(ROOT, 'tools', TOOL),
        str(toy / 'toy.py'),
        str(toy / 'toy.pth'),
        str(toy / 'many'), '--out',
        str(folder / 'det.json'), '--score-thr', '0', '--batch-size', '2',
        '--workers', '1', *options
    ],
                            env=env,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            universal_newlines=True)


@pytest.mark.long
def test_kill_and_resume(detect, mistake, toy, tmp_path):
    """A run that was killed ends like one that was not, byte by byte."""
    rng = np.random.default_rng(0)
    boxes = {
        f'{i:02d}.png': ([[int(v) for v in rng.integers(1, 20, 4)]], [])
        for i in range(31)
    }
    draw(toy / 'many', boxes)
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    detect(toy / 'many', whole / 'det.json', '--batch-size', 2)
    process = start(toy, cut, delay=0.1)
    path = cut / 'det.json.journal/shard-0-of-1.jsonl'
    journal = whole / 'det.json.journal/shard-0-of-1.jsonl'
    deadline = time.time() + 180
    while not path.exists() or path.read_bytes().count(b'\n') < 6:
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.05)
    # a second process on the same shard is refused at this moment
    line = mistake(toy / 'many', cut / 'det.json', '--batch-size', 2)
    assert 'another process is writing' in line
    process.send_signal(signal.SIGKILL)
    process.communicate()
    partial = path.read_bytes()
    assert 6 <= partial.count(b'\n') < 32
    assert journal.read_bytes().startswith(partial)
    assert not (cut / 'det.json').exists()
    process = start(toy, cut, delay=0)
    text = process.communicate(timeout=180)[0]
    assert process.returncode == 0, text
    assert f'{partial.count(bytes([10])) - 1} of 31 images were done' in text
    assert path.read_bytes() == journal.read_bytes()
    assert read_all(cut) == read_all(whole)


@pytest.mark.parametrize('options, key', [
    (['--score-thr', 0.5], 'score_thr: 0.0, not 0.5'),
    (['--category', 'dog'], "category: 'person', not 'dog'"),
    (['--max-per-image', 3], 'max_per_image: None, not 3'),
    (['--shard', '0/2'], 'with 1 shards, not 2'),
    (['--cfg-options', 'model.delay=0.001'], 'config_sha256'),
])
def test_other_settings_are_refused(detect, mistake, toy, tmp_path, options,
                                    key):
    out = tmp_path / 'det.json'
    detect(toy / 'images', out)
    before = out.read_bytes()
    assert key in mistake(toy / 'images', out, *options)
    assert out.read_bytes() == before


def test_other_files_are_refused(detect, mistake, toy, tmp_path):
    shutil.copytree(toy / 'images', tmp_path / 'images')
    out = tmp_path / 'det.json'
    detect(tmp_path / 'images', out)
    other = torch.load(toy / 'toy.pth', weights_only=True)
    other['state_dict']['scale'] *= 2
    torch.save(other, tmp_path / 'other.pth')
    line = mistake(tmp_path / 'images', out, checkpoint=tmp_path / 'other.pth')
    assert 'checkpoint_sha256' in line and 'choose another --out' in line
    shutil.copy(tmp_path / 'images/a.png', tmp_path / 'images/z.png')
    assert 'images_sha256' in mistake(tmp_path / 'images', out)


def test_a_damaged_journal_is_refused(detect, mistake, toy, tmp_path):
    out = tmp_path / 'det.json'
    detect(toy / 'images', out)
    path = tmp_path / 'det.json.journal/shard-0-of-1.jsonl'
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(b''.join([lines[0], b'\0\0\n', *lines[2:]]))
    assert 'line 2 is damaged' in mistake(toy / 'images', out)
    path.write_bytes(b''.join([lines[0], *lines[2:]]))
    assert 'line 2 is not the record' in mistake(toy / 'images', out)


# -- mistakes


@pytest.mark.parametrize('options, words', [
    (['--category', 'cat'], "one of the detector's 2 classes, person, dog,"),
    (['--category', '2'], 'an index from 0 to 1'),
    (['--score-thr', '1.5'], '--score-thr is 1.5, but must be from 0 to 1'),
    (['--batch-size', '0'], '--batch-size is 0, but must be at least 1'),
    (['--max-per-image', '0'], '--max-per-image is 0'),
    (['--workers', '-1'], '--workers is -1, but must be at least 0'),
    (['--shard', '2/2'], '--shard is 2/2, but must be I/N with I from 0'),
    (['--shard', 'one'], '--shard is one'),
    (['--img-root', '.'], '--img-root is for lists'),
    (['--images-out', 'x.txt'], 'must be a .json file'),
    (['--device', 'cuda:77'], '--device is cuda:77, which cannot be used'),
    (['--merge'], '--merge takes nothing but --out'),
    (['--batchsize', '2'], 'did you mean --batch-size?'),
])
def test_bad_options(mistake, toy, tmp_path, options, words):
    assert words in mistake(toy / 'images', tmp_path / 'det.json', *options)
    assert not list(tmp_path.iterdir())


def test_bad_input(mistake, toy, tmp_path):
    out = tmp_path / 'det.json'
    assert 'there is no file or folder' in mistake(tmp_path / 'x', out)
    (tmp_path / 'empty').mkdir()
    assert 'holds no image' in mistake(tmp_path / 'empty', out)
    assert 'a folder, a .txt list or' in mistake(toy / 'toy.py', out)
    source = image_json(tmp_path / 'images.json', names=['x.png'])
    line = mistake(source, out)
    assert 'none of the 1 images' in line and 'check --img-root' in line
    source.write_text('{"images": [{"id": 1}]}')
    assert 'images[0].file_name is missing' in mistake(source, out)
    source.write_text('[')
    assert 'cannot be read as json' in mistake(source, out)
    source = image_json(source, [dict(id=1, name='mouse')])
    line = mistake(source, out, '--img-root', toy / 'images')
    assert 'has no category person, but mouse; choose an id with' in line
    line = mistake(source, out, '--img-root', toy / 'images', '--images-out',
                   tmp_path / 'x.json')
    assert '--images-out is for a folder' in line


def test_bad_configs(mistake, toy, tmp_path):
    images, out = toy / 'images', tmp_path / 'det.json'
    path = tmp_path / 'x.py'
    assert 'does not exist' in mistake(images, out, config=path)
    path.write_text('x = 1')
    assert 'is no config of a detector' in mistake(images, out, config=path)
    path.write_text('x = (')
    assert 'cannot be read' in mistake(images, out, config=path)
    path.write_text(CONFIG.replace("'ToyDetector',", "'Nothing',"))
    assert 'Nothing is not in the' in mistake(images, out, config=path)
    path.write_text(CONFIG + "model = dict(type='SSDVGG', depth=16)")
    assert 'its model is a SSDVGG' in mistake(images, out, config=path)
    assert not out.exists() and len(list(tmp_path.iterdir())) == 1


def test_bad_checkpoints(mistake, toy, tmp_path):
    images, out = toy / 'images', tmp_path / 'det.json'
    path = tmp_path / 'x.pth'
    assert 'does not exist' in mistake(images, out, checkpoint=path)
    url = 'https://example.com/x.pth'
    assert 'must be a local file' in mistake(images, out, checkpoint=url)
    path.write_text('no checkpoint')
    assert 'cannot be read' in mistake(images, out, checkpoint=path)
    torch.save(dict(state_dict=dict(scale=torch.ones(2))), path)
    line = mistake(images, out, checkpoint=path)
    assert 'scale is (2,) in the checkpoint and (1,) in the model' in line
    torch.save(dict(state_dict=dict(other=torch.ones(2))), path)
    assert 'no parameter in common' in mistake(images, out, checkpoint=path)
    torch.save(dict(state_dict=dict(), meta=dict(run=Malicious())), path)
    assert 'Malicious' in mistake(images, out, checkpoint=path)


class Malicious:
    """What an unsafe loader would call."""

    def __reduce__(self):
        return Malicious, ()


def test_nothing_of_others_is_overwritten(mistake, toy, tmp_path):
    out = tmp_path / 'det.json'
    out.write_text('[]')
    line = mistake(toy / 'images', out)
    assert f'{out} exists already and would be overwritten' in line
    out.rename(tmp_path / 'new.images.json')
    assert 'new.images.json exists' in mistake(toy / 'images',
                                               tmp_path / 'new.json')
    assert 'must end in .json' in mistake(toy / 'images', tmp_path / 'x.pkl')


def test_ranks(detect, monkeypatch, capsys):

    class Args:
        shard = None

    find = import_module(
        'semipose_mm.cli.commands.data.detect_options').find_shard
    parser = ToolParser(prog='semipose detect')
    # a batch script of SLURM is one process
    monkeypatch.setenv('SLURM_PROCID', '0')
    monkeypatch.setenv('SLURM_NTASKS', '8')
    assert find(parser, Args) == (0, 1, 0)
    monkeypatch.setenv('SLURM_PROCID', '5')
    monkeypatch.setenv('SLURM_LOCALID', '1')
    monkeypatch.setenv('SLURM_STEP_NUM_TASKS', '8')
    assert find(parser, Args) == (5, 8, 1)
    monkeypatch.setenv('RANK', '9')
    monkeypatch.setenv('WORLD_SIZE', '9')
    with pytest.raises(SystemExit):
        find(parser, Args)
    assert 'RANK is 9 and WORLD_SIZE is 9' in capsys.readouterr().err
    Args.shard = '1/4'
    assert find(parser, Args) == (1, 4, 0)
