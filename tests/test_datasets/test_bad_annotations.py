# Copyright (c) semipose_mm authors.
"""Tests of wrong annotation files and file names that lead outside."""
import json
import os
import time
from unittest.mock import patch

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from torch.utils.data import DataLoader

from semipose_mm.data_files.images import is_inside
from semipose_mm.datasets import SemiPoseSampler, UnlabeledPoseDataset

NAN, INF = float('nan'), float('inf')


@pytest.fixture
def logged():
    """The lines about labels."""
    lines = []
    with patch(
            'semipose_mm.datasets.label_check.print_log',
            side_effect=lambda msg, **kwargs: lines.append(msg)), patch(
                'semipose_mm.datasets.reading.reports.print_log',
                side_effect=lambda msg, **kwargs: lines.append(msg)):
        yield lines


@pytest.fixture
def labels(data_root, tmp_path, semi_cfg, build_semi):
    """A function that changes the labels and builds the dataset."""

    def build(change=None, **overrides):
        content = json.loads((data_root / 'labeled.json').read_text())
        if change is not None:
            content = change(content) or content
        path = tmp_path / 'labels.json'
        path.write_text(json.dumps(content))
        labeled = dict(semi_cfg['labeled'], ann_file=str(path), **overrides)
        return build_semi(labeled=labeled)

    return build


def annotation(index, **fields):
    """A change of an annotation; None takes a field away."""

    def change(content):
        for name, value in fields.items():
            if value is None:
                del content['annotations'][index][name]
            else:
                content['annotations'][index][name] = value

    return change


def image(index, **fields):
    """A change of an image."""

    def change(content):
        content['images'][index].update(fields)

    return change


def boxes(convert):
    """A change of all boxes."""

    def change(content):
        for one in content['annotations']:
            one['bbox'] = convert(*one['bbox'])

    return change


ONE_WRONG = [5.] * 50 + [NAN]


class TestLabels:

    @pytest.mark.parametrize('change, message', [
        (annotation(2, bbox=[1, 2, NAN, 4]), r's\[2\].bbox is .*nan'),
        (annotation(2, bbox=[1, 2, INF, 4]), r's\[2\].bbox is .*inf'),
        (annotation(2, bbox=[1, 2, 1e30, 4]), 'in pixels, at most 1e'),
        (annotation(2, bbox=[1, 2, 10**30, 4]), r's\[2\].bbox'),
        (annotation(2, bbox=[1, 2, 3]), r's\[2\].bbox is'),
        (annotation(2, bbox='1 2 3 4'), r's\[2\].bbox is'),
        (annotation(2, keypoints=ONE_WRONG), r's\[2\].keypoints.*51'),
        (annotation(2, keypoints=[5, 5, 2] * 16),
         r's\[2\].keypoints .*51 finite numbers.*17 joints'),
        (annotation(2, keypoints=[5, 5, INF] * 17), r's\[2\].keypoints'),
        (annotation(2, keypoints=[10**400] * 51), r's\[2\].keypoints'),
        (annotation(2, keypoints='many'), r's\[2\].keypoints'),
        (annotation(2, keypoints=[[5, 5, 2]] * 17), r's\[2\].keypoin'),
        (annotation(2, category_id=None), r's\[2\].category_id'),
        (annotation(2, category_id=[1]), r's\[2\].category_id is \[1\]'),
        (lambda c: c['categories'][0].update(id={}) or None,
         r'categories\[0\].id is {}'),
        (annotation(2, id=None), r's\[2\].id is missing'),
        (annotation(2, id=[3]), r's\[2\].id is \[3\]'),
        (annotation(2, id=101), r's\[2\].id is 101; .*annotations\[1'
         r'\] has the same'),
        (annotation(2, image_id=None), r's\[2\].image_id is missing'),
        (annotation(2, image_id=dict()), r's\[2\].image_id is {}'),
        (image(3, id=1), r'images\[3\].id is 1; .*the same'),
        (image(3, id='three'), r"images\[3\].id is 'three'"),
        (image(3, file_name=7), r'images\[3\].file_name is 7'),
        (image(3, width=None), r'images\[3\] has no width and height'),
        (image(3, height=-2), r'images\[3\].height is -2'),
        (lambda c: [c], 'holds a list; it must be a COCO-style dict'),
        (lambda c: c.pop('images') and None, "has no 'images'"),
        (lambda c: c.pop('annotations') and None, "has no 'annotations'"),
        (lambda c: dict(c, annotations=dict()), "a dict as 'annotations'"),
        (lambda c: dict(c, images=[5]), r'images\[0\] is a int'),
        (lambda c: dict(c, annotations=[5]), r'annotations\[0\] is a int'),
        (boxes(lambda x, y, w, h: [x / 999, y / 999, w / 999, h / 999]),
         'boxes of numbers up to 2.*shares of the width and height'),
        (boxes(lambda x, y, w, h: [1, 1, 9, 9]),
         'only 5% of the labeled joints in their boxes'),
    ])  # yapf: disable
    @pytest.mark.parametrize('lazy', [False, True])
    def test_one_clear_line(self, labels, change, message, lazy):
        with pytest.raises(ValueError, match=message) as error:
            labels(change, lazy_init=lazy).full_init()
        text = str(error.value)
        assert text.startswith('train_dataloader.dataset.labeled.ann_file ')
        assert 'labels.json' in text and '\n' not in text

    def test_boxes_of_another_size_in_their_images(self, logged, labels,
                                                   semi_cfg):
        """Whole images beside boxes of a third of them teach little."""
        tight = boxes(lambda *_: [6, 6, 32, 32])
        labels(tight).full_init()
        assert not any('larger than the labeled ones' in x for x in logged)
        semi_cfg['unlabeled'].update(ann_file='', bbox_file=None)
        labels(tight).full_init()
        line, = (x for x in logged if 'larger than the labeled ones' in x)
        assert line.startswith('train_dataloader.dataset.unlabeled takes '
                               'whole images as boxes that are 1.7 times')

    def test_no_categories(self, labels):
        assert len(labels(lambda c: c.pop('categories') and None)) == 12

    @pytest.mark.parametrize('bbox', [
        [5, 5, 0, 30], [5, 5, 30, -4], [70, 5, 20, 20], [-50, 5, 20, 20]
    ])  # yapf: disable
    def test_left_out_is_counted(self, labels, logged, bbox):
        dataset = labels(annotation(2, bbox=bbox))
        assert dataset.num_labeled == 4
        assert 'annotations[2] is left out' in logged[0]
        assert logged[1].endswith(
            '4 of 5 annotations of labels.json are used, with 68 labeled '
            'joints on 4 images; left out: 1 whose box has no area inside '
            'their image')
        assert len(logged) == 2

    def test_image_that_is_not_listed(self, labels, logged):
        assert labels(annotation(4, image_id=77)).num_labeled == 4
        assert '1 of images that the file does not list' in logged[1]

    def test_nothing_left(self, labels):

        def change(content):
            for entry in content['annotations']:
                entry['iscrowd'] = 1

        for lazy in (False, True):
            with pytest.raises(
                    ValueError,
                    match='labeled uses none of its 5 annotations '
                    'from .*labels.json'):
                labels(change, lazy_init=lazy).full_init()
        with pytest.raises(ValueError, match='labeled uses none of its 0'):
            labels(lambda c: dict(c, annotations=[], images=[]))

    def test_no_visible_joint(self, labels, logged):

        def hide(*indices):

            def change(content):
                for index in indices:
                    entry = content['annotations'][index]
                    entry['keypoints'][2::3] = [0] * 17

            return change

        dataset = labels(hide(1, 3))
        assert dataset.num_labeled == 3
        assert '51 labeled joints on 3 images; left out: 2 without a labeled' \
            in logged[-1]
        with pytest.raises(ValueError, match='uses none of its 5 .* 5 withou'):
            labels(hide(*range(5)))

    def test_fewer_labels_than_a_batch(self, build_semi, semi_cfg):
        dataset = build_semi(labeled=dict(semi_cfg['labeled'], indices=2))
        loader = DataLoader(
            dataset,
            batch_size=5,
            sampler=SemiPoseSampler(dataset, seed=0),
            collate_fn=pseudo_collate)
        used = [
            sample.img_id for batch in loader
            for sample in batch['data_samples']['labeled']
        ]
        assert len(used) == 12 and sorted(set(used)) == [0, 1]
        assert used.count(0) == 6

    def test_other_formats(self, semi_cfg, build_semi, coco_metainfo):
        """What MMPose made of a format that is not COCO's is checked, too."""
        dataset = build_semi()
        kind = type(dataset.labeled)

        class OwnFormat(kind):

            boxes = [[5, 5, 20, 20], [5, 5, NAN, 20]]

            def load_data_list(self):
                return [
                    dict(
                        img_path=self.data_prefix['img'] + '000.png',
                        id=index,
                        bbox=np.array([box], np.float32),
                        keypoints=np.full((1, self.joints, 2), 8, np.float32),
                        keypoints_visible=np.ones((1, self.joints)))
                    for index, box in enumerate(self.boxes)
                ]

        OwnFormat.joints = 17
        labeled = dict(semi_cfg['labeled'], type=OwnFormat)
        with pytest.raises(ValueError, match=r'labeled: sample 1 .*box .*nan'):
            build_semi(labeled=labeled)
        OwnFormat.boxes = [[5, 5, 20, 20], [9, 5, 5, 20]]
        with pytest.raises(ValueError, match='sample 1.*1 of 2 samples'):
            build_semi(labeled=labeled)
        OwnFormat.joints = 16
        with pytest.raises(ValueError, match='sample 0 .*16 keypoints; .* 17'):
            build_semi(labeled=labeled)
        OwnFormat.joints, OwnFormat.boxes = 17, OwnFormat.boxes[:1]
        assert build_semi(labeled=labeled).num_labeled == 1

    @pytest.mark.slow
    def test_many(self, tmp_path, coco_metainfo, semi_cfg, build_semi):
        """The check of 150,000 labels, beside reading them."""
        count = 150000
        keypoints = np.random.default_rng(0).integers(1, 90, (count, 51))
        keypoints[:, 2::3] %= 3
        (tmp_path / 'many.json').write_text(
            json.dumps(
                dict(
                    images=[
                        dict(id=i, file_name=f'{i}.png', width=99, height=99)
                        for i in range(count // 2)
                    ],
                    annotations=[
                        dict(
                            id=i,
                            image_id=i // 2,
                            category_id=1,
                            bbox=[5, 5, 50, 60],
                            keypoints=k)
                        for i, k in enumerate(keypoints.tolist())
                    ])))
        labeled = dict(
            semi_cfg['labeled'],
            ann_file='many.json',
            data_root=str(tmp_path),
            data_prefix=dict(img='images'))
        started = time.process_time()
        DATASETS.build(labeled)
        read = time.process_time() - started
        dataset = build_semi(labeled=dict(labeled, lazy_init=True))
        dataset.labeled.full_init()
        started = time.process_time()
        dataset.full_init()
        checked = time.process_time() - started
        print(f'read in {read:.1f} s, checked in {checked:.1f} s')
        assert dataset.num_labeled == count
        assert checked < read


OUTSIDE = ['../../x.jpg', '/etc/x.jpg', 'a/../../../x.jpg', 's3://b/x.jpg']


class TestFileNames:

    @pytest.mark.parametrize('name', OUTSIDE)
    def test_unlabeled(self, tmp_path, coco_metainfo, name):
        content = dict(
            images=[dict(id=1, file_name='a.png'),
                    dict(id=2, file_name=name)],
            annotations=[dict(image_id=1, bbox=[1, 1, 5, 5])])
        (tmp_path / 'list.json').write_text(json.dumps(content))
        cfg = dict(
            ann_file='list.json',
            data_root=str(tmp_path),
            data_prefix=dict(img='images'),
            metainfo=coco_metainfo)
        with pytest.raises(
                ValueError,
                match=r'list.json., images\[1\].file_name is '
                f'.{name}., .*allow_outside=True'):
            UnlabeledPoseDataset(**cfg)
        assert len(UnlabeledPoseDataset(allow_outside=True, **cfg)) == 1
        (tmp_path / 'list.txt').write_text(f'{name}\n')
        with pytest.raises(
                ValueError, match='list.txt., line 1 is .*allow_outside=True'):
            UnlabeledPoseDataset(**dict(cfg, ann_file='list.txt'))

    @pytest.mark.parametrize('name', OUTSIDE[:3])
    def test_labeled(self, labels, build_semi, semi_cfg, name):
        change = image(2, file_name=name)
        with pytest.raises(
                ValueError,
                match='dataset.labeled: ann_file .*labels.json., '
                r'sample 2 leads to .*x.jpg.*allow_outside=True'):
            labels(change)
        semi_cfg['allow_outside'] = True
        assert labels(change).num_labeled == 5

    def test_one_key_for_both(self, data_root, semi_cfg, build_semi, tmp_path):
        content = json.loads((data_root / 'images.json').read_text())
        for entry in content['images']:
            name = str(data_root / 'images' / entry['file_name'])
            entry['file_name'] = name
        path = tmp_path / 'images.json'
        path.write_text(json.dumps(content))
        cfg = dict(semi_cfg['unlabeled'], ann_file=str(path))
        # absolute names inside of the root are the user's own
        assert build_semi(unlabeled=cfg)[0]
        cfg.update(
            data_root=str(tmp_path),
            bbox_file=str(data_root / 'boxes.json'),
            data_prefix=dict(img='images'))
        with pytest.raises(ValueError, match='allow_outside'):
            build_semi(unlabeled=cfg)
        assert build_semi(unlabeled=cfg, allow_outside=True)[0]

    def test_unlabeled_of_mmpose(self, labels, semi_cfg, build_semi, tmp_path,
                                 pipeline_cfg):
        """Any dataset of MMPose may be the unlabeled one."""
        semi_cfg['allow_outside'] = True
        labels(image(2, file_name='/etc/x.jpg'))
        cfg = dict(semi_cfg['labeled'], ann_file=str(tmp_path / 'labels.json'))
        del cfg['pipeline']
        assert build_semi(unlabeled=cfg).num_unlabeled == 5
        with pytest.raises(
                ValueError, match='dataset.unlabeled: .*sample 2 leads to'):
            build_semi(unlabeled=cfg, allow_outside=False)

    def test_links_are_the_users_own(self, data_root, semi_cfg, build_semi,
                                     tmp_path):
        os.symlink(data_root / 'images', tmp_path / 'link')
        cfg = dict(
            semi_cfg['unlabeled'],
            data_root=str(tmp_path),
            ann_file=str(data_root / 'images.json'),
            bbox_file=str(data_root / 'boxes.json'),
            data_prefix=dict(img='link'))
        assert build_semi(unlabeled=cfg)[0]

    @pytest.mark.parametrize('path, root, inside', [
        ('s3://bucket/a/x.jpg', 's3://bucket/a', True),
        ('s3://bucket/a/../x.jpg', 's3://bucket/a/', False),
        ('s3://bucket/a/../../../x.jpg', 's3://bucket/', False),
        ('cluster:s3://bucket/x.jpg', 'cluster:s3://bucket/', True),
        ('/etc/x.jpg', 's3://bucket/', False),
        ('s3://bucket/x.jpg', '/data', False),
        ('/data/s3://bucket/x.jpg', '/data', False),
        ('/data-of-others/x.jpg', '/data', False),
        ('/x.jpg', '/', True),
        ('images/x.jpg', '', True),
        ('../x.jpg', '', False),
    ])  # yapf: disable
    def test_is_inside(self, path, root, inside):
        assert is_inside(path, [root]) == inside

    def test_remote_images(self, tmp_path, coco_metainfo):
        content = dict(
            images=[dict(id=1, file_name='a.png')],
            annotations=[dict(image_id=1, bbox=[1, 1, 5, 5])])
        (tmp_path / 'list.json').write_text(json.dumps(content))
        dataset = UnlabeledPoseDataset(
            ann_file=str(tmp_path / 'list.json'),
            data_prefix=dict(img='s3://bucket/images/'),
            metainfo=coco_metainfo)
        path = dataset.get_data_info(0)['img_path']
        assert path == 's3://bucket/images/a.png'
