# Copyright (c) semipose_mm authors.
"""Labels of a few frames, as each tool writes them."""
import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ['nose', 'left_ear', 'right_ear']
SIZE = 40, 30
#: Joints of two animals, None where one is not labeled.
FIRST = [(5.5, 6.), (10., 12.), None]
SECOND = [(20., 8.), None, (30.25, 22.)]


def flat(points, visible=2):
    """X, y and visibility of joints, flat."""
    return [
        value for one in points
        for value in ((*one, visible) if one else (0., 0., 0))
    ]


def paint(path, seed=None, size=SIZE):
    """An image that no other one equals.

    Args:
        path (Path): The file.
        seed (int, optional): Equal ones give equal images. Defaults to one
            of the path.
        size (tuple[int, int]): Width and height in pixels.

    Returns:
        Path: The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if seed is None:
        seed = sum(i * ord(one) for i, one in enumerate(str(path), 1))
    pixels = np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def write_table(path, rows, names=NAMES, animals=None, kinds='xy', split=3):
    """A table of DeepLabCut.

    Args:
        path (Path): The csv file.
        rows (dict): Points of each animal, or of the only one, by name of
            the image.
        names (list[str]): Names of the joints.
        animals (list[str], optional): Names of several animals.
        kinds (str | Sequence[str]): Columns of each joint.
        split (int): In how many columns the name of the image stands.
    """
    columns = [(animal, name, kind) for animal in animals or ['']
               for name in names for kind in kinds]
    blank = [''] * (split - 1)
    head = [['scorer', *blank, *['me'] * len(columns)]]
    if animals:
        head.append(['individuals', *blank, *(one[0] for one in columns)])
    head.append(['bodyparts', *blank, *(one[1] for one in columns)])
    head.append(['coords', *blank, *(one[2] for one in columns)])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerows(head)
        for name, people in rows.items():
            people = people if animals else [people]
            values = [
                '' if one is None else value for points in people
                for one in points for value in one or [0] * len(kinds)
            ]
            writer.writerow([*name.split('/', split - 1), *values])


def dlc_project(folder, videos, animals=None, config=True):
    """A project of DeepLabCut.

    Args:
        folder (Path): Where it is made.
        videos (dict): Numbers of the labeled frames of each video.
        animals (list[str], optional): Names of several animals.
        config (bool): Whether it has a ``config.yaml``.

    Returns:
        Path: The folder.
    """
    for video, numbers in videos.items():
        rows = {}
        for number in numbers:
            name = f'labeled-data/{video}/img{number:03d}.png'
            paint(folder / name)
            rows[name] = [FIRST, SECOND] if animals else FIRST
        write_table(
            folder / f'labeled-data/{video}/CollectedData_me.csv',
            rows,
            animals=animals)
    if config:
        (folder / 'config.yaml').write_text(
            'scorer: me\n'
            'bodyparts: [nose, left_ear, right_ear]\n'
            'skeleton: [[nose, left_ear], [nose, right_ear]]\n')
    return folder


def coco_file(path, images, points=FIRST, **category):
    """Labels in COCO's format, without boxes.

    Args:
        path (Path): The file.
        images (Sequence[Path]): Images, with one animal each.
        points (list): Its joints.
        **category: What else the category has.

    Returns:
        Path: The file.
    """
    content = dict(
        images=[
            dict(id=i, file_name=one.name, width=SIZE[0], height=SIZE[1])
            for i, one in enumerate(images, 1)
        ],
        annotations=[
            dict(id=i, image_id=i, category_id=7, keypoints=flat(points))
            for i in range(1,
                           len(images) + 1)
        ],
        categories=[dict(id=7, name='mouse', keypoints=NAMES, **category)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def yolo_folder(folder, **more):
    """A data set of YOLO pose with an image in each of two splits."""
    for part, people in (('train', [FIRST, SECOND]), ('val', [FIRST])):
        paint(folder / f'images/{part}/a_{part}_01.png')
        lines = []
        for points in people:
            joints = [
                f'{(x / SIZE[0]):.9f} {(y / SIZE[1]):.9f} {v}'
                for x, y, v in np.reshape(flat(points), (-1, 3)).astype(object)
            ]
            lines.append(' '.join(['0 0.5 0.5 0.9 0.9', *joints]))
        labels = folder / f'labels/{part}/a_{part}_01.txt'
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text('\n'.join(lines) + '\n')
    paint(folder / 'images/val/a_val_02.png')  # nobody labeled it
    content = dict(
        path='/somewhere/else',
        train='images/train',
        val='images/val',
        kpt_shape=[3, 3],
        flip_idx=[0, 2, 1],
        names={0: 'mouse'},
        kpt_names={0: NAMES})
    content.update(more)
    (folder / 'data.yaml').write_text(
        json.dumps({
            k: v
            for k, v in content.items() if v is not None
        }))
    return folder


def studio_points(points, **more):
    """Results of Label Studio for the joints of an animal."""
    return [
        dict(
            id=f'{more.get("parentID", "")}{name}',
            type='keypointlabels',
            original_width=SIZE[0],
            original_height=SIZE[1],
            value=dict(
                x=100 * one[0] / SIZE[0],
                y=100 * one[1] / SIZE[1],
                keypointlabels=[name]),
            **more) for name, one in zip(NAMES, points) if one
    ]


def studio_file(path, tasks):
    """An export of Label Studio.

    Args:
        path (Path): The file.
        tasks (dict): Results of each image.

    Returns:
        Path: The file.
    """
    path.write_text(
        json.dumps([
            dict(
                id=i,
                data=dict(image=image),
                annotations=[
                    dict(result=[], was_cancelled=True),
                    dict(result=results, was_cancelled=False)
                ]) for i, (image, results) in enumerate(tasks.items())
        ]))
    return path


CVAT_LABELS = '''
<meta><job><labels>
<label><name>mouse</name><type>skeleton</type><svg>&lt;line
 data-type="edge" data-node-from="1" data-node-to="3"&gt;&lt;/line&gt;
&lt;circle data-node-id="1" data-label-name="nose"&gt;&lt;/circle&gt;
&lt;circle data-node-id="3" data-label-name="right_ear"&gt;&lt;/circle&gt;
</svg></label>
<label><name>nose</name><type>points</type><parent>mouse</parent></label>
<label><name>left_ear</name><type>points</type><parent>mouse</parent></label>
<label><name>right_ear</name><type>points</type><parent>mouse</parent></label>
</labels></job></meta>'''


def cvat_file(path, images, labels=CVAT_LABELS):
    """A file of 'CVAT for images'.

    Args:
        path (Path): The file.
        images (dict): What each image holds, as xml.
        labels (str): What the task says of its labels.

    Returns:
        Path: The file.
    """
    inner = ''.join(f'<image id="{i}" name="{name}" width="{SIZE[0]}" '
                    f'height="{SIZE[1]}">{text}</image>'
                    for i, (name, text) in enumerate(images.items()))
    path.write_text('<?xml version="1.0" encoding="utf-8"?>\n<annotations>'
                    f'<version>1.1</version>{labels}{inner}</annotations>')
    return path


def cvat_points(points, tag=True, group=''):
    """Points of an animal, as a skeleton or as a group of points."""
    inner = ''.join(f'<points label="{name}" occluded="{int(i == 1)}" '
                    f'outside="{int(one is None)}" {group} '
                    f'points="{one[0] if one else 1},{one[1] if one else 1}"/>'
                    for i, (name, one) in enumerate(zip(NAMES, points))
                    if one or tag)
    return f'<skeleton label="mouse">{inner}</skeleton>' if tag else inner


def labels_of(folder, part):
    """The file of a part, and from file name to its people."""
    content = json.loads(Path(folder, f'annotations/{part}.json').read_text())
    names = {one['id']: one['file_name'] for one in content['images']}
    people = {name: [] for name in names.values()}
    for one in content['annotations']:
        people[names[one['image_id']]].append(one['keypoints'])
    return content, people


def videos_in(folder, part):
    """Videos of a part."""
    content, _ = labels_of(folder, part)
    return {one['video'] for one in content['images']}


def frames_in(folder, part):
    """Numbers of the frames of a part."""
    content, _ = labels_of(folder, part)
    return [one['frame'] for one in content['images']]


def files_of(folder):
    """Content of all files below a folder."""
    return {
        path: path.read_bytes()
        for path in folder.rglob('*') if path.is_file()
    }
