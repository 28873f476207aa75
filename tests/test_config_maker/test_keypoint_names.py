# Copyright (c) semipose_mm authors.
"""Tests of what names of keypoints tell."""
import random

import pytest

from semipose_mm.data_files.keypoint_names import find_sides


def other_side(name, names):
    """What a flip exchanges a keypoint with, empty if nothing."""
    for one, other in find_sides(names).pairs:
        if name in (one, other):
            return other if name == one else one
    return ''


@pytest.mark.parametrize('left, right', [
    ('left_eye', 'right_eye'),
    ('Left Eye', 'Right Eye'),
    ('EYE_LEFT', 'EYE_RIGHT'),
    ('leftEye', 'rightEye'),
    ('eyeLeft', 'eyeRight'),
    ('LEye', 'REye'),
    ('lEye', 'rEye'),
    ('EyeL', 'EyeR'),
    ('eye_l', 'eye_r'),
    ('l_eye', 'r_eye'),
    ('l.eye', 'r.eye'),
    ('eye-l', 'eye-r'),
    ('left eye', 'right eye'),
    ('L', 'R'),
    ('wing_L2', 'wing_R2'),
    ('L_ear_base', 'R_ear_base'),
    ('leftear1', 'rightear1'),
    ('earleft', 'earright'),
    ('Left_eye', 'right_eye'),
    ('FL_paw', 'FR_paw'),
    ('BL', 'BR'),
    ('pawHL', 'pawHR'),
    ('RL_toe', 'RR_toe'),
    ('FLpaw', 'FRpaw'),
    ('paw_fl', 'paw_fr'),
    ('LF_hoof', 'RF_hoof'),
    ('left_of_right_wing', 'right_of_left_wing'),
    ('Ohr_left_äußeres', 'Ohr_right_äußeres'),
])
def test_ways_to_write_sides(left, right):
    names = ['nose', left, 'tail', right]
    assert find_sides(names) == ([(left, right)], [])
    assert other_side(right, names) == left
    assert other_side('nose', names) == ''


def test_rear_right_is_one_of_two():
    """``RR`` is the right rear, or the rear right one."""
    names = ['FL', 'FR', 'RL', 'RR']
    assert find_sides(names).pairs == [('FL', 'FR'), ('RL', 'RR')]
    names = ['LF', 'RF', 'LR', 'RR']
    assert find_sides(names).pairs == [('LF', 'RF'), ('LR', 'RR')]


@pytest.mark.parametrize('names, doubtful', [
    (['lower', 'ear', 'tail', 'elbow', 'clear', 'collar', 'bright'], []),
    (['left_eye', 'tail'], ['left_eye']),
    (['nose', 'lear', 'rear', 'tail'], ['lear', 'rear']),
    (['rkne', 'lkne', 'head'], ['rkne', 'lkne']),
    (['EYEL', 'EYER'], ['EYEL', 'EYER']),
    (['nose', 'ear1', 'ear2', 'tail'], ['ear1', 'ear2']),
    (['nose', 'earA', 'earB', 'tail'], ['earA', 'earB']),
    (['tail1', 'tail2', 'tail3'], []),
    (['A', 'B', 'C', 'D'], []),
    (['Nase', 'linkes_Ohr', 'rechtes_Ohr'], []),
    (['FL_paw', 'nose'], ['FL_paw']),
    (['left_right', 'nose'], ['left_right']),
])
def test_no_pairs(names, doubtful):
    assert find_sides(names) == ([], doubtful)


def test_pairs_are_an_involution_without_fixed_points():
    pick = random.Random(0)
    parts = [
        'left', 'right', 'Left', 'RIGHT', 'l', 'r', 'L', 'R', 'FL', 'FR', 'RR',
        'LR', 'RL', 'Eye', 'eye', 'ear', 'Lear', '_', '_', ' ', '1', '2', 'ö'
    ]
    for _ in range(3000):
        names = list({
            ''.join(pick.choices(parts, k=pick.randint(1, 4)))
            for _ in range(pick.randint(2, 12))
        })
        pairs, doubtful = find_sides(names)
        flat = [one for pair in pairs for one in pair]
        assert len(set(flat)) == len(flat)
        assert not set(flat) & set(doubtful)
        for one, other in pairs:
            assert one != other
            assert (other_side(one, names), other_side(other, names)) == \
                (other, one)
        # whatever the order of the names
        shuffled = pick.sample(names, len(names))
        assert {frozenset(p) for p in find_sides(shuffled).pairs} == \
            {frozenset(p) for p in pairs}
