# Copyright (c) semipose_mm authors.
"""A module a command, with ``add_options(parser)``, ``run(parser, args)``."""
