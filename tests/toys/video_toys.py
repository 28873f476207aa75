# Copyright (c) semipose_mm authors.
"""Small videos whose frames say which number they have."""
import struct

import cv2
import numpy as np

SIZE = 64, 48


def frame_of(number, size=SIZE):
    """A frame: six bars are the bits of its number, a corner is grey."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for bit in range(6):
        image[16:, 8 * bit:8 * bit + 8] = 255 * (number >> bit & 1)
    image[:8, -8:] = 128
    return image


def write_video(path, frames, codec='mp4v', rate=25):
    """Write BGR frames of one size; returns the path as text."""
    height, width = frames[0].shape[:2]
    video = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*codec), rate, (width, height))
    for frame in frames:
        video.write(frame)
    video.release()
    return str(path)


def numbered_video(path, num=40, **options):
    """Write a video of numbered frames; returns the path as text."""
    return write_video(path, [frame_of(i) for i in range(num)], **options)


def number_of(frame):
    """The number that a frame of such a video shows."""
    return sum((frame[24:40, 8 * bit + 2:8 * bit + 6].mean() > 128) << bit
               for bit in range(6))


def moving_video(path, num=40, still=10):
    """A square that stands for a while and then moves steadily."""
    frames = []
    for i in range(num):
        frame = np.full((48, 64, 3), 40, np.uint8)
        left = max(0, i - still)
        frame[20:32, left:left + 12] = 220
        frames.append(frame)
    return write_video(path, frames, codec='MJPG')


def cut(path, share=0.6):
    """Cut the end of a file off."""
    with open(path, 'r+b') as file:
        file.truncate(int(share * file.seek(0, 2)))


def rotate(path):
    """Write into an mp4 file that it is to be shown turned clockwise."""
    with open(path, 'r+b') as file:
        data = bytearray(file.read())
        # version 0 of the track header: its matrix is after 40 bytes
        start = data.index(b'tkhd') + 4 + 40
        one = 1 << 16
        data[start:start + 36] = struct.pack('>9i', 0, one, 0, -one, 0, 0,
                                             SIZE[1] * one, 0, 1 << 30)
        file.seek(0)
        file.write(data)
