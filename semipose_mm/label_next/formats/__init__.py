# Copyright (c) semipose_mm authors.
"""Pre-annotations, a module for each tool that corrects them.

``contents`` of each gives the files of the tool, in bytes by their paths below
the output folder.
"""
