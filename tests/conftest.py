"""What all tests share."""

import os
import random
import signal
import zlib

import numpy as np
import pytest
import torch
from hypothesis import settings
from seeds import THREADS, seeded

from bwtheory.nn.products import ENGINES, usual_products

os.environ.setdefault("BWTHEORY_ENGINE", usual_products().name)  # no test depends on which engine is fastest here
settings.register_profile("bwtheory", deadline=None, database=None)  # a busy machine is no failure; what failed is not kept
settings.load_profile("bwtheory")
torch.set_num_threads(THREADS)

# A shell's background job ignores Ctrl-C, and nohup a closed terminal; the processes that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(params=[1, 2], ids=["1 thread", "2 threads"])
def threads(request):
    """For a test that torch's number of threads may not matter to."""
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(THREADS)


@pytest.fixture(autouse=True)
def generators_of_its_own(request):
    """What a test draws without a seed depends on its name and the suite's seed, not on the tests before it."""
    seed = seeded(zlib.crc32(request.node.name.encode())) % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    yield
    assert torch.get_num_threads() == THREADS, "A test has left torch with another number of threads."
    assert not any(map(vars, ENGINES.values())), "A test has left an engine with an attribute that hides its class's."
