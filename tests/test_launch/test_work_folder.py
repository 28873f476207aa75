# Copyright (c) semipose_mm authors.
"""Whether a work folder has been used."""
import pytest

from semipose_mm.launch.work_folder import (is_checkpoint_of,
                                            remove_checkpoints,
                                            used_work_folder)


@pytest.mark.parametrize('names, found', [
    ([], None),
    (['net0-12345678.pth', '20261128_195436', 'own.py', 'a.log'], None),
    (['iter_2.pth', 'iter_10.pth'], 'iter_10.pth and 1 more checkpoint(s)'),
    (['epoch_3.pth'], 'epoch_3.pth'),
    (['best_coco_AP_epoch_12.pth'], 'best_coco_AP_epoch_12.pth'),
    (['last_checkpoint'], 'last_checkpoint'),
])
def test_what_is_there(tmp_path, names, found):
    for name in names:
        (tmp_path / name).write_text('')
    assert used_work_folder(str(tmp_path)) == found
    assert used_work_folder(str(tmp_path / 'none')) is None


def test_only_checkpoints_of_trainings_are_removed(tmp_path):
    for name in ('iter_5.pth', 'last_checkpoint', 'pretrained.pth', 'a.py'):
        (tmp_path / name).write_text('')
    assert is_checkpoint_of(str(tmp_path / 'iter_5.pth'), str(tmp_path))
    assert not is_checkpoint_of(str(tmp_path / 'pretrained.pth'), tmp_path)
    assert not is_checkpoint_of('iter_5.pth', str(tmp_path))
    assert not is_checkpoint_of(None, str(tmp_path))
    remove_checkpoints(str(tmp_path))
    assert sorted(p.name
                  for p in tmp_path.iterdir()) == ['a.py', 'pretrained.pth']
