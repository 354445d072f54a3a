"""Starts a command as several processes on this machine, with torch's elastic launcher.

Equivalent to `torchrun --standalone --nproc-per-node N --max-restarts 3 -m ganforge train ...`, except that a user
error is not tried again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from ganforge.core import conclusion
from ganforge.core.errors import TrainingError, UserError

RESTARTS = 3
"""Times that the processes are started again after one of them was killed or crashed."""


def launch(procs: int, words: Sequence[str]) -> int:
    """Runs `ganforge WORDS` as `procs` processes, and returns the exit status.

    Raises:
        UserError: torch was built without torch.distributed.
        TrainingError: the processes ended with an error too often.
    """
    import torch.distributed as dist

    if not dist.is_available():
        raise UserError(
            "--procs: this build of torch has no torch.distributed. Train in one process", code="scale.no_distributed"
        )
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    threads = max(1, (os.cpu_count() or 1) // procs)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    with tempfile.TemporaryDirectory(prefix="ganforge-") as folder:
        os.environ[conclusion.VARIABLE] = str(Path(folder) / "status")
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=procs,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=RESTARTS,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            with contextlib.suppress(SignalException):  # it was passed on to the processes, which saved
                elastic_launch(config, sys.executable)("-m", "ganforge", *words)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            raise TrainingError(
                f"process {rank} ended {RESTARTS + 1} times, at last with exit status {failure.exitcode}. Its messages "
                "above say why; --resume RUN goes on from the last checkpoint"
            ) from None
        finally:
            status = conclusion.concluded() or 0
            del os.environ[conclusion.VARIABLE]
        return status
