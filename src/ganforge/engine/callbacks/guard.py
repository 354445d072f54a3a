"""Errors in callbacks: reported once, without interrupting training."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ganforge.core.errors import LostProcess
from ganforge.recipes.callback import RunView

log = logging.getLogger("ganforge")


class Guard:
    """Turns errors of a callback into a single notice in the run's log, so that they do not end training.

    A full disk or missing write permission may be temporary. Any other exception is a bug: it is also raised as a
    warning, which the tests turn into an error.
    """

    def __init__(self, run: RunView, what: str):
        self.run, self.what, self.reported = run, what, False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except LostProcess:  # the training cannot continue either
            raise
        except OSError as error:
            self._report(f"{self.what} could not be written: {error}. Training continues")
        except Exception as error:
            message = f"{self.what} failed with {type(error).__name__}: {error}. Training continues"
            self._report(message)
            warnings.warn(message, UserWarning, stacklevel=1)

    def _report(self, message: str) -> None:
        if not self.reported:
            self.reported = True
            log.warning(message)
            try:
                self.run.log("notice", message=message)
            except OSError as error:  # the log is on the same full disk
                log.warning("the run's log could not be written either: %s", error)
