"""What the package says while it works, as lines on stderr: plain ones, or JSON for `--progress-json`."""

from __future__ import annotations

import logging

from ganforge.core.events import line_of

JSON_FLAG = "--progress-json"
log = logging.getLogger("ganforge")


class ToStderr(logging.Handler):
    """The package's notices on stderr, above a progress bar where there is one.

    Attributes:
        as_json: each as a line {"event": "notice", "level", "message"}.
    """

    as_json = False

    def emit(self, record: logging.LogRecord) -> None:
        from ganforge.ui.console import say, stderr

        if self.as_json:
            event = {"event": "notice", "level": record.levelname.lower(), "message": record.getMessage()}
            stderr().file.write(line_of(event))
            return
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        say(record.getMessage(), stderr(), style)


def shown_on_stderr(as_json: bool = False) -> None:
    """Shows the notices of this process from here on, each once."""
    handler = next((one for one in log.handlers if isinstance(one, ToStderr)), None)
    if handler is None:
        handler = ToStderr()
        log.addHandler(handler)
        log.propagate = False
    handler.as_json = as_json
    log.setLevel(logging.INFO)


def hidden(quiet: bool) -> bool:
    """Hides the notices where `quiet`; what goes on to be an error is still said."""
    if quiet:
        log.setLevel(logging.ERROR)
    return quiet
