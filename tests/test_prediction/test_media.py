# Copyright (c) semipose_mm authors.
"""Tests of what is predicted: videos, folders and images, and their frames."""
import cv2
import numpy as np
import pytest
from media_toys import picture, turn_mp4, write_frames

from semipose_mm.data_files import DataError
from semipose_mm.data_files.text import natural_key
from semipose_mm.prediction.frames import ImageFrames, VideoFrames, read_ahead
from semipose_mm.prediction.media import find_media


def test_natural_order():
    names = ['img10.png', 'img2.png', 'a/img1.png', 'img02.png', '7.png']
    assert sorted(
        names, key=natural_key) == [
            '7.png', 'a/img1.png', 'img02.png', 'img2.png', 'img10.png'
        ]


def test_what_is_found(tmp_path):
    (tmp_path / 'frames').mkdir()
    for name in ('img10.png', 'img9.png'):
        cv2.imwrite(str(tmp_path / 'frames' / name), picture(0))
    video = write_frames(tmp_path / 'day1.AVI', 2)
    (tmp_path / 'videos').mkdir()
    for name in ('b10.mp4', 'b9.mp4'):
        (tmp_path / 'videos' / name).write_bytes(name.encode())
    image = str(tmp_path / 'frames' / 'img9.png')
    frames = str(tmp_path / 'frames')
    found = find_media([video, frames, image, str(tmp_path / 'videos')])
    assert [(one.name, one.is_video) for one in found] == [('day1', True),
                                                           ('frames', False),
                                                           ('b9', True),
                                                           ('b10', True),
                                                           ('images', False)]
    assert found[1].images == [f'{frames}/img9.png', f'{frames}/img10.png']
    assert found[4].images == [image]
    digests = {one.digest() for one in found}
    assert len(digests) == 5


@pytest.mark.parametrize('make, message', [
    (lambda p: [p / 'no.mp4'], 'no.mp4'),
    (lambda p: [p / 'a.txt'], 'a.txt is no video (.avi '),
    (lambda p: [p / 'empty'], 'holds no image (.bmp '),
    (lambda p: [p], 'holds 1 images and 1 videos such as v.mp4'),
    (lambda p: [p / 'v.mp4', p / 'other' / 'v.avi'],
     'would both be predicted into v_*.csv'),
])
def test_what_is_refused(tmp_path, make, message):
    for folder in ('empty', 'other'):
        (tmp_path / folder).mkdir()
    for name in ('a.txt', 'v.mp4', 'i.png', 'other/v.avi'):
        (tmp_path / name).write_bytes(b'0')
    with pytest.raises(DataError) as info:
        find_media([str(path) for path in make(tmp_path)])
    assert message in str(info.value) and '\n' not in str(info.value)


@pytest.mark.parametrize('name, code', [('a.avi', 'MJPG'), ('a.mp4', 'mp4v')])
def test_a_video_is_read_from_any_frame(tmp_path, name, code):
    path = write_frames(tmp_path / name, 40, fps=29.97, code=code)
    video = VideoFrames(path)
    assert video.total == 40 and abs(video.fps - 29.97) < 0.01
    frames = list(video.read())
    assert [f.index for f in frames] == list(range(40))
    assert frames[0].size == (96, 120) and video.warning == ''
    for index in (0, 21, 39):
        assert np.abs(frames[index].image.astype(int) -
                      picture(index)).mean() < 8
    later = list(video.read(21))
    assert [f.index for f in later] == list(range(21, 40))
    for one, other in zip(later, frames[21:]):
        assert np.array_equal(one.image, other.image)
    assert list(video.read(40)) == []


def test_a_broken_tail_ends_with_a_warning(tmp_path):
    path = write_frames(tmp_path / 'a.avi', 40)
    content = (tmp_path / 'a.avi').read_bytes()
    (tmp_path / 'a.avi').write_bytes(content[:len(content) * 2 // 3])
    video = VideoFrames(path)
    number = len(list(video.read()))
    assert 15 < number < 35
    assert video.warning.startswith(
        f"video '{path}' ends before frame {number}, but its header names "
        f'{video.total} frames')


def test_no_video(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'no video at all')
    with pytest.raises(DataError, match="a.mp4' cannot be opened"):
        VideoFrames(str(tmp_path / 'a.mp4'))


def test_a_turned_video_is_read_as_it_is_shown(tmp_path):
    path = write_frames(tmp_path / 'a.mp4', 3, code='mp4v')
    turn_mp4(path)
    frame = next(VideoFrames(path).read())
    assert frame.size == (120, 96)
    turned = cv2.rotate(picture(0), cv2.ROTATE_90_CLOCKWISE)
    assert np.abs(frame.image.astype(int) - turned).mean() < 8


def test_images_that_cannot_be_read_say_why(tmp_path):
    cv2.imwrite(str(tmp_path / '1.png'), picture(0))
    (tmp_path / '2.png').write_bytes((tmp_path / '1.png').read_bytes()[:2000])
    media, = find_media([str(tmp_path)])
    good, bad = ImageFrames(media).read()
    assert good.size == (96, 120) and good.reason == ''
    assert bad.size == (0, 0) and 'Error' in bad.reason


def test_read_ahead_keeps_order_and_raises():
    assert list(read_ahead(iter(range(100)), 3)) == list(range(100))

    def fail():
        yield 1
        raise DataError('wrong')

    items = read_ahead(fail(), 3)
    assert next(items) == 1
    with pytest.raises(DataError, match='wrong'):
        next(items)
    endless = read_ahead(iter(int, 1), 3)
    assert next(endless) == 0
    endless.close()  # the thread ends with its reader
