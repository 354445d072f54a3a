"""Translates many image files: reads ahead and writes in the background, so that the net seldom waits.

Files are read by two threads and written by two; the thread that calls does nothing but compute. At most `AHEAD`
images wait before the net and `BEHIND` after it, so a thousand images take no more memory than a few.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.files import refuse_input
from ganforge.core.refusals import Refusal
from ganforge.data.store import FolderStore, Store
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.image.file_kinds import ending_of
from ganforge.modalities.image.files import Facts, left_out
from ganforge.modalities.image.pixels import resize
from ganforge.modalities.image.sources.listing import listing
from ganforge.modalities.pair import photo
from ganforge.modalities.pair.photo import LOSSLESS, Photo
from ganforge.modalities.pair.translate import ImageTranslator, Made

log = logging.getLogger("ganforge")
LOSSY = (".jpg", ".jpeg")
AHEAD = 2
BEHIND = 2
BANDS = 2
"""Bands of rows that wait to be written, of each image."""


@dataclass(frozen=True)
class Job:
    """One image to make.

    Attributes:
        name: of the source in its store. store: where it lies.
        out: the file to write.
        mask: the mask file, white where pixels are to be filled, or None.
    """

    name: str
    store: Store
    out: Path
    mask: tuple[Store, str] | None = None


@dataclass(frozen=True)
class Finish:
    """What becomes of the images that a net made.

    Attributes:
        outscale: how many times as large as its source an image is written, resized from what the net made; None for
            the net's own scale.
        quality: of JPEG and WebP, 1 to 100.
    """

    outscale: float | None = None
    quality: int = photo.QUALITY

    def resized(self, rows: Iterable[np.ndarray], made: Made, like: Photo) -> tuple[Iterable[np.ndarray], Made]:
        """The rows of an image and what they are, at the scale asked for; a resized image is held whole."""
        if self.outscale is None:
            return rows, made
        height, width = (max(1, round(side * self.outscale)) for side in like.pixels.shape[:2])
        shape = (height, width, made.shape[2])
        if shape == made.shape:
            return rows, made
        return self._whole(rows, height, width), replace(made, shape=shape)

    @staticmethod
    def _whole(rows: Iterable[np.ndarray], height: int, width: int) -> Iterator[np.ndarray]:
        yield resize(np.concatenate(list(rows)), height, width)


@dataclass
class Outcome:
    """The results of the jobs."""

    written: list[Path] = field(default_factory=list)
    failed: list[Refusal] = field(default_factory=list)


def open_store(path: Path) -> Store:
    """Opens a folder or a zip as a store of files; for one file, the folder that contains it.

    Raises:
        UserError: nothing there, or a zip that cannot be read.
    """
    if path.is_dir():
        return FolderStore(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder", code="data.not_found")
    return ZipStore(path) if path.suffix.lower() == ".zip" else FolderStore(path.parent)


def images_in(store: Store, without: Path | None = None) -> list[str]:
    """The names of all images in a store, sorted; those below `without` (an output folder within) are left out."""
    names = listing(store).images
    if without is None or not isinstance(store, FolderStore):
        return names
    outside = without.resolve()
    return [name for name in names if outside not in (store.root / name).resolve().parents]


def ending_for(name: str, lossless: bool, wanted: str | None) -> str:
    """The ending of the output for a file: `wanted`, else its own if it can be written and may be lossy, else .png."""
    own = Path(name).suffix.lower()
    if wanted:
        return wanted
    return own if own in (LOSSLESS if lossless else photo.ENDINGS) else ".png"


def outputs(
    names: Sequence[str],
    folder: Path,
    lossless: bool,
    wanted: str | None,
    store: Store | None = None,
    suffix: str = "",
) -> list[Path]:
    """The output file of each: the same folders below `folder`. Where two would collide, both keep their ending.

    Args:
        suffix: what is added to each name, before its ending.
        store: where the files lie: what a .jpg really is decides its ending, for a JPEG has no transparency.
    """

    def ending(name: str) -> str:
        kind = ending_of(store.start(name, 16)) if store and Path(name).suffix.lower() in LOSSY else None
        return ending_for(str(Path(name).with_suffix(kind)) if kind else name, lossless, wanted)

    endings = [ending(name) for name in names]
    plain = [str(Path(name).with_suffix(end)) for name, end in zip(names, endings, strict=True)]
    if store is not None:  # .jpeg stays .jpeg where it is one
        own = [Path(name).suffix.lower() for name in names]
        same = [one in LOSSY and end == ".jpg" and not wanted for one, end in zip(own, endings, strict=True)]
        plain = [str(Path(n).with_suffix(o)) if s else p for n, o, s, p in zip(names, own, same, plain, strict=True)]
    counts = Counter(plain)
    return [
        folder / suffixed(f"{name}{end}" if counts[one] > 1 else one, suffix)
        for name, end, one in zip(names, endings, plain, strict=True)
    ]


def suffixed(name: str, suffix: str) -> str:
    """`a/photo.png` with `x4` or `_x4` → `a/photo_x4.png`."""
    joint = "_" if suffix[:1].isalnum() else ""
    path = Path(name)
    return str(path.with_name(f"{path.stem}{joint}{suffix}{path.suffix}")) if suffix else name


def run(
    translator: ImageTranslator,
    jobs: Sequence[Job],
    done: Callable[[Job], None] | None = None,
    tell: Callable[[int, int], None] | None = None,
    finish: Finish = Finish(),
) -> Outcome:
    """Runs all jobs. A failed one is recorded, and the others continue.

    Args:
        done: called after each job, successful or not.
        finish: the scale and the quality of what is written.
        tell: called with (bands done, bands in all) of the image that is computed.
    """
    outcome = Outcome()
    facts: list[Facts] = []
    with ThreadPoolExecutor(2) as readers, ThreadPoolExecutor(BEHIND) as writers:
        writing: deque[tuple[Job, Future[None]]] = deque()

        def settle(most: int) -> None:
            """Waits until no more than `most` images are being written."""
            while len(writing) > most:
                job, future = writing.popleft()
                try:
                    future.result()
                    outcome.written.append(job.out)
                except Exception as error:
                    outcome.failed.append(Refusal.of(job.name, error))
                if done:
                    done(job)

        for job, read in ahead(jobs, load, readers):
            try:
                image, mask = read.result()
                made = translator(image.pixels, mask)
                photo.check_ending(job.out, made.shape[2])
                facts += [image.facts] if image.facts else []
            except Exception as error:  # whatever one image does to a decoder, the others can be made
                outcome.failed.append(Refusal.of(job.name, error))
                if done:
                    done(job)
                continue
            settle(BEHIND - 1)
            rows = Rows()
            writing.append((job, writers.submit(save, job.out, rows, made, image, finish)))
            try:
                for k, band in enumerate(made.bands):
                    rows.put(band)
                    if tell:
                        tell(k + 1, made.parts)
                rows.close()
            except BaseException as error:
                # The writer leaves nothing behind, and its future says why.
                rows.fail(
                    error
                    if isinstance(error, UserError)
                    else UserError(f"{job.name}: interrupted", code="translate.interrupted")
                )
                if not isinstance(error, UserError):
                    raise
        settle(0)
    if phrases := left_out(facts):
        log.warning("%s", "; ".join(phrases))
    return outcome


def load(job: Job) -> tuple[Photo, np.ndarray | None]:
    """The image and the mask of a job.

    Raises:
        BadItem: one of them cannot be read.
    """
    image = photo.read(job.store.open(job.name), job.name)
    if job.mask is None:
        return image, None
    store, name = job.mask
    return image, photo.read(store.open(name), name).pixels


def save(out: Path, rows: Rows, made: Made, like: Photo, finish: Finish) -> None:
    """Writes an image as its rows arrive; whatever happens, `rows.put` does not block afterwards."""
    try:
        finished, made = finish.resized(rows, made, like)
        photo.write(out, finished, made.shape, made.dtype, like, finish.quality)
    finally:
        rows.abandoned.set()


def ahead(
    jobs: Sequence[Job], work: Callable[[Job], tuple[Photo, np.ndarray | None]], pool: ThreadPoolExecutor
) -> Iterator[tuple[Job, Future[tuple[Photo, np.ndarray | None]]]]:
    """The jobs in order, each with its work begun, `AHEAD` of them before they are asked for."""
    waiting: deque[tuple[Job, Future[tuple[Photo, np.ndarray | None]]]] = deque()
    for job in jobs:
        waiting.append((job, pool.submit(work, job)))
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


class Rows:
    """A queue of bands of rows from the computing thread to the writing one. Iterated once."""

    def __init__(self) -> None:
        self.queue: queue.Queue[np.ndarray | BaseException | None] = queue.Queue(BANDS)
        self.abandoned = threading.Event()

    def put(self, item: np.ndarray | BaseException | None) -> None:
        """Waits for room in the queue, unless the reader is gone."""
        while not self.abandoned.is_set():
            try:
                self.queue.put(item, timeout=0.05)
                return
            except queue.Full:
                continue

    def close(self) -> None:
        self.put(None)

    def fail(self, error: BaseException) -> None:
        self.put(error)

    def __iter__(self) -> Iterator[np.ndarray]:
        while (item := self.queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item


def check_targets(jobs: Iterable[Job], force: bool) -> None:
    """
    Raises:
        UserError: an output is a source, or already exists and must not be replaced.
    """
    for job in jobs:
        if isinstance(job.store, FolderStore):
            refuse_input(job.out, job.store.root / job.name)
        if job.out.exists() and not force:
            raise UserError(
                f"{job.out}: already exists; --force replaces it, --skip-existing keeps it",
                code="output.exists",
            )
