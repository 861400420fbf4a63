"""The numbers that randomized tests draw, and how many threads torch has in them: both are settings of the whole suite.

``BWTHEORY_TEST_SEED`` (0 unless set) moves every seed of the tests, so that another one means other weights, points and images.
What a test states must hold for all of them.  A seed that belongs to a statement, such as an example from the paper or a run
whose outcome is known, is written as a number instead.  ``BWTHEORY_TEST_THREADS`` (1 unless set) is torch's number of threads.
"""

import os

import numpy as np
import torch

SEED = int(os.environ.get("BWTHEORY_TEST_SEED", "0"))
THREADS = int(os.environ.get("BWTHEORY_TEST_THREADS", "1"))


def seeded(number: int = 0) -> int:
    """A seed for torch's or NumPy's generators: the number itself where the suite's seed is 0."""
    return number + 1_000_003 * SEED


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Normally distributed numbers in float64."""
    return torch.from_numpy(np.random.default_rng(seeded(seed)).standard_normal(shape))
