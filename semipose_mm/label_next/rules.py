# Copyright (c) semipose_mm authors.
"""What can be asked for, without importing what does it."""
#: Tools that correct labels.
FORMATS = ('label-studio', 'cvat', 'deeplabcut', 'coco')
#: Frames of a video that are nearer are near-duplicates.
GAP = 10
#: So many candidates for each frame go into k-means.
POOL = 5
#: Weights of disagreement and of low scores.
WEIGHTS = 1., 1.
SCORER = 'semipose'
