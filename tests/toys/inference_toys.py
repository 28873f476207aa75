# Copyright (c) semipose_mm authors.
"""Every way in which MMPose predicts; also a script without this package.

``python inference_toys.py JOBS.json OUT.json`` works through a list of
keyword arguments of :func:`every_way`, in a process in which the plugin
cannot be imported.
"""
import json
import sys
from pathlib import Path

if __name__ == '__main__':
    sys.modules['semipose_mm'] = None

import cv2
import mmcv
import torch
from mmpose.apis import (MMPoseInferencer, Pose2DInferencer, inference_topdown,
                         init_model)


def make_video(path, images):
    """Write images, all as large as the first, as the frames of a video."""
    frames = [cv2.imread(image) for image in images]
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 5,
                             (width, height))
    for frame in frames:
        writer.write(cv2.resize(frame, (width, height)))
    writer.release()
    return path


def predict(model, images):
    """Keypoints and scores of files or arrays, whole images as boxes."""
    found = [inference_topdown(model, image)[0] for image in images]
    return [[
        f.pred_instances.keypoints[0].tolist(),
        f.pred_instances.keypoint_scores[0].tolist()
    ] for f in found]


def _instance(result):
    """Keypoints and scores of the one person of an image."""
    if 'predictions' in result:
        result, = result['predictions']
    person, = result
    return [person['keypoints'], person['keypoint_scores']]


def every_way(config, checkpoint, folder, video, out):
    """Predict by all of MMPose's functions and inferencers.

    Args:
        config (str | None): Config; None takes the checkpoint's own.
        checkpoint (str): Checkpoint.
        folder (str): Folder of images.
        video (str): Video file.
        out (str): Folder for what the inferencers write.

    Returns:
        dict: Keypoints and scores of the images, in the order of their
        names, and of the frames, by the way in which they were found.
    """
    images = sorted(str(path) for path in Path(folder).iterdir())
    found = {}
    if config is not None:
        model = init_model(config, checkpoint, device='cpu')
        found['model'] = type(model).__name__
        found['num_keypoints'] = model.dataset_meta['num_keypoints']
        found['inference_topdown'] = predict(model, images)
        found['frames'] = predict(model, list(mmcv.VideoReader(video)))
    options = dict(device='cpu', det_model='whole_image')
    for name, make in (
        ('Pose2DInferencer',
         lambda: Pose2DInferencer(config, checkpoint, **options)),
        ('MMPoseInferencer', lambda: MMPoseInferencer(
            pose2d=config, pose2d_weights=checkpoint, **options))):
        if config is None and name == 'MMPoseInferencer':
            continue
        run, own = make(), Path(out, name)
        found[f'{name}/image'] = [
            _instance(next(run(image))) for image in images
        ]
        written = dict(vis_out_dir=str(own), pred_out_dir=str(own))
        assert len(list(run(folder, **written))) == len(images)
        found[f'{name}/folder'] = [
            _instance(json.loads((own / f'{Path(p).stem}.json').read_text()))
            for p in images
        ]
        for path in images:
            drawn = cv2.imread(str(own / Path(path).name))
            assert drawn.shape == cv2.imread(path).shape
        found[f'{name}/video'] = [
            _instance(result) for result in run(video, **written)
        ]
        assert len(mmcv.VideoReader(str(own / Path(video).name))) == len(
            found[f'{name}/video'])
    return found


def main():
    """Work through the jobs."""
    jobs, out = sys.argv[1:]
    found = []
    for job in json.loads(Path(jobs).read_text()):
        torch.load(job['checkpoint'], map_location='cpu', weights_only=True)
        found.append(every_way(**job))
    Path(out).write_text(json.dumps(found))


if __name__ == '__main__':
    main()
