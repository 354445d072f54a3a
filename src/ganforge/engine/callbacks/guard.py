"""What a listener does when an image of the run cannot be made: say so once, and let the training go on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ganforge.recipes.callback import RunView

log = logging.getLogger("ganforge")


class Guard:
    """A listener's side work is never worth hours of training, so its failures become one notice in the run's log.

    A full disk or a folder without rights is the machine's state, and may pass. Anything else is a mistake of ours: it
    also becomes a warning, which the tests turn into an error.
    """

    def __init__(self, run: RunView, what: str):
        self.run, self.what, self.reported = run, what, False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
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
            except OSError as error:  # the log lies on the same full disk
                log.warning("this could not be written to the run's log either: %s", error)
