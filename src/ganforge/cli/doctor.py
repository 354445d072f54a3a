"""`ganforge doctor`: whether this machine can train, and what to do where it cannot."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import math
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from ganforge.core.errors import install
from ganforge.core.words import counted
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

GOOD, HINT, BAD = "ok", "note", "wrong"
SIDE, REPEATS = 512, 5
"""The matrices whose product is checked, and how often it is computed."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it stands and, where something is amiss, what to do about it."""

    what: str
    state: str
    text: str
    fix: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check Python, torch, devices, extras, disk and cache; say how to fix what is wrong."""
    from rich.table import Table
    from rich.text import Text

    from ganforge.ui.console import stdout

    findings = examine()
    wrong = [one.what for one in findings if one.state == BAD]
    if as_json:
        emit({"ready": not wrong, "findings": findings})
        raise typer.Exit(1 if wrong else 0)
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    styles = {GOOD: "green", HINT: "yellow", BAD: "bold red"}
    for one in findings:
        table.add_row(one.what, Text(one.state, styles[one.state]), one.text + (f"\n→ {one.fix}" if one.fix else ""))
    stdout().print(table)
    stdout().print(f"wrong: {', '.join(wrong)}" if wrong else "ready: start with `ganforge train`")
    if wrong:
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """All findings, in the order in which a person would want to fix them."""
    import ganforge

    findings = [
        Finding("ganforge", GOOD, f"{ganforge.__version__} in {Path(ganforge.__file__).parent}"),
        check_python(),
    ]
    torch_finding = check_torch()
    findings.append(torch_finding)
    if torch_finding.state != BAD:
        findings += [*check_devices(), check_arithmetic()]
    findings += [check_needed(), *check_extras(), check_cache(), check_folder(Path.cwd())]
    return findings


def check_python() -> Finding:
    return Finding("python", GOOD, f"{platform.python_version()} ({platform.platform()}), {sys.executable}")


def check_torch() -> Finding:
    try:
        import torch
    except Exception as error:  # a broken installation fails in many ways, not with ImportError alone
        return Finding("torch", BAD, f"{type(error).__name__}: {error}", "pip install --force-reinstall torch")
    threads, cores = counted(torch.get_num_threads(), "thread"), counted(os.cpu_count() or 1, "core")
    return Finding("torch", GOOD, f"{torch.__version__}, {threads} on {cores}, "
                                  f"{torch.backends.cpu.get_cpu_capability()}")  # fmt: skip


def check_devices() -> list[Finding]:
    """The accelerators, each with its memory; a card that torch cannot use is distinguished from no card at all."""
    import torch

    if torch.cuda.is_available():
        found = []
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            bf16 = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bf16: fp32 is used"
            text = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, {bf16}"
            found.append(Finding(f"cuda:{index}", GOOD, text))
        return found
    if torch.backends.mps.is_available():
        return [Finding("mps", GOOD, "Apple GPU")]
    if shutil.which("nvidia-smi"):
        fix = "this torch has no CUDA, or the driver is too old for it: find the right build at pytorch.org/get-started"
        return [Finding("gpu", HINT, "there is an NVIDIA driver, but torch cannot use the card", fix)]
    return [
        Finding(
            "gpu", HINT, "none: training runs on the CPU. Digits of 28×28 take minutes there, images of 64×64 hours"
        )
    ]


def check_arithmetic() -> Finding:
    """A matrix product whose result is known, in fp32 and in bf16, and how fast they are."""
    import torch

    from ganforge.core.device import pick_device

    device = pick_device()
    rates = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        try:
            a = torch.eye(SIDE, device=device, dtype=dtype) * 2
            wrong, fastest = False, math.inf
            for _ in range(REPEATS):
                start = time.perf_counter()
                product = a @ a
                wrong |= abs(float(product.float().sum()) - 4 * SIDE) > 1e-3  # reading it synchronizes with the device
                fastest = min(fastest, time.perf_counter() - start)
            rates[name] = 2 * SIDE**3 / fastest / 1e9
        except RuntimeError as error:
            return Finding("arithmetic", BAD, f"{name} on {device}: {error}", "try another device with --device cpu")
        if wrong:
            return Finding(
                "arithmetic", BAD, f"{name} on {device}: a matrix product came out wrong", "try --device cpu"
            )
    return Finding(
        "arithmetic", GOOD, ", ".join(f"{name} {rate:,.0f} GFLOP/s" for name, rate in rates.items()) + f" on {device}"
    )


def check_needed() -> Finding:
    """The packages that nothing works without, each imported: one that is there may be broken."""
    names = requirements().get("")
    if names is None:
        return Finding("packages", HINT, "ganforge is not installed as a package, so what it needs is not known here")
    broken = [f"{name} ({problem})" for name in names if (problem := _import_problem(name))]
    if broken:
        return Finding(
            "packages", BAD, "cannot be imported: " + ", ".join(broken), "pip install --force-reinstall ganforge"
        )
    return Finding("packages", GOOD, ", ".join(names))


def check_extras() -> list[Finding]:
    """The optional packages; one that is absent is no mistake."""
    found = []
    for extra, names in requirements().items():
        if extra in ("", "all", "dev"):
            continue
        if any(not _installed(name) for name in names):
            found.append(Finding(f"extra {extra}", HINT, "not installed", f"if you want it: {install(extra)}"))
        else:
            found.append(Finding(f"extra {extra}", GOOD, "installed"))
    return found


def requirements() -> dict[str, list[str]]:
    """The packages that ganforge needs, as its metadata names them, by extra; under "" those that it always needs.

    Empty where it is not installed as a package.
    """
    found: dict[str, list[str]] = {}
    try:
        lines = importlib.metadata.requires("ganforge") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    for line in lines:  # "pillow>=10.3", "wandb>=0.18; extra == 'wandb'"
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        name = re.match(r"[\w.-]+", line)
        assert name is not None, line
        found.setdefault(extra[1] if extra else "", []).append(name[0])
    return found


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _import_problem(package: str) -> str:
    """Why a package cannot be imported; empty where it can."""
    if not _installed(package):
        return "not installed"
    try:
        importlib.import_module(_module_of(package))
    except Exception as error:  # a broken installation fails in many ways, not with ImportError alone
        return f"{type(error).__name__}: {error}"
    return ""


@functools.cache  # it reads the list of files of every package
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _module_of(package: str) -> str:
    """What a package is imported as: `PIL` of pillow."""

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    names = [
        module
        for module, packages in _distributions().items()
        if plain(package) in map(plain, packages) and not module.startswith("_")
    ]
    same = [name for name in names if plain(name) == plain(package)]
    return (same or names or [package])[0]


def check_cache() -> Finding:
    """The folder that downloads are kept in."""
    from ganforge.core.cache import cache_folder

    folder = cache_folder()
    fix = "set GANFORGE_CACHE to a folder with space that you may write to"
    return _writable("cache", folder, fix)


def check_folder(folder: Path) -> Finding:
    """The folder in which runs/ would be made."""
    return _writable("runs", folder, "go to another folder, or name one with --run-dir")


def _writable(what: str, folder: Path, fix: str) -> Finding:
    there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"ganforge")
    except OSError as error:
        return Finding(what, BAD, f"{folder}: cannot be written to ({error.strerror})", fix)
    free = shutil.disk_usage(there).free / 2**30
    if free < 1:
        return Finding(what, BAD if free < 0.1 else HINT, f"{folder}: only {free:.2f} GiB free", fix)
    return Finding(what, GOOD, f"{folder}, {free:,.0f} GiB free")


VERB = Verb(doctor, order=70)
