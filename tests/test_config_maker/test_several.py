# Copyright (c) semipose_mm authors.
"""Videos, folders and lists together are the unlabeled images."""
import os

import pytest
from mmengine.config import Config
from mmpose.registry import DATASETS
from own_toys import SIZE, draw, frames, labels, make, save
from video_toys import frame_of, write_video

from semipose_mm.data_files import NOTE, WARNING, DataError


@pytest.fixture
def birds(tmp_path):
    """Six labeled images and two videos."""
    draw(tmp_path / 'images', frames(6))
    save(tmp_path / 'labels.json', labels(frames(6)))
    (tmp_path / 'videos').mkdir()
    for name in ('a', 'b'):
        write_video(tmp_path / f'videos/{name}.mp4',
                    [frame_of(i, SIZE) for i in range(20)])
    return tmp_path


def unlabeled(made):
    """Paths of the unlabeled images that a training reads."""
    cfg = Config.fromfile(made.config)
    dataset = DATASETS.build(cfg.train_dataloader.dataset).unlabeled
    return [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]


def below(paths, root):
    return sorted(os.path.relpath(one, root) for one in paths)


def test_a_video(birds, capsys):
    video = str(birds / 'videos/a.mp4')
    given = dict(labeled=str(birds / 'labels.json'), unlabeled=video, frames=5)
    with pytest.raises(DataError, match='--weights'):
        make(birds / 'cfg/out.py', weights='nowhere.pth', **given)
    assert sorted(os.listdir(birds /
                             'cfg')) == ['out_frames', 'out_frames.jpg']
    capsys.readouterr()
    made = make(birds / 'cfg/out.py', **given)
    # those of the call that failed are found
    assert '5 of 20 frames of 160 x 120 pixels by kmeans' in (
        said := capsys.readouterr().out) and '0 of them written' in said
    found = below(unlabeled(made), birds / 'cfg/out_frames')
    assert len(found) == 5
    assert all(
        one.startswith('a/0000') and one.endswith('.jpg') for one in found)
    assert (birds / 'cfg/out_unlabeled.txt').is_file()
    notes = ' '.join(made.findings.lines(NOTE))
    assert f"--unlabeled '{video}' gives 5 images of {video}" in notes
    assert 'out_frames.jpg shows some of the frames' in notes


def test_all_together(birds):
    draw(birds / 'more/deep', frames(3))
    draw(birds / 'listed', frames(4))
    (birds / 'some.txt').write_text('listed/000001.png\nlisted/000003.png\n')
    made = make(
        birds / 'out.py',
        labeled=str(birds / 'labels.json'),
        unlabeled=[
            str(birds / one)
            for one in ('videos', 'more', 'some.txt', 'images')
        ],
        frames=4,
        frames_by='stride')
    found = below(unlabeled(made), birds)
    assert sum(one.startswith('out_frames/a/') for one in found) == 4
    assert sum(one.startswith('out_frames/b/') for one in found) == 4
    assert [one for one in found if one.startswith(('more', 'listed'))] == [
        'listed/000001.png', 'listed/000003.png',
        *(f'more/deep/{one}' for one in frames(3))
    ]
    # without the images that validate
    validating = DATASETS.build(
        Config.fromfile(made.config).val_dataloader.dataset)
    own = {
        os.path.basename(validating.get_data_info(i)['img_path'])
        for i in range(len(validating))
    }
    assert {one[7:]
            for one in found
            if one.startswith('images/')} == set(frames(6)) - own
    note = ' '.join(made.findings.lines(NOTE))
    for text in (f'8 images of {birds}/videos', f'3 images of {birds}/more',
                 f'2 images of {birds}/some.txt',
                 f'6 images of {birds}/images'):
        assert text in note


def test_what_cannot_be_read_is_left_out(birds):
    """As of a single folder; a list has to be right."""
    draw(birds / 'more', frames(3))
    (birds / 'more/empty.png').write_bytes(b'')
    (birds / 'more/dangling.png').symlink_to('nowhere.png')
    given = dict(labeled=str(birds / 'labels.json'))
    made = make(
        birds / 'out.py',
        unlabeled=[str(birds / one) for one in ('images', 'more')],
        **given)
    assert f'3 images of {birds}/more, without 2 that cannot be read' in \
        ' '.join(made.findings.lines(NOTE))
    said = ' '.join(made.findings.lines(WARNING))
    assert 'empty.png' in said and "dangling.png' is a link to " \
        "'nowhere.png', which does not exist, so that it is left out" in said
    (birds / 'bad').mkdir()
    (birds / 'bad/empty.png').write_bytes(b'')
    with pytest.raises(DataError, match='among 1, .*empty.png. is empty'):
        make(birds / 'bad.py', unlabeled=str(birds / 'bad'), **given)
    content = labels(frames(6))
    for one in content['annotations']:  # is a warning, too, before the others
        one.update(num_keypoints=3)
        one['keypoints'][-1] = 0
    given = dict(labeled=save(birds / 'labels.json', content))
    for unlabeled in ('bad', 'bad'), ('bad', ):
        with pytest.raises(DataError, match='no usable .*empty.png. is empty'):
            make(
                birds / 'bad.py',
                unlabeled=[str(birds / one) for one in unlabeled],
                **given)
    (birds / 'bad/empty.png').unlink()
    with pytest.raises(DataError, match='among 0; images are files that end'):
        make(birds / 'bad.py', unlabeled=str(birds / 'bad'), **given)


def test_a_list_that_names_images_again(birds):
    (birds / 'some.txt').write_text('images/000001.png\n' * 3)
    made = make(
        birds / 'out.py',
        labeled=str(birds / 'labels.json'),
        unlabeled=str(birds / 'some.txt'))
    assert "some.txt' names 2 of its 3 images again" in ' '.join(
        made.findings.lines(WARNING))


@pytest.mark.parametrize('sources, options, message', [
    (['images', 'labels.json'], {}, 'labels.json. cannot be one of several'),
    (['images', 'no'], {}, "no' does not exist"),
    (['no.mp4'], {}, "no.mp4' does not exist"),
    (['images'], dict(frames=3), '--frames needs a video as --unlabeled'),
    (['images'], dict(frames_by='stride'), '--frames-by needs a video'),
    (['videos/a.mp4'], dict(frames_by='all'), '--frames-by is all, but must'),
    (None, dict(frames=3), '--frames needs --unlabeled'),
    (['videos/a.mp4'], dict(boxes='b.json'), '--boxes b.json needs a COCO'),
    (['images', 'videos'], dict(boxes='b.json'), '--boxes b.json needs a'),
    (['images', 'videos'
      ], dict(unlabeled_images='.'), '--unlabeled-images has no meaning'),
    (['broken.mp4'], {}, "broken.mp4' cannot be opened by OpenCV"),
])
def test_refusals(birds, sources, options, message):
    (birds / 'broken.mp4').write_bytes(b'no video')
    sources = sources and [str(birds / one) for one in sources]
    with pytest.raises(DataError, match=message) as info:
        make(
            birds / 'new/out.py',
            labeled=str(birds / 'labels.json'),
            unlabeled=sources,
            **options)
    assert '\n' not in str(info.value)
    assert not (birds / 'new').exists()
