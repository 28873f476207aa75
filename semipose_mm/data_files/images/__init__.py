# Copyright (c) semipose_mm authors.
"""Images: their names, lists of them, and what is wrong with the files."""
from .check import (ImageFault, image_fault, image_size, read_image,
                    read_whole, size_fault)
from .lists import Image, find_size, read_image_list, read_images, scan_images
from .names import (allowed_roots, check_name, describe, is_inside,
                    name_on_disk, say_missing)

__all__ = [
    'Image', 'ImageFault', 'allowed_roots', 'check_name', 'describe',
    'find_size', 'image_fault', 'image_size', 'is_inside', 'name_on_disk',
    'read_image', 'read_image_list', 'read_images', 'read_whole',
    'say_missing', 'scan_images', 'size_fault'
]
