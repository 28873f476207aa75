# Copyright (c) semipose_mm authors.
"""The content of a small COCO file."""
NAMES = ['nose', 'tail', 'left_paw', 'right_paw']


def entry(number, **fields):
    """An annotation with four labeled joints; None takes a field away."""
    one = dict(
        id=number,
        image_id=number % 4,
        category_id=1,
        bbox=[10, 10, 20, 20],
        area=300,
        iscrowd=0,
        num_keypoints=4,
        keypoints=[12, 13, 2, 15, 16, 1, 20, 21, 2, 25, 26, 2])
    one.update(fields)
    return {key: value for key, value in one.items() if value is not None}


def coco(*entries, names=('0.png', '1.png', '2.png', '3.png')):
    """The content of a file of four images."""
    return dict(
        images=[
            dict(id=i, file_name=name, width=60, height=50)
            for i, name in enumerate(names)
        ],
        annotations=list(entries),
        categories=[dict(id=1, name='cat', keypoints=NAMES)])
