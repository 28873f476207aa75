# Copyright (c) semipose_mm authors.
"""What tools/make_config.py does, a job a file.

``base`` reads a config of the zoo, ``keypoints`` says which joints there are,
``labels`` and ``sources`` which data, ``schedule`` how long, ``network`` what
changes in the model, ``leaf`` writes the config, ``check`` builds it and
``advice`` names what is supported instead.
"""
import os.path as osp
import sys

# readers of annotation files that the tools for data share
sys.path.insert(
    0, osp.join(osp.dirname(osp.dirname(osp.abspath(__file__))), 'dataset'))
