# Copyright (c) semipose_mm authors.
"""Frames are written once, and a call that was killed goes on."""
import json
import os
import shutil

import cv2
import pytest
from video_toys import cut, moving_video, number_of, numbered_video

from semipose_mm.cli import main
from semipose_mm.data_files import WARNING, DataError, Findings
from semipose_mm.videos.rules import RULES
from semipose_mm.videos.writing import find_videos, write_frames


def write(videos, out, **options):
    said = []
    found = write_frames(
        list(map(str, videos)), str(out), say=said.append, **options)
    return found, said


def images(folder):
    return sorted(
        str(one.relative_to(folder)) for one in folder.rglob('*.[jp]*g'))


@pytest.mark.parametrize('rule', RULES)
@pytest.mark.parametrize('image', ['jpg', 'png'])
def test_names_are_numbers_of_frames(tmp_path, rule, image):
    video = numbered_video(tmp_path / 'walk.mp4')
    (one, ), said = write([video],
                          tmp_path / 'out',
                          num=8,
                          rule=rule,
                          image=image)
    assert images(tmp_path / 'out') == one.names
    assert len(one.frames) == 8 and one.total == 40
    for number, name in zip(one.frames, one.names):
        assert name == f'walk/{number:06d}.{image}'
        picture = cv2.imread(str(tmp_path / 'out' / name))
        assert number_of(picture) == number
    manifest = json.loads((tmp_path / 'out/frames.json').read_text())
    entry, = manifest['videos']
    assert entry['video'] == video and entry['rule'] == rule
    assert entry['size'] == os.path.getsize(video)
    assert entry['frames'] == one.frames
    assert said[-1].startswith('walk.mp4: 8 of 40 frames of 64 x 48 pixels')
    assert said[-1].endswith('8 of them written now')


def test_stills_give_few(tmp_path):
    video = moving_video(tmp_path / 'a.avi', num=60, still=30)
    (one, ), said = write([video], tmp_path / 'out', num=40)
    assert sum(number <= 30 for number in one.frames) == 1
    assert len(one.frames) > 25 and one.near > 0
    assert f'{one.near} near-duplicates left out' in said[-1]


def test_goes_on(tmp_path, monkeypatch):
    videos = [numbered_video(tmp_path / name) for name in ('a.mp4', 'b.mp4')]
    write_image, calls = cv2.imwrite, []

    def killed(*args):
        calls.append(args)
        if len(calls) == 13:
            raise KeyboardInterrupt
        return write_image(*args)

    monkeypatch.setattr(cv2, 'imwrite', killed)
    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        write(videos, out, num=10)
    assert len(images(out)) == 12
    there = {one: os.stat(out / one).st_mtime_ns for one in images(out)}
    # what a process that was killed outright leaves beside
    left = out / f'b/.part-{"0" * 32}.000001.jpg'
    left.write_bytes(b'')
    # nothing is chosen again
    monkeypatch.setattr('semipose_mm.videos.writing.by_kmeans', None)
    found, said = write(videos, out, num=10)
    assert not left.exists()
    assert images(out) == found[0].names + found[1].names
    assert all(os.stat(out / one).st_mtime_ns == there[one] for one in there)
    assert [line.split(', ')[-1] for line in said
            ] == ['0 of them written now', '8 of them written now']


def test_another_choice_needs_another_folder(tmp_path):
    video = numbered_video(tmp_path / 'a.mp4')
    out = tmp_path / 'out'
    write([video], out, num=5, rule='stride')
    with pytest.raises(
            DataError,
            match='5 by stride as jpg, but 6 by stride '
            "as jpg are asked for: .* remove 'a' and its entry"):
        write([video], out, num=6, rule='stride')
    # elsewhere the same video has the same frames
    (tmp_path / 'moved').mkdir()
    moved = shutil.move(video, tmp_path / 'moved')
    (one, ), said = write([moved], out, num=5, rule='stride')
    assert one.folder == 'a' and '0 of them written now' in said[-1]
    (out / 'frames.json').write_text('{"videos": [{"a": 1}]}')
    with pytest.raises(DataError, match='frames.json.* cannot be read as'):
        write([moved], out, num=5, rule='stride')


def test_videos_of_one_name(tmp_path):
    for day in ('day1', 'day2'):
        (tmp_path / day).mkdir()
    videos = [
        numbered_video(tmp_path / 'day1/cam.mp4'),
        numbered_video(tmp_path / 'day2/cam.mp4', num=30)
    ]
    found, _ = write(videos, tmp_path / 'out', num=3, rule='stride')
    assert [one.folder for one in found] == ['cam', 'cam_2']
    assert [one.total for one in found] == [40, 30]
    # a copy that keeps its time is the same video
    (tmp_path / 'day3').mkdir()
    videos.append(shutil.copy2(videos[0], tmp_path / 'day3'))
    for _ in range(2):
        found, _ = write(videos, tmp_path / 'out', num=3, rule='stride')
        assert [one.folder for one in found] == ['cam', 'cam_2', 'cam']


def test_a_video_that_changed(tmp_path):
    video = numbered_video(tmp_path / 'a.mp4')
    write([video], tmp_path / 'out', num=3)
    numbered_video(video, num=30)
    with pytest.raises(DataError, match='as it was before it changed'):
        write([video], tmp_path / 'out', num=3)


@pytest.mark.parametrize('rule', ['stride', 'kmeans'])
def test_a_broken_tail(tmp_path, rule):
    """As many frames as asked for, of those that are there."""
    video = numbered_video(tmp_path / 'a.avi', codec='MJPG')
    cut(video)
    findings = Findings()
    (one, ), _ = write([video],
                       tmp_path / 'out',
                       num=6,
                       rule=rule,
                       findings=findings)
    assert len(one.frames) == 6 and one.total < 35
    assert images(tmp_path / 'out') == one.names
    assert len(findings.lines(WARNING)) == 1
    assert '(1 more' not in findings.lines(WARNING)[0]


def test_folders_of_videos(tmp_path):
    one = numbered_video(tmp_path / 'b.avi', num=3)
    two = numbered_video(tmp_path / 'a.mp4', num=3)
    (tmp_path / 'notes.txt').write_text('')
    assert find_videos([str(tmp_path), one]) == [two, one]
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='empty. has no video'):
        find_videos([str(tmp_path / 'empty')])


def test_command(tmp_path, capsys):
    video = numbered_video(tmp_path / 'a.mp4', num=12)
    out = tmp_path / 'out'
    main(['frames', video, '--out', str(out), '--num', '5', '--by', 'stride'])
    said = capsys.readouterr().out
    assert '5 frames of 1 videos in' in said
    assert cv2.imread(f'{out}.jpg').shape[0] > 100
    assert len(images(out)) == 5
    with pytest.raises(SystemExit) as info:
        main(['frames', video, '--out', str(out), '--num', '0'])
    assert info.value.code == 2
    assert '--num is 0, but must be at least 1' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['frames', str(tmp_path / 'no.mp4'), '--out', str(out)])
    line = capsys.readouterr().err
    assert line.count('\n') == 1 and "no.mp4' does not exist" in line
