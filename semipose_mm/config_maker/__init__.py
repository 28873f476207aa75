# Copyright (c) semipose_mm authors.
"""The config of a training on one's own data, a job a file.

``base`` reads a config of the zoo, ``keypoints`` says which joints there are,
``labels`` and ``sources`` which data, ``schedule`` how long, ``network`` what
changes in the model, ``leaf`` writes the config, ``check`` builds it and
``advice`` names what is supported instead.
"""
