# Copyright (c) semipose_mm authors.
"""Tests of ``semipose subset``."""
import copy
import json
import os
import random
from collections import Counter
from importlib import import_module

import pytest
from mmpose.datasets import CocoDataset
from toy_tools import run_command

# what seed 0 makes the first ones of `instances`
PINNED = [1, 78, 106, 50, 71, 36]


@pytest.fixture
def tool(monkeypatch):
    return import_module('semipose_mm.cli.commands.data.subset')


@pytest.fixture
def call(tool, monkeypatch, capsys):
    """Call the tool; its exit status and what it prints."""

    def run(*args):
        status = 0
        try:
            run_command('subset', *args)
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out + err

    return run


def annotation(index, image, **changes):
    return dict(
        dict(
            id=index,
            image_id=image,
            category_id=1,
            iscrowd=0,
            area=400,
            num_keypoints=1,
            bbox=[10, 10, 20, 20],
            keypoints=[15, 15, 2] + [0, 0, 0] * 16), **changes)


def coco(counts=(1, 3, 2), **changes):
    """A file with so many annotations on its images, in mixed order."""
    images = [
        dict(id=100 - i, file_name=f'{i}.jpg', width=100, height=80)
        for i in range(len(counts))
    ]
    pairs = [(i, n) for i, count in enumerate(counts) for n in range(count)]
    random.Random(0).shuffle(pairs)
    annotations = [
        annotation(7 * k + 1, 100 - i, category_id=1 + k % 2)
        for k, (i, _) in enumerate(pairs)
    ]
    return dict(
        dict(
            info=dict(year=2017),
            licenses=[dict(id=1)],
            images=images,
            annotations=annotations,
            categories=[
                dict(id=1, name='person', keypoints=['a'] * 17),
                dict(id=2, name='bird', keypoints=['a'] * 17)
            ]), **changes)


@pytest.fixture
def source(tmp_path):
    """A function that writes an annotation file."""

    def write(content=None):
        path = tmp_path / 'people.json'
        path.write_text(json.dumps(content or coco()))
        return path

    return write


def mmpose_ids(path, **kwargs):
    dataset = CocoDataset(
        ann_file=str(path), data_prefix=dict(img='x'), **kwargs)
    return [dataset.get_data_info(i)['id'] for i in range(len(dataset))]


def read(folder, name):
    return json.loads((folder / name).read_text())


# ------------------------------------------------------------ which are used


@pytest.mark.parametrize('split', ['train', 'val'])
def test_first_is_what_mmpose_takes(split, data_root, call, tmp_path):
    folder = data_root / 'coco17' / 'annotations'
    name = f'person_keypoints_{split}2017_mini'
    status, text = call(folder / f'{name}.json', '--num', 1, 37, 250,
                        '--out-dir', tmp_path)
    assert status == 0, text
    for num in (1, 37, 250):
        path = tmp_path / f'{name}_first{num}.json'
        expected = mmpose_ids(folder / f'{name}.json', indices=num)
        assert mmpose_ids(path) == expected and len(expected) == num
        manifest = read(tmp_path, f'{name}_first{num}.manifest.json')
        assert manifest['annotation_ids'] == expected


@pytest.mark.parametrize('box, uses', [
    ([10, 10, 5, 5], True), ([99.5, 10, 20, 20], False),
    ([99, 10, 20, 20], True), ([10, 79.5, 20, 20], False),
    ([-30, 10, 20, 20], True)
])  # yapf: disable
def test_released_code_counts_pixels_otherwise(box, uses, tool):
    from semipose_mm.subsets.selection import released_uses
    assert released_uses(box, (100, 80)) == uses


def test_left_out_is_counted(tool):
    from semipose_mm.subsets.selection import usable_instances
    content = coco((2, 2))
    content['annotations'] += [
        annotation(900, 55),
        dict(id=901, image_id=100),
        annotation(902, 100, iscrowd=1)
    ]
    before = copy.deepcopy(content)
    usable = usable_instances(content, 'x.json', {2})
    assert content == before
    assert len(usable.instances) == 2
    assert usable.left_out == {'of other categories': 5}
    assert usable_instances(content, 'x.json').left_out == {
        'crowd': 1,
        'of images that the file does not list': 1,
        'without keypoints': 1
    }


# ------------------------------------------------------------------- orders


@pytest.fixture
def instances(tool):
    from semipose_mm.subsets.selection import usable_instances
    return usable_instances(coco((1, 5, 2, 4, 3, 3)), 'x.json').instances


@pytest.mark.parametrize('rule', [('first', ), ('random', 4),
                                  ('random', 4, 'image')])
def test_subsets_are_nested(rule, call, source, tmp_path):
    path = source(coco((1, 5, 2, 4)))
    options = ['--protocol', rule[0]]
    if len(rule) > 1:
        options += ['--seed', rule[1]]
    if len(rule) > 2:
        options += ['--stratify', rule[2]]
    assert call(path, '--num', 3, 9, 6, '--out-dir', tmp_path / 'a',
                *options)[0] == 0
    # another call, other sizes
    assert call(path, '--num', 12, 4, '--out-dir', tmp_path / 'a',
                *options)[0] == 0
    manifests = [
        json.loads(p.read_text())
        for p in (tmp_path / 'a').glob('*.manifest.json')
    ]
    manifests.sort(key=lambda m: m['num'])
    assert [m['num'] for m in manifests] == [3, 4, 6, 9, 12]
    for small, large in zip(manifests, manifests[1:]):
        assert large['annotation_ids'][:small['num']] == small[
            'annotation_ids']
        assert set(small['image_ids']) <= set(large['image_ids'])


@pytest.mark.parametrize('seed', range(3))
def test_stratified_by_image(seed, instances):
    from semipose_mm.subsets.selection import order_instances
    ordered = order_instances(instances, 'random', seed, 'image')
    sizes = Counter(i.image_id for i in instances)
    assert sorted(ordered) == sorted(instances)
    for num in range(1, len(ordered) + 1):
        counts = Counter(i.image_id for i in ordered[:num])
        assert len(counts) == min(num, len(sizes))
        most = max(counts.values())
        assert all(n >= min(most - 1, sizes[i]) for i, n in counts.items())


def test_random_depends_on_seed_and_ids_alone(instances):
    from semipose_mm.subsets.selection import order_instances
    for stratify in (None, 'image'):
        one = order_instances(instances, 'random', 1, stratify)
        shuffled = random.Random(0).sample(instances, len(instances))
        assert order_instances(shuffled, 'random', 1, stratify) == one
        assert order_instances(instances, 'random', 2, stratify) != one
    # the same for ever: published subsets must stay what they are
    ids = [i.id for i in order_instances(instances, 'random', 0)]
    assert ids[:6] == PINNED


def test_random_is_uniform(instances):
    """Each instance is the first one about equally often."""
    from semipose_mm.subsets.selection import order_instances
    firsts = Counter(
        order_instances(instances, 'random', seed)[0].id
        for seed in range(1800))
    assert len(firsts) == len(instances) == 18
    assert 60 < min(firsts.values()) and max(firsts.values()) < 140


# ------------------------------------------------------------------ the files


def test_content_and_manifest(call, source, tmp_path):
    import hashlib

    from semipose_mm.version import __version__
    content = coco((1, 3, 0, 2))
    path = source(content)
    status, text = call(path, '--num', 3, '--out-dir', tmp_path / 'new' / 'a')
    assert status == 0 and '3 instances on 2 images' in text
    folder = tmp_path / 'new' / 'a'
    assert sorted(os.listdir(folder)) == [
        'people_first3.json', 'people_first3.manifest.json'
    ]
    subset = read(folder, 'people_first3.json')
    for key in ('info', 'licenses', 'categories'):
        assert subset[key] == content[key]
    assert subset['images'] == content['images'][:2]
    ids = [a['id'] for a in subset['annotations']]
    assert [a for a in content['annotations']
            if a['id'] in ids] == subset['annotations']
    manifest = read(folder, 'people_first3.manifest.json')
    assert sorted(manifest['annotation_ids']) == sorted(ids)
    assert manifest['image_ids'] == [100, 99]
    assert manifest['version'] == __version__
    assert (manifest['protocol'], manifest['seed'], manifest['num'],
            manifest['categories']) == ('first', None, 3, None)
    assert manifest['source']['sha256'] == hashlib.sha256(
        path.read_bytes()).hexdigest()
    assert manifest['source']['usable'] == 6
    assert manifest['subset'] == dict(
        file='people_first3.json',
        sha256=hashlib.sha256(
            (folder / 'people_first3.json').read_bytes()).hexdigest(),
        images=2,
        annotations=3,
        labeled_joints=3)


def test_all_instances(call, source, tmp_path):
    content = coco((1, 2))
    content['annotations'][1]['iscrowd'] = 1
    path = source(content)
    assert call(path, '--num', 'all', 1, '--out-dir', tmp_path / 'a')[0] == 0
    assert {'people_first1.json',
            'people_first2.json'} < set(os.listdir(tmp_path / 'a'))


def test_same_bytes_again(call, source, tmp_path):
    for name in 'ab':
        call(source(), '--num', 2, '--out-dir', tmp_path / name, '--protocol',
             'random', '--seed', 5)
    names = os.listdir(tmp_path / 'a')
    assert len(names) == 2
    for name in names:
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' /
                                                        name).read_bytes()


@pytest.mark.parametrize('category, expected', [(['bird'], {2}), (['2'], {2}),
                                                (['person', '2'], {1, 2})])
def test_category(category, expected, call, source, tmp_path):
    path = source(coco((4, 4)))
    status, text = call(path, '--num', 4, '--out-dir', tmp_path / 'a',
                        '--protocol', 'random', '--category', *category)
    assert status == 0, text
    names = os.listdir(tmp_path / 'a')
    subset, = (n for n in names if 'manifest' not in n)
    found = {
        a['category_id']
        for a in read(tmp_path / 'a', subset)['annotations']
    }
    assert found == expected
    manifest, = (n for n in names if 'manifest' in n)
    assert call('--check', tmp_path / 'a' / manifest, path)[0] == 0


def test_nothing_half_written(made, call, monkeypatch):
    """A subset is there with its manifest, or neither."""

    def full(*_):
        raise OSError(28, 'No space left on device')

    folder, before = made[1].parent, sorted(made[1].parent.iterdir())
    monkeypatch.setattr(os, 'replace', full)
    status, text = call(made[0], '--num', 2, '--out-dir', folder)
    assert status == 2 and 'first2.json cannot be written: No space' in text
    assert sorted(folder.iterdir()) == before


# -------------------------------------------------------------------- --check


@pytest.fixture
def made(call, source, tmp_path):
    """A source file, and the path of the manifest of a subset."""
    path = source(coco((1, 3, 2)))
    call(path, '--num', 3, '--out-dir', tmp_path / 'a')
    return path, tmp_path / 'a' / 'people_first3.manifest.json'


def test_check_agrees(made, call):
    status, text = call('--check', made[1], made[0])
    assert status == 0 and text.count('\n') == 1
    assert '3 instances are reproduced' in text
    (made[1].parent / 'people_first3.json').unlink()
    status, text = call('--check', made[1], made[0])
    assert status == 0 and 'not beside the manifest' in text


def test_check_names_what_is_gone(made, call):
    ids = json.loads(made[1].read_text())['annotation_ids']
    content = json.loads(made[0].read_text())
    content['annotations'] = [
        a for a in content['annotations'] if a['id'] != ids[1]
    ]
    made[0].write_text(json.dumps(content))
    status, text = call('--check', made[1], made[0])
    assert status == 1
    assert 'is not the file that the subset was made from' in text
    assert f'1 annotation ids of the manifest are not in {made[0]}: ' \
        f'{ids[1]}\n' in text
    assert f'the manifest alone has {ids[1]}; the rule alone gives' in text


def test_check_of_a_reordered_file(made, call):
    content = json.loads(made[0].read_text())
    content['images'] = content['images'][::-1]
    made[0].write_text(json.dumps(content))
    status, text = call('--check', made[1], made[0])
    assert status == 1 and 'the rule alone gives' in text


def test_check_of_other_bytes_with_the_same_content(made, call):
    made[0].write_text(made[0].read_text() + ' ')
    status, text = call('--check', made[1], made[0])
    assert status == 1 and text.count('\n') == 1 and 'sha256' in text


def test_check_of_an_altered_subset(made, call):
    path = made[1].parent / 'people_first3.json'
    content = json.loads(path.read_text())
    gone = content['annotations'].pop()['id']
    content['annotations'].append(annotation(4711, 100))
    path.write_text(json.dumps(content))
    status, text = call('--check', made[1], made[0])
    assert status == 1 and 'was changed' in text
    assert f'missing annotation ids: {gone}' in text
    assert 'additional annotation ids: 4711' in text


def test_check_of_the_subset_itself(made, call):
    status, text = call('--check', made[1],
                        made[1].parent / 'people_first3.json')
    assert status == 1 and 'is the subset itself' in text


def test_check_of_an_altered_manifest(made, call):
    manifest = json.loads(made[1].read_text())
    manifest['annotation_ids'].reverse()
    made[1].write_text(json.dumps(manifest))
    status, text = call('--check', made[1], made[0])
    assert status == 1 and 'order or number differs from entry 0' in text


@pytest.mark.parametrize('content', ['{"images": [', '[]', '{"images": 3}'])
def test_check_of_a_broken_file(content, made, call):
    made[0].write_text(content)
    status, text = call('--check', made[1], made[0])
    assert status == 1 and text.count('\n') == 1 and str(made[0]) in text


@pytest.mark.parametrize('content', [
    '', '[]', '{"format": "other"}',
    '{"format": "semipose_mm subset manifest 1", "protocol": "first"}'
])
def test_check_with_a_broken_manifest(content, made, call):
    made[1].write_text(content)
    status, text = call('--check', made[1], made[0])
    assert status == 2 and text.count('\n') == 1 and str(made[1]) in text


# ------------------------------------------------------------------- mistakes


@pytest.mark.parametrize('args, message', [
    (['--num', '3'], '--out-dir is missing'),
    (['--out-dir', 'x'], '--num is missing'),
    (['--num', '0', '--out-dir', 'x'
      ], "--num is 0, but must be at least 1, or 'all'"),
    (['--num', 'few', '--out-dir', 'x'
      ], "--num is few, but must be at least 1, or 'all'"),
    (['--num', '7', '--out-dir', 'x'], '--num is 7, but .*6 usable instances'),
    (['--num', '2', '--out-dir', 'x', '--seed', '1'
      ], '--seed needs --protocol random'),
    (['--num', '2', '--out-dir', 'x', '--stratify', 'image'
      ], '--stratify needs --protocol random'),
    (['--num', '2', '--out-dir', 'x', '--category', 'fish'
      ], r'--category fish is none of .* has 1 \(person\), 2 \(bird\)'),
    (['--check', 'm.json', '--num', '2'], '--num cannot be used with --check'),
    (['--check', 'm.json'], 'm.json does not exist'),
    (['--num', '2', '--out-dri', 'x'], 'did you mean --out-dir'),
])
def test_mistakes(args, message, call, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, text = call(source(), *args)
    assert status == 2 and text.count('\n') == 1
    import re
    assert re.search(message, text), text
    assert os.listdir(tmp_path) == ['people.json']


def broken(change):
    content = coco()
    change(content)
    return content


@pytest.mark.parametrize('change, message', [
    (lambda c: c.update(images={}), "a dict as 'images'"),
    (lambda c: c['annotations'][1].update(keypoints=[1, 2]),
     r'annotations\[1\].keypoints is \[1, 2\]'),
])
def test_broken_files(change, message, call, source, tmp_path):
    import re
    path = source(broken(change))
    status, text = call(path, '--num', 2, '--out-dir', tmp_path / 'a')
    assert status == 2 and text.count('\n') == 1
    assert str(path) in text and re.search(message, text), text
    assert not (tmp_path / 'a').exists()
