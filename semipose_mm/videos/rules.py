# Copyright (c) semipose_mm authors.
"""What can be asked for, without importing what does it."""
#: Ways of choosing frames.
RULES = ('kmeans', 'motion', 'stride')
#: Formats of the images.
IMAGES = ('jpg', 'png')
#: Frames of a video, unless another number is asked for.
NUM = 500
