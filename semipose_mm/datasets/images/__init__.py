# Copyright (c) semipose_mm authors.
"""Images of the datasets: held in memory, or counted if they are bad."""
