# Copyright (c) semipose_mm authors.
"""Whether a work folder has been used."""
import pytest

from semipose_mm.launch.work_folder import used_work_folder


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
