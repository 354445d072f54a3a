"""A tiny model that was trained with captions."""

from __future__ import annotations

import pytest

from ganforge.cli.main import main


@pytest.fixture(scope="session")
def told_run(tmp_path_factory):
    """A run that any test may read and none may change."""
    folder = tmp_path_factory.mktemp("told") / "run"
    words = ["text2image-small", "data.count=120", "samples=32", "batch=16", "callbacks=[previews]"]
    words += ["task.generator.channels=4", "task.discriminator.channels=4", "task.generator.latent=8"]
    words += ["task.sentence_encoder.width=8", "task.sentence_encoder.embedding=8"]
    with pytest.raises(SystemExit) as ended:
        main(["train", *words, "--run-dir", str(folder), "--quiet"])
    assert ended.value.code in (0, None)
    return folder
