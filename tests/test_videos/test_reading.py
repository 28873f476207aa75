# Copyright (c) semipose_mm authors.
"""Videos as cameras and phones leave them."""
import pytest
from video_toys import SIZE, cut, number_of, numbered_video, rotate

from semipose_mm.data_files import WARNING, DataError, Findings
from semipose_mm.videos.reading import has_frame, read_frames, video_info


@pytest.mark.parametrize('name, codec, rate', [
    ('a.mp4', 'mp4v', 29.97),
    ('a.avi', 'MJPG', 7.5),
    ('a.mkv', 'mp4v', 240),
])
def test_every_frame_in_order(tmp_path, name, codec, rate):
    path = numbered_video(tmp_path / name, codec=codec, rate=rate)
    info = video_info(path)
    assert info[:2] == SIZE and info.frames == 40
    assert info.rate == pytest.approx(rate, rel=1e-3)
    findings = Findings()
    found = [(i, number_of(frame)) for i, frame in read_frames(path, findings)]
    assert found == [(i, i) for i in range(40)]
    assert not findings.count(WARNING)
    wanted = read_frames(path, wanted={3, 17}.__contains__)
    assert [(i, number_of(frame)) for i, frame in wanted] == [(3, 3), (17, 17)]
    assert has_frame(path, 39) and not has_frame(path, 40)
    assert not has_frame(path, -1)


def test_rotation_of_a_phone(tmp_path):
    path = numbered_video(tmp_path / 'a.mp4')
    (_, before), *_ = read_frames(path)
    rotate(path)
    assert video_info(path)[:2] == SIZE[::-1]
    (_, after), *_ = read_frames(path)
    assert (after == before.swapaxes(0, 1)[:, ::-1]).all()


@pytest.mark.parametrize('name, codec', [('a.avi', 'MJPG'), ('a.mkv', 'mp4v')])
def test_a_broken_tail(tmp_path, name, codec):
    path = numbered_video(tmp_path / name, codec=codec)
    cut(path)
    findings = Findings()
    found = [number_of(frame) for _, frame in read_frames(path, findings)]
    assert 5 < len(found) < 35
    assert found == list(range(len(found)))
    line, = findings.lines(WARNING)
    assert path in line
    assert f'before frame {len(found)}, but its header names 40' in line
    assert not has_frame(path, 39)


def test_what_is_no_video(tmp_path):
    path = numbered_video(tmp_path / 'a.mp4')
    cut(path)
    (tmp_path / 'b.mp4').write_bytes(b'')
    for one, reason in ((path, 'cannot be opened .* cut off'),
                        (tmp_path / 'b.mp4', 'cannot be opened'),
                        (tmp_path / 'c.mp4',
                         'does not exist'), (tmp_path, 'is a folder')):
        for call in (video_info, lambda name: next(read_frames(name))):
            with pytest.raises(DataError, match=f"'{one}' {reason}") as info:
                call(str(one))
            assert '\n' not in str(info.value)
