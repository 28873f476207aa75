# Copyright (c) semipose_mm authors.
"""Tests of semipose_mm/data_files/images."""
import os
from unicodedata import normalize

import pytest
from PIL import Image as Picture

from semipose_mm.data_files import ERROR, WARNING, DataError, Findings
from semipose_mm.data_files.images import (image_fault, name_on_disk,
                                           read_image_list, read_images,
                                           scan_images, size_fault)

UMLAUT = 'f\xfcr "Anna\'s" video/\xe4 1.png'


@pytest.fixture
def lines(tmp_path, picture):
    """A function that reads a list of images."""
    for name in ('a.png', 'b/c.png', UMLAUT):
        picture(name)

    def lines(content, findings=None, **more):
        if isinstance(content, str):
            content = content.encode()
        (tmp_path / 'list.txt').write_bytes(content)
        images = read_image_list(
            str(tmp_path / 'list.txt'), 'ann_file', str(tmp_path / 'images'),
            findings or Findings(), **more)
        assert all(os.path.isfile(one.path)
                   for one in images.values()) or not more.get('exist', True)
        return [one.name for one in images.values()]

    return lines


class TestLists:

    @pytest.mark.parametrize('content', [
        'a.png\nb/c.png\n', 'a.png\r\nb/c.png', 'a.png\rb/c.png\r',
        '\n  a.png \n\n\tb/c.png\n\n', '# frames\na.png\n#c.png\nb/c.png',
        'a.png\nb\\c.png', '\ufeffa.png\nb/c.png',
        'a.png\nb/c.png'.encode('utf-16'),
    ])  # yapf: disable
    def test_ways_of_writing(self, lines, content):
        findings = Findings()
        assert lines(content, findings) == ['a.png', 'b/c.png']
        assert not findings.count(WARNING)

    def test_file_that_begins_as_a_comment(self, lines, picture):
        picture('#1.png')
        assert lines('#1.png\n#2.png\na.png') == ['#1.png', 'a.png']

    @pytest.mark.parametrize('form', ['NFC', 'NFD'])
    @pytest.mark.parametrize('disk', ['NFC', 'NFD'])
    @pytest.mark.parametrize('separator', '/\\')
    def test_normal_forms(self, tmp_path, picture, form, disk, separator):
        path = picture(normalize(disk, UMLAUT))
        name = normalize(form, UMLAUT).replace('/', separator)
        found = name_on_disk(name, str(tmp_path / 'images'))
        assert os.path.samefile(tmp_path / 'images' / found, path)
        content = dict(images=[dict(id=1, file_name=name)])
        images = read_images(content, 'x', str(tmp_path / 'images'),
                             Findings())
        assert os.path.isfile(images[1].path)

    def test_latin_1(self, lines):
        findings = Findings()
        assert lines(f'a.png\n{UMLAUT}'.encode('latin-1'),
                     findings) == ['a.png', UMLAUT]
        line, = findings.lines(WARNING)
        assert 'list.txt' in line and 'Latin-1' in line
        with pytest.raises(
                DataError, match='line 2 names .*/\xf6.png.*Latin-1.*UTF-8'):
            lines('a.png\n\xf6.png'.encode('latin-1'))

    def test_missing_names_itself(self, lines, picture):
        picture('d.PNG')
        with pytest.raises(
                DataError,
                match=r"list.txt', line 2 names '.*images/d.jpg', which does "
                r'not exist; there is d.PNG in its place \(2 of 4 are'):
            lines('a.png\nd.jpg\nb/c.png\nnone/e.png')
        with pytest.raises(DataError, match='nor does its folder'):
            lines('none/e.png')
        assert lines('a.png\nd.jpg', exist=False) == ['a.png', 'd.jpg']
        assert image_fault(
            str(picture('x.png').parent /
                'a.jpg')).endswith('there is a.png in its place')

    def test_all_faults_are_listed(self, tmp_path):
        content = dict(images=[
            dict(id=1, file_name='a.png', width=0, height=4),
            dict(id=1, file_name='b.png'), dict(id=2), 7,
            dict(file_name='c.png'), dict(id=3, file_name='../../x.png'),
            dict(id=[1]), dict(id=4, file_name=''),
        ])  # yapf: disable
        findings = Findings(False)
        images = read_images(content, 'x', 'images', findings, ['images'])
        assert list(images) == [1] and images[1].size is None
        assert findings.count(ERROR) == 8
        told = '\n'.join(findings.lines(ERROR))
        for text in ('images[0].width is 0; it must be a positive number',
                     'images[1].id is 1; it must be unique, but images[0] has',
                     'images[2].file_name is missing', 'images[3] is a int',
                     'images[4].id is missing', "images[5].file_name is '../"):
            assert text in told


class TestFolders:

    def test_extensions_in_any_case(self, tmp_path, picture):
        names = ['A.PNG', 'b.JpEg', 'c/d.TIF', 'e.png']
        for name in names:
            os.rename(picture('x.png'), picture(name))
        (tmp_path / 'images' / 'list.txt').write_text('e.png')
        assert scan_images(str(tmp_path / 'images'), Findings()) == names

    def test_links_to_itself(self, tmp_path, picture):
        picture('a.png'), picture('z/b.png')
        folder = tmp_path / 'images'
        for link in (folder / 'latest', folder / 'z' / 'up', folder / '0'):
            link.symlink_to(folder)
        (folder / 'q').symlink_to(folder / 'z')
        (tmp_path / 'more').mkdir()
        Picture.new('RGB', (4, 4)).save(tmp_path / 'more' / 'c.png')
        (folder / 'more').symlink_to(tmp_path / 'more')
        assert scan_images(str(folder),
                           Findings()) == ['a.png', 'more/c.png', 'z/b.png']

    def test_no_folder(self):
        with pytest.raises(DataError, match='none.*no such folder'):
            scan_images('none', Findings())
        assert scan_images('none', Findings(False)) == []


@pytest.mark.parametrize('size, listed, words', [
    ((60, 50), (60, 50), None), ((60, 50), (60.4, 49.5), None),
    ((50, 60), (60, 50), '50 x 60 .* 60 x 50.*EXIF'),
    ((30, 25), (60, 50), '30 x 25 .* 60 x 50.*another version'),
])  # yapf: disable
def test_size_fault(size, listed, words):
    fault = size_fault(size, listed)
    if words is None:
        assert fault is None
    else:
        pytest.raises(ValueError, fail, fault).match(words)


def fail(text):
    raise ValueError(text)
