# Copyright (c) semipose_mm authors.
"""A base and an input size for labels, where no option names them."""
import pytest
from mmengine.config import Config
from own_toys import draw, frames, labels, save

from semipose_mm.config_maker.recommend import recommend

PAWS, LIMBS = ['paw_left', 'paw_right', 'nose'], ['l_wrist', 'r_wrist']


@pytest.mark.parametrize('names, num, box, gpu, base, size', [
    (PAWS, 90, (100, 95), True, 'res50_8xb64-210e_ap10k', (128, 128)),
    (PAWS, 2000, (200, 205), True, 'hrnet-w32_8xb64-210e_ap10k', (256, 256)),
    (LIMBS, 90, (80, 190), True, 'res50_8xb64-210e_coco', (192, 256)),
    (LIMBS, 1000, (900, 300), True, 'hrnet-w32_8xb64-210e_coco', (384, 288)),
    (PAWS, 2000, (900, 300), False, 'mobilenetv2_8xb64-210e_coco', (256, 192)),
    (LIMBS, 20, (30, 60), False, 'mobilenetv2_8xb64-210e_coco', (96, 128)),
])
def test_choice(names, num, box, gpu, base, size):
    choice = recommend(names, num, box, gpu)
    assert base in choice.base and choice.input_size == size
    assert all(value % 32 == 0 for value in size)


def test_config_without_a_base(tmp_path, monkeypatch, capsys):
    from semipose_mm.cli import main
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    draw(tmp_path / 'images', frames(6))
    save(tmp_path / 'labels.json', labels(frames(6)))
    main([
        'config', '--labeled', 'labels.json', '--no-timing', '--out', 'own.py'
    ])
    told = capsys.readouterr().out
    assert 'td-hm_mobilenetv2' in told and 'as --base names none' in told
    assert told.index('semipose browse own.py') < told.index('semipose train')
    assert Config.fromfile('own.py').model.backbone.type == 'MobileNetV2'
    with pytest.raises(SystemExit):
        main([
            'config', '--labeled', 'labels.json', '--unlabeled', 'images',
            '--peer', 'mmpose::x.py', '--recipe', 'posedual'
        ])
    assert '--peer needs --base' in capsys.readouterr().err
