# Copyright (c) semipose_mm authors.
"""The header of plain JPEG files, read without a decoder."""
import struct
from typing import NamedTuple, Optional

from PIL import Image

MARKER, START, END = 0xff, b'\xff\xd8', b'\xff\xd9'
# a whole file has its end marker this near to its own end
TAIL = 4096

FRAMES = (0xc0, 0xc1, 0xc2)  # baseline, extended, progressive
HUFFMAN, SCAN, QUANTIZATION, INTERVAL, COMMENT = 0xc4, 0xda, 0xdb, 0xdd, 0xfe
APPS, SEVERAL_PICTURES = range(0xe0, 0xf0), b'MPF\0'
SKIPPED = (HUFFMAN, INTERVAL, COMMENT, *APPS)

FRAME = struct.Struct('>BHHB')
LENGTH = struct.Struct('>H')


class Frame(NamedTuple):
    """What the header says of a picture.

    Args:
        width (int): In pixels, as stored.
        height (int): In pixels, as stored.
        channels (int): 1, 3 or 4.
    """

    width: int
    height: int
    channels: int


def read_frame(content: bytes) -> Optional[Frame]:
    """Read the header of a JPEG that has nothing odd about it.

    Args:
        content (bytes): The file.

    Returns:
        Frame, optional: None if it is no JPEG, damaged, or of a kind that
        is better left to a library.
    """
    if content[:2] != START:
        return None
    place, frame = 2, None
    try:
        while content[place] == MARKER:
            kind = content[place + 1]
            length, = LENGTH.unpack_from(content, place + 2)
            body, place = place + 4, place + 2 + length
            if length < 2 or place > len(content):
                break
            if kind == SCAN:
                return frame
            if kind == QUANTIZATION:
                fine = _fine_tables(content, body, place)
            elif kind in FRAMES:
                bits, height, width, channels = FRAME.unpack_from(
                    content, body)
                fine = (
                    frame is None and bits == 8 and width > 0 and height > 0
                    and channels in (1, 3, 4)
                    and place - body == FRAME.size + 3 * channels)
                frame = Frame(width, height, channels)
            else:
                fine = (
                    kind in SKIPPED
                    and content[body:body + 4] != SEVERAL_PICTURES)
            if not fine:
                break
    except (IndexError, struct.error):
        pass
    return None


def _fine_tables(content: bytes, place: int, end: int) -> bool:
    """Whether quantization tables fill their segment exactly."""
    while place < end:
        place += 129 if content[place] >> 4 else 65
    return place == end


def is_whole(content: bytes) -> bool:
    """Whether a file is a JPEG without anything odd, and not cut off.

    Args:
        content (bytes): The file.

    Returns:
        bool: If False, a library has the last word.
    """
    frame, limit = read_frame(content), Image.MAX_IMAGE_PIXELS
    return (frame is not None
            and (limit is None or frame.width * frame.height <= limit)
            and content.rfind(END, max(len(content) - TAIL, 0)) >= 0)
