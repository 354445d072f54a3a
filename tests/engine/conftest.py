import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # for `import toys`, also in the processes that tests start


@pytest.fixture
def single_thread():
    """The number of threads decides the order of sums: a run is compared bit for bit with one of as many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
