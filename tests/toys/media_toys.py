# Copyright (c) semipose_mm authors.
"""Small videos and folders of images for tests of prediction."""
import cv2
import numpy as np


def picture(index, size=(96, 120)):
    """A smooth picture with a bright spot that moves, BGR, uint8.

    Args:
        index (int): Where the spot is.
        size (tuple): Width and height.
    """
    width, height = size
    y, x = np.mgrid[:height, :width]
    spot = (20 + 3 * index) % width, (30 + 2 * index) % height
    near = np.exp(-((x - spot[0])**2 + (y - spot[1])**2) / 100.)
    return np.stack([255 * near, 2. * x, 2. * y],
                    -1).clip(0, 255).astype(np.uint8)


def write_frames(path, number, size=(96, 120), fps=25., code='MJPG'):
    """Write a video, ``.avi`` or, with the code ``mp4v``, ``.mp4``."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*code), fps, size)
    assert writer.isOpened()
    for index in range(number):
        writer.write(picture(index, size))
    writer.release()
    return str(path)


def turn_mp4(path):
    """Let the metadata of an mp4 ask for a quarter turn."""
    with open(path, 'r+b') as file:
        content = bytearray(file.read())
        # the matrix stands 44 bytes after the name of the track's header
        place = content.index(b'tkhd') + 44
        matrix = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
        assert content[place:place + 4] == (1 << 16).to_bytes(4, 'big')
        content[place:place + 36] = b''.join(
            value.to_bytes(4, 'big', signed=True) for value in matrix)
        file.seek(0)
        file.write(content)
