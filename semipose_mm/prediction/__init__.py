# Copyright (c) semipose_mm authors.
"""Poses in videos and folders of images, by parts that can be resumed."""
