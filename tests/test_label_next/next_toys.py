# Copyright (c) semipose_mm authors.
"""Predictions of toy videos, as ``semipose predict`` writes them."""
import json

import numpy as np

from semipose_mm.prediction.media import find_media

NAMES = ['nose', 'left_ear', 'right_ear']
BOX = [0, 0, 63, 47]
SIZE = 64, 48


def write_predictions(folder, path, poses, names=NAMES, **settings):
    """Predictions of a video or of images.

    Args:
        folder (Path): Where they are written.
        path (Path): The video, or the folder of images.
        poses (dict): (M, K, 3), x, y and score, of each network; nan where
            there is no pose.
        names (list[str]): Names of the joints. Those of three are linked.
        **settings: What else tells the prediction from others.
    """
    media, = find_media([str(path)])
    folder.mkdir(exist_ok=True)
    category = dict(keypoints=names, skeleton=[])
    if names == NAMES:
        category.update(skeleton=[[1, 2], [1, 3]], flip_pairs=[NAMES[1:]])
    for name, values in poses.items():
        images = [
            dict(id=i, width=SIZE[0], height=SIZE[1])
            for i in range(len(values))
        ]
        annotations = []
        for i, pose in enumerate(np.asarray(values)):
            if not np.isnan(pose).any():
                flat = pose.copy()
                flat[:, 2] = 2
                annotations.append(
                    dict(
                        image_id=i,
                        bbox=BOX,
                        keypoints=flat.ravel().tolist(),
                        keypoint_scores=pose[:, 2].tolist()))
        (folder / f'{media.name}_{name}.json').write_text(
            json.dumps(
                dict(
                    images=images,
                    annotations=annotations,
                    categories=[category])))
    about = dict(
        model='toy',
        networks=list(poses),
        input_sha256=media.digest(),
        checkpoint_sha256='c',
        config_sha256='d')
    (folder / f'{media.name}.about.json').write_text(
        json.dumps(dict(settings=dict(about, **settings))))
    return media


def toy_poses(num, seed=0):
    """Poses inside of the image that move, scores between 0.5 and 0.9."""
    rng = np.random.default_rng(seed)
    start = rng.uniform((5, 5), (25, 20), (3, 2))
    steps = rng.uniform(0, .3, (num, 3, 2)).cumsum(0)
    points = np.minimum(start + steps, [60, 44]).round(4)
    scores = rng.uniform(0.5, 0.9, (num, 3, 1)).round(6)
    return np.concatenate([points, scores], 2)
