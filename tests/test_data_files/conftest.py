# Copyright (c) semipose_mm authors.
"""Files and images that a test writes."""
import json

import pytest
from PIL import Image


@pytest.fixture
def write(tmp_path):
    """A function that writes a file and tells its path."""

    def write(content, name='labels.json'):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


@pytest.fixture
def picture(tmp_path):
    """A function that writes an image below a folder."""

    def picture(name, size=(60, 50)):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', size).save(path)
        return path

    return picture
