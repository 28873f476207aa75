# Copyright (c) semipose_mm authors.
"""Make a wheel of xtcocotools that fits every Python and numpy.

    python tools/misc/pure_xtcocotools.py xtcocotools-1.14.3-*.whl FOLDER

Its only compiled module is pycocotools' own ``_mask``, compiled against numpy
1 for Python up to 3.11; pycocotools has wheels for all. So the module becomes
a line that imports pycocotools', and nothing else changes but the version,
which gets the label 'pycocotools', and the metadata that follow from it.
"""
import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path

LABEL = 'pycocotools'
MASK = b'from pycocotools._mask import *  # noqa: F401,F403\n'
WHEEL = (b'Wheel-Version: 1.0\nGenerator: semipose_mm\n'
         b'Root-Is-Purelib: true\nTag: py3-none-any\n')


def repack(source: Path, folder: Path) -> Path:
    """Write the wheel.

    Args:
        source (Path): A wheel of xtcocotools for any Python and system.
        folder (Path): Where to write.

    Returns:
        Path: The new wheel.
    """
    old_version = source.name.split('-')[1]
    version = f'{old_version}+{LABEL}'
    old_info = f'xtcocotools-{old_version}.dist-info/'
    info = f'xtcocotools-{version}.dist-info/'
    files = {'xtcocotools/_mask.py': MASK}
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if not re.search(r'/_mask\.|/RECORD$', name):
                files[name.replace(old_info, info)] = archive.read(name)
    files[info + 'WHEEL'] = WHEEL
    text = files[info + 'METADATA'].decode('utf-8')
    text = re.sub(r'(?m)^Version: .*', f'Version: {version}', text)
    text = re.sub(r'(?m)^Requires-Dist: cython.*', f'Requires-Dist: {LABEL}',
                  text)
    files[info + 'METADATA'] = text.encode('utf-8')
    record = ''
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        record += f'{name},sha256={digest.rstrip(b"=").decode()},{len(data)}\n'
    files[info + 'RECORD'] = f'{record}{info}RECORD,,\n'.encode()
    target = folder / f'xtcocotools-{version}-py3-none-any.whl'
    with zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target


if __name__ == '__main__':
    print(repack(Path(sys.argv[1]), Path(sys.argv[2])))
