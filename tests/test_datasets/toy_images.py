# Copyright (c) semipose_mm authors.
"""One small picture in every format, and in every kind of damage."""
import os
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

from semipose_mm.dependencies import parse_release

WIDTH, HEIGHT = 60, 50


def picture():
    """A smooth RGB image, which lossy formats keep closely."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([4 * x, 5 * y, 2 * (x + y)], -1).astype(np.uint8)


def gray():
    """The picture without colors, as RGB."""
    image = Image.fromarray(picture()).convert('L')
    return np.asarray(image.convert('RGB'))


def turned(image):
    """What exif orientation 6 makes of an image."""
    return np.rot90(image, -1)


def exif(orientation=6):
    """Exif data with an orientation."""
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def _save(path, mode='RGB', **options):
    Image.fromarray(picture()).convert(mode).save(path, **options)


def _save_16(path, image):
    cv2.imwrite(path, image[..., ::-1].astype(np.uint16) * 257)


def _save_gray_16(path):
    cv2.imwrite(path, gray()[..., 0].astype(np.uint16) * 257)


def _save_rgba(path):
    image = Image.fromarray(picture()).convert('RGBA')
    image.putalpha(Image.linear_gradient('L').resize(image.size))
    image.save(path)


def _save_palette(path):
    Image.fromarray(picture() // 64 * 64).quantize(256).save(path)


def _save_animated(path):
    frames = [Image.fromarray(i) for i in (picture(), 255 - picture())]
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        **(dict(lossless=True) if path.endswith('webp') else {}))


# name of the file: how it is written, the plain RGB image that it equals,
# and the largest mean difference
READABLE = {
    'plain.png': (_save, picture, 0),
    'plain.jpg': (lambda p: _save(p, quality=95), picture, 3),
    'progressive.jpg':
    (lambda p: _save(p, quality=95, progressive=True), picture, 3),
    'plain.bmp': (_save, picture, 0),
    'plain.tif': (_save, picture, 0),
    'plain.webp': (lambda p: _save(p, lossless=True), picture, 0),
    'gray.png': (lambda p: _save(p, 'L'), gray, 0),
    'gray.jpg': (lambda p: _save(p, 'L', quality=95), gray, 3),
    'gray_alpha.png': (lambda p: _save(p, 'LA'), gray, 0),
    'rgba.png': (_save_rgba, picture, 0),
    'palette.png': (_save_palette, lambda: picture() // 64 * 64, 0),
    'cmyk.jpg': (lambda p: _save(p, 'CMYK', quality=95), picture, 3),
    'rgb16.png': (lambda p: _save_16(p, picture()), picture, 0),
    'rgb16.tif': (lambda p: _save_16(p, picture()), picture, 0),
    'gray16.png': (_save_gray_16, gray, 0),
    'turned.jpg': (lambda p: _save(p, quality=95, exif=exif()),
                   lambda: turned(picture()), 3),
    'turned.png':
    (lambda p: _save(p, exif=exif()), lambda: turned(picture()), 0),
    'appended.jpg': (lambda p: _append(p, 100), picture, 3),
    'much_appended.jpg': (lambda p: _append(p, 10000), picture, 3),
    'animated.png': (_save_animated, picture, 0),
    'animated.webp': (_save_animated, picture, 0),
    'pages.tif': (_save_animated, picture, 0),
}


def _append(path, count):
    _save(path, quality=95)
    with open(path, 'ab') as file:
        file.write(bytes(count))


def _cut(path, share, **options):
    _save(path, **options)
    with open(path, 'rb+') as file:
        file.truncate(int(os.path.getsize(path) * share))


def _zero_tail(path):
    _save(path, quality=95)
    with open(path, 'rb+') as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(bytes(os.path.getsize(path) // 2 + 1))


def _write(path, content):
    with open(path, 'wb') as file:
        file.write(content)


def _chunk(kind, content):
    return (struct.pack('>I', len(content)) + kind + content +
            struct.pack('>I', zlib.crc32(kind + content)))


def save_huge(path, side=100000):
    """A PNG whose header tells a size that no memory holds."""
    header = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    _write(
        path, b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', header) +
        _chunk(b'IDAT', zlib.compress(bytes(1000))) + _chunk(b'IEND', b''))


def _damage(path):
    _save(path)
    with open(path, 'rb') as file:
        content = bytearray(file.read())
    content[content.index(b'IDAT') + 40] ^= 0x55
    _write(path, content)


def _missing(path):
    if os.path.exists(path):
        os.remove(path)


def _save_float(path):
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.float32)).save(path)


# name of the file: how it is written, and what is said about it
BAD = {
    'noise.jpg': (lambda p: _write(p,
                                   bytes(range(1, 200)) * 20),
                  'no image of a known format'),
    'page.jpg':
    (lambda p: _write(p, b'<html>404</html>'), 'no image of a known format'),
    'cut_head.jpg': (lambda p: _write(p, b'\xff\xd8\xff\xe0'), ''),
    'cut_half.jpg': (lambda p: _cut(p, 0.5, quality=95), 'truncated'),
    'cut_late.jpg': (lambda p: _cut(p, 0.99, quality=95), 'truncated'),
    'cut_progressive.jpg':
    (lambda p: _cut(p, 0.9, quality=95, progressive=True), 'truncated'),
    'zeros.jpg': (_zero_tail, 'truncated'),
    'cut_half.png': (lambda p: _cut(p, 0.5), 'truncated'),
    'cut_late.png': (lambda p: _cut(p, 0.97), 'cannot be'),
    'damaged.png': (_damage, 'cannot be loaded'),
    'cut.bmp': (lambda p: _cut(p, 0.9), 'cannot be loaded'),
    'cut.tif': (lambda p: _cut(p, 0.5), 'cannot be'),
    'cut.webp': (lambda p: _cut(p, 0.9), 'cannot be'),
    'empty.png': (lambda p: _write(p, b''), 'is empty'),
    'missing.png': (_missing, 'does not exist'),
    'folder.png': (os.mkdir, 'is a folder'),
    'huge.png': (save_huge, 'too large.*10000000000 pixels'),
    'float.tif': (_save_float, 'floating point'),
    'pipe.jpg': (os.mkfifo, 'no regular file'),
}
if parse_release(cv2.__version__) >= (4, 12, 0):
    READABLE['animated.gif'] = _save_animated, picture, 8
else:
    BAD['animated.gif'] = _save_animated, 'cannot be loaded'
