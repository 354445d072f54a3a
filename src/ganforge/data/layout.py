"""The meaning of the folders of a data set: parts (train, val, test), two domains (trainA, trainB), or labels.

Only names are used. Every decision is reported in a sentence, with the field of the data source that changes it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.names import readable, readables

Labels = Literal["auto", "first", "last", "names", "none"]
"""Which folder is the label: the only one, the first or the last of several, or none."""
SHOWN = 8
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
         "test": "test", "testing": "test"}  # fmt: skip
PART = re.compile(
    rf"({'|'.join(sorted(PARTS, key=len, reverse=True))})"
    r"(?:[_\- ]?(?:sets?|images?|imgs?|data|split|\d{4}))*[_\- ]?([ab])?",
    re.IGNORECASE,
)
"""train, Validation, test_set, val2017, trainA."""


@dataclass(frozen=True)
class Layout:
    """The interpretation of the folders of a data set.

    Attributes:
        files: files of the requested part, sorted.
        labels: int64 [len(files)], or None.
        classes: names of the labels, clean text; empty without labels.
        sentences: how the folders were interpreted, and how to change it.
        left_out: whether files that may be intended as samples were left out without a request.
        no_labels: why there are no labels despite folders; empty if there are labels or no folders.
        domains: whether the labels are two domains (trainA, trainB), not classes.
    """

    files: list[str]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    left_out: bool = False
    no_labels: str = ""
    domains: bool = False


class _File(NamedTuple):
    """A file with its folders below the common one, except those that name a part."""

    name: str
    folders: tuple[str, ...]
    part: str = ""
    domain: str = ""


def read(
    files: Sequence[str], split: str, labels: Labels, name: str, manifest: Sequence[tuple[str, str]] | None = None
) -> Layout:
    """Interprets the folders of at least one file.

    Args:
        files: the names, sorted, with / between folders.
        split: "train", "val", "test", or "all". If there is no folder test, val is used for it, and vice versa.
        labels: which folder is the label; none with "names", where the names of files are.
        name: the user's name for the data set, for messages.
        manifest: (folder, class) in the order of the labels, if the data set has a manifest.

    Raises:
        UserError: the requested part does not exist.
    """
    if manifest and labels == "auto" and (found := _listed(files, manifest)) is not None:
        return Layout(list(files), *found, (_labels_sentence(found[1], "its manifest"),))
    every, top = _below([_File(f, tuple(f.split("/")[:-1])) for f in files])
    parts = _parts(every)
    chosen, sentences, loose = _chosen(every, parts, top, split, name)
    if parts is not None and labels == "auto" and any(file.domain for file in parts):
        return _of_domains(chosen, sentences, bool(loose))
    chosen, classes, why, outside = _labeled(_below(chosen)[0], labels)
    if classes and parts is not None:  # another part may lack a class: label numbers are those of the training part
        trained = [file for file in parts if file.part == "train"]
        classes = tuple(dict.fromkeys([*_labeled(_below(trained)[0], labels)[1], *classes]))
    number = {folder: k for k, folder in enumerate(classes)}
    if classes:
        how = {"last": "the last folder", "first": "the first folder"}.get(labels, "the folder")
        sentences.append(_labels_sentence(classes, how))
    if outside:
        sentences.append(f"{outside:,} outside the class folders left out")
    if why:
        sentences.append(f"no labels: {why}")
    elif parts is not None and not classes and labels == "auto":
        named = " and ".join(dict.fromkeys(file.part for file in parts if file.part))
        why = f"{named} are taken for parts of the set, not for classes, and hold no class folders"
    return Layout(
        [file.name for file in chosen],
        np.array([number[file.folders[0]] for file in chosen], np.int64) if classes else None,
        classes,
        tuple(sentences),
        bool(loose and split != "all") or bool(outside),
        why,
    )


def _chosen(
    every: list[_File], parts: list[_File] | None, top: str, split: str, name: str
) -> tuple[list[_File], list[str], int]:
    """The files of the requested part, sentences about it, and how many files lie outside the folders of all parts.

    Args:
        parts: the files with their parts; None if no folders are parts.
        top: the name of the last common folder, which may be a part by itself.

    Raises:
        UserError: the requested part does not exist.
    """
    if parts is None:
        if split not in ("train", "all") and PARTS.get(top.lower()) != split:
            raise UserError(
                f"data {name}: split={split} needs the folders train and test in it; without data.split "
                "all images are used",
                code="data.split_not_found",
            )
        return every, [], 0
    chosen, sentence = _of_part(parts, split, name)
    outside = [file for file in parts if not file.part]
    if not outside or split == "all":
        return chosen, [sentence], len(outside)
    left = f"{len(outside):,} outside these folders left out, as {readable(outside[0].name)}"
    return chosen, [sentence, left], len(outside)


def _of_domains(chosen: list[_File], sentences: list[str], left_out: bool) -> Layout:
    """The layout of two sets A and B, which are its labels."""
    files = [file for file in chosen if file.domain]
    labels = np.array(["AB".index(file.domain) for file in files], np.int64)
    said = "two sets A and B (trainA, trainB), which are its labels; data.labels=none drops them"
    others = [file.name for file in chosen if not file.domain]
    told = [f"{len(others):,} outside both left out, as {readable(others[0])}"] if others else []
    left_out = left_out or bool(others)
    return Layout([file.name for file in files], labels, ("A", "B"), (*sentences, said, *told), left_out, domains=True)


def _below(files: Sequence[_File]) -> tuple[list[_File], str]:
    """The files without their common folders, and the name of the last common one."""
    first, last = min(f.folders for f in files), max(f.folders for f in files)  # common to these two = common to all
    depth = next((k for k, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return [file._replace(folders=file.folders[depth:]) for file in files], first[depth - 1] if depth else ""


def _parts(files: Sequence[_File]) -> list[_File] | None:
    """The files with their parts, if all first folders, or all second ones, are names of parts; else None."""
    for level in (0, 1):
        folders = {file.folders[level] for file in files if len(file.folders) > level}
        known = {folder: match for folder in folders if (match := PART.fullmatch(folder))}
        parts = {PARTS[match[1].lower()] for match in known.values()}
        domains = {(match[2] or "").upper() for match in known.values()}
        two = {"A", "B"} <= domains
        if not known or len(known) < len(folders) or "train" not in parts or (len(parts) < 2 and not two):
            continue
        if level == 1 and any(len(file.folders) < 2 for file in files):
            continue  # not below each of the first ones
        return [_with_part(file, level, known, two) for file in files]
    return None


def _with_part(file: _File, level: int, known: dict[str, re.Match[str]], two: bool) -> _File:
    if len(file.folders) <= level:
        return file
    match = known[file.folders[level]]
    rest = (*file.folders[:level], *file.folders[level + 1 :])
    return _File(file.name, rest, PARTS[match[1].lower()], (match[2] or "").upper() if two else "")


def _of_part(files: Sequence[_File], split: str, name: str) -> tuple[list[_File], str]:
    """The files of a part, and a sentence about all parts."""
    counts = Counter(file.part for file in files if file.part)
    if split == "all":
        return list(files), f"from all of its parts: {', '.join(sorted(counts))}"
    other = {"test": "val", "val": "test"}.get(split, split)
    part = split if split in counts else other
    if part not in counts:
        raise UserError(
            f"data {name}: no folder for data.split={split}; it has {', '.join(sorted(counts))}",
            code="data.split_not_found",
        )
    rest = ", ".join(f"{count:,} in {other}" for other, count in sorted(counts.items()) if other != part)
    held = f", {rest} not used (data.split=all: all of them)" if rest else ""
    return [file for file in files if file.part == part], f"from its folder {part}{held}"


def _labeled(files: list[_File], labels: Labels) -> tuple[list[_File], tuple[str, ...], str, int]:
    """The files with their class as their only folder, the classes, why there are none, and how many files outside
    folders were left out."""
    deepest = max(files, key=lambda file: len(file.folders))
    if labels in ("names", "none") or not deepest.folders:
        return files, (), "", 0
    bare = [file for file in files if not file.folders]
    if labels == "auto":
        several = "data.labels=first or data.labels=last takes the first or the last folder of each"
        if len(deepest.folders) > 1:
            return files, (), f"{readable(deepest.name)} lies {len(deepest.folders)} folders deep; {several}", 0
        if bare:
            some = f"{readable(bare[0].name)} lies" + (f" and {len(bare) - 1:,} others lie" if len(bare) > 1 else "")
            return files, (), f"{some} outside the class folders; data.labels=last leaves out what lies there", 0
    which = -1 if labels == "last" else 0
    names = readables({file.folders[which] for file in files if file.folders})
    files = [file._replace(folders=(names[file.folders[which]],)) for file in files if file.folders]
    return files, tuple(_sorted({file.folders[0] for file in files})), "", len(bare)


def _sorted(folders: set[str]) -> list[str]:
    """Sorted; numerically if all names are numbers: 2 before 10."""
    if all(folder.isdecimal() for folder in folders):
        return sorted(folders, key=lambda folder: (int(folder), folder))
    return sorted(folders)


def _listed(files: Sequence[str], manifest: Sequence[tuple[str, str]]) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """Labels and classes from a list of (folder, class); None if some files are in other folders."""
    number = {folder: k for k, (folder, _) in enumerate(manifest)}
    parts = [file.split("/") for file in files]
    if any(len(part) != 2 or part[0] not in number for part in parts):
        return None
    return np.array([number[part[0]] for part in parts], np.int64), tuple(name for _, name in manifest)


def _labels_sentence(classes: Sequence[str], how: str) -> str:
    more = f", … {len(classes):,} in all" if len(classes) > SHOWN else ""
    return f"labels from {how}: {', '.join(classes[:SHOWN])}{more} (data.labels=none: no labels)"


def has_parts(files: Sequence[str], labels: Labels, name: str) -> bool:
    """Whether folders say what is for training and what is for tests.

    Raises:
        UserError: as `read`, for other reasons.
    """
    try:
        read(files, "test", labels, name)
    except UserError as error:
        if error.code != "data.split_not_found":
            raise
        return False
    return True
