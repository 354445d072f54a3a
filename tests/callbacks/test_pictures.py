"""Previews, timelapse and curves: the right images at the right moments, and never the end of a training run."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from PIL import Image

from ganforge.engine.callbacks.curves import Curves
from ganforge.engine.callbacks.previews import Previews
from ganforge.engine.callbacks.timelapse import Timelapse, evenly


def step(run, listener, to: int, by: int = 8) -> None:
    while run.samples < to:
        run.samples += by
        listener.on_step(run.samples - by, run.samples)


def names(run) -> list[str]:
    return sorted(p.name for p in (run.folder / "previews").iterdir())


def test_previews_at_the_start_every_so_many_samples_and_at_the_end(run):
    listener = Previews(every=20).build(run)
    listener.on_start()
    step(run, listener, 48)
    listener.on_end()
    # The steps are of 8: the grids fall on the first step at or after 20 and 40; the last step is 48.
    assert names(run) == ["000000000.png", "000000024.png", "000000040.png", "000000048.png", "latest.png"]
    assert (run.folder / "previews/latest.png").read_bytes() == (run.folder / "previews/000000048.png").read_bytes()
    assert {(r.n, r.seed, r.labels) for r in run.requests} == {(64, 0, None)}, "always the same latents"


def test_a_resumed_run_does_not_repeat_its_preview(run):
    for _ in range(2):
        listener = Previews().build(run)
        listener.on_start()
        listener.on_end()
    assert len(run.requests) == 1


def test_one_row_a_class(labeled):
    Previews().build(labeled).on_start()
    (request,) = labeled.requests
    assert request.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    grid = np.asarray(Image.open(labeled.folder / "previews/latest.png").convert("L"))
    rows = [grid[y, -5] for y in (5, grid.shape[0] // 2, grid.shape[0] - 5)]
    assert rows == [0, 25, 50]
    named = grid[:, : grid.shape[1] - grid.shape[0] * 8 // 3]
    assert all((part < 128).any() for part in np.array_split(named, 3)), "the name of each class at the left"


def test_pairs_have_heads_and_stand_apart(run):
    run.shown, run.recipe.task.can_sample = (shown_triples(4), 3), False
    Previews(columns=6, rows=2).build(run).on_start()
    plain = np.asarray(Image.open(run.folder / "previews/latest.png"))
    run.recipe.task.shows = ("source", "made", "real")
    (run.folder / "previews/latest.png").unlink()
    (run.folder / "previews/000000000.png").unlink()
    Previews(columns=6, rows=2).build(run).on_start()
    named = np.asarray(Image.open(run.folder / "previews/latest.png"))
    assert named.shape[0] > plain.shape[0] + 10
    assert named.shape[1] > plain.shape[1] + 10


def shown_triples(n: int) -> np.ndarray:
    """n samples of three images each: shades 10k, 10k + 1, 10k + 2."""
    shade = (10 * np.arange(n)[:, None] + np.arange(3)).reshape(-1).astype(np.uint8)
    return np.broadcast_to(shade[:, None, None, None], (3 * n, 8, 8, 1)).copy()


def test_what_is_made_of_real_samples_stands_beside_them_in_whole_rows(run):
    run.shown, run.recipe.task.can_sample = (shown_triples(7), 3), False
    Previews(columns=8, rows=3).build(run).on_start()
    grid = np.asarray(Image.open(run.folder / "previews/latest.png").convert("L"))
    assert not run.requests, "a task that makes nothing of latents is not asked for samples"
    cell = (grid.shape[1] + 2) // 6
    assert grid[5, 5::cell].tolist() == [0, 1, 2, 10, 11, 12], "two triples a row of eight"
    assert grid[5::cell, 5].tolist() == [0, 20, 40]


def test_a_task_that_does_both_shows_both(run):
    run.shown = (shown_triples(4), 3)
    Previews(columns=6, rows=2).build(run).on_start()
    grid = np.asarray(Image.open(run.folder / "previews/latest.png").convert("L"))
    cell = (grid.shape[1] + 2) // 6
    assert grid[5::cell, 5].tolist() == [0, 6, 0, 20], "two rows of samples, then two of real ones"


@pytest.mark.parametrize(("rows", "expected"), [(None, 16), (2, 2), (20, 20)])
def test_many_classes_are_cut_to_what_one_can_look_at(labeled, rows, expected):
    import dataclasses

    labeled.spec = dataclasses.replace(labeled.spec, classes=100)
    Previews(columns=2, rows=rows).build(labeled).on_start()
    assert labeled.requests[0].n == 2 * expected


def test_a_full_disk_is_one_notice_and_training_goes_on(run, monkeypatch):
    listener = Previews(every=8).build(run)

    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(run.recipe.signal), "render", full)
        step(run, listener, 32)
    assert len(run.notices) == 1
    assert "preview could not be written" in run.notices[0]
    step(run, listener, 40)
    assert "000000040.png" in names(run), "with room again, there are previews again"


def test_a_mistake_of_ours_is_a_warning(run):
    run.generate = lambda request: 1 / 0
    with pytest.warns(UserWarning, match="ZeroDivisionError"):
        Previews().build(run).on_start()
    assert "Training continues" in run.notices[0]


def test_timelapse_holds_the_last_preview_and_leaves_out_what_was_taken_back(run):
    previews = Previews(every=8).build(run)
    previews.on_start()
    step(run, previews, 80)
    run.samples = 64  # a rewind: the previews of 72 and 80 are of another time
    Timelapse(frames=4, fps=10, hold=1).build(run).on_end()
    with Image.open(run.folder / "timelapse.gif") as film:
        durations = []
        for k in range(film.n_frames):
            film.seek(k)
            durations.append(film.info["duration"])
    assert sum(durations) == 3 * 100 + 1000
    assert durations[-1] >= 1000


def test_timelapse_needs_two_previews(run):
    Previews().build(run).on_start()
    Timelapse().build(run).on_end()
    assert not (run.folder / "timelapse.gif").exists()
    assert not run.notices


@pytest.mark.parametrize(("count", "most"), [(3, 5), (100, 7), (61, 60)])
def test_evenly_keeps_both_ends(count, most):
    items = list(range(count))
    picked = evenly(items, most)  # type: ignore[arg-type]
    assert (picked[0], picked[-1], len(picked)) == (0, count - 1, min(count, most))
    assert picked == sorted(set(picked))


def test_curves_from_the_log(run):
    listener = Curves().build(run)
    listener.on_end()
    assert not (run.folder / "curves.png").exists(), "nothing was logged yet"
    for k in range(1, 6):
        numbers = {"loss/D": 1 / k, "loss/G": float("nan") if k == 3 else k / 5, "acc/real": 0.7, "acc/fake": 0.6}
        run.tick([], 100 * k, **numbers)
    listener.on_checkpoint(run.folder)
    with Image.open(run.folder / "curves.png") as picture:
        assert picture.width > 1000
    assert not list(run.folder.glob(".curves*"))


def test_curves_of_a_log_without_losses(run):
    run.tick([], 100, **{"loss/D": None})
    Curves().build(run).on_end()
    assert (run.folder / "curves.png").exists()
    assert not run.notices
