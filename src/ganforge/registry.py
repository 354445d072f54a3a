"""Finds every component and verb: those of the package, those of installed plugins, and files named with --plugin."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import logging
import pkgutil
import re
import sys
import traceback
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ganforge.core.errors import UserError

log = logging.getLogger("ganforge")

PACKAGES = (
    "core",
    "data",
    "losses",
    "nets",
    "augment",
    "metrics",
    "tasks",
    "recipes",
    "engine",
    "evaluation",
    "modalities",
)
IN_EVERY_RECIPE = ("core", "data", "losses", "nets", "augment", "tasks", "recipes")
"""Packages of which `load_for` imports everything."""


@functools.cache
def load_all() -> None:
    """Imports every module that may register a component, and the entry points `ganforge.plugins`. Done once.

    Raises:
        UserError: an installed plugin fails (says which).
    """
    for name in PACKAGES:
        load_package(f"ganforge.{name}")
    for entry in importlib.metadata.entry_points(group="ganforge.plugins"):
        try:
            entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist else entry.value
            raise UserError(
                f"the installed plugin {package!r} cannot be loaded: {type(error).__name__}: {error}. "
                f"Update it, or remove it with: pip uninstall {package}",
                code="plugin.cannot_be_loaded",
            ) from error


def load_package(name: str) -> None:
    """Imports every module of a package that may register a component."""
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if module.name not in public_names().values():  # a front end registers nothing, and may need an extra
            importlib.import_module(module.name)


def load_for(plain: Any) -> None:
    """Imports what a stored recipe needs, in half the time of `load_all`: all modalities and other packages of which it
    names a kind, and those packages that hold no more than every recipe needs.

    Args:
        plain: the recipe as mappings, lists and scalars.
    """
    if load_all.cache_info().currsize or importlib.metadata.entry_points(group="ganforge.plugins"):
        load_all()
        return
    from ganforge.core.component import families  # with pydantic, which help does without

    wanted = kinds_in(plain)
    root = Path(__file__).parent
    modalities = [f"modalities.{folder.name}" for folder in (root / "modalities").iterdir() if folder.is_dir()]
    for name in (*(name for name in PACKAGES if name != "modalities"), *sorted(modalities)):
        folder = root.joinpath(*name.split("."))
        if name in IN_EVERY_RECIPE or any(
            wanted & kinds_defined(file.read_text(encoding="utf-8")) for file in folder.rglob("*.py")
        ):
            load_package(f"ganforge.{name}")
    if wanted - {kind for family in families().values() for kind in family.kinds}:  # an earlier name of a kind
        load_all()


def kinds_in(plain: Any) -> set[str]:
    """The kinds that a stored recipe names."""
    if isinstance(plain, Mapping):
        own = {plain["kind"]} if isinstance(plain.get("kind"), str) else set()
        return own.union(*(kinds_in(value) for value in plain.values()))
    return set().union(*(kinds_in(value) for value in plain)) if isinstance(plain, (list, tuple)) else set()


def kinds_defined(text: str) -> set[str]:
    """The kinds that the classes of a source file define."""
    return set(re.findall(r'^ *class \w+\([^()]*\bkind="([^"]+)"', text, re.MULTILINE))


@functools.cache
def public_names() -> dict[str, str]:
    """What `ganforge` offers of the modalities: name → the module that holds it. Each lists its own as `PUBLIC`."""
    modalities = importlib.import_module("ganforge.modalities")
    found = {}
    for entry in pkgutil.iter_modules(modalities.__path__, "ganforge.modalities."):
        public = getattr(importlib.import_module(entry.name), "PUBLIC", {}) if entry.ispkg else {}
        found |= {name: f"{entry.name}.{module}" for name, module in public.items()}
    return found


PLUGIN_FILES: list[str] = []
"""The files that were loaded as plugins, as they were named; a command line begins with none."""


def load_plugin(path: Path | str) -> None:
    """Runs a Python file so that the components and recipes in it are known.

    Raises:
        UserError: no such file, or it fails when run (says in which line).
    """
    load_all()
    path = Path(path)
    if not path.is_file():
        raise UserError(f"--plugin {path}: no such file", code="plugin.not_found")
    name = f"ganforge_plugin_{path.stem}_{zlib.crc32(bytes(path.resolve())):08x}"  # two files may have the same name
    module_spec = importlib.util.spec_from_file_location(name, path)
    if module_spec is None or module_spec.loader is None:
        raise UserError(f"--plugin {path}: not a Python file (its name must end in .py)", code="plugin.not_python")
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[name] = module  # dataclasses look their module up while the class is made
    try:
        module_spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f", line {lines[-1]}" if lines else ""
        raise UserError(
            f"--plugin {path}{where}: {type(error).__name__}: {error}", code="plugin.cannot_be_loaded"
        ) from error
    if str(path) not in PLUGIN_FILES:
        PLUGIN_FILES.append(str(path))


def verb_modules() -> Iterator[ModuleType]:
    """The files that may bring verbs of the command line, imported; no other module is, so that help stays quick.

    Of the package all of `cli/` and `verbs.py` in the folder of a modality; of an installed plugin what its entry
    points `ganforge.verbs` name. They import what is heavy inside their functions.
    """
    cli = importlib.import_module("ganforge.cli")
    for module in pkgutil.iter_modules(cli.__path__, f"{cli.__name__}."):
        if module.name != "ganforge.cli.main":  # which asks
            yield importlib.import_module(module.name)
    modalities = importlib.import_module("ganforge.modalities")
    for folder in pkgutil.iter_modules(modalities.__path__, f"{modalities.__name__}."):
        if folder.ispkg and importlib.util.find_spec(f"{folder.name}.verbs"):
            yield importlib.import_module(f"{folder.name}.verbs")
    for entry in importlib.metadata.entry_points(group="ganforge.verbs"):
        try:
            yield importlib.import_module(entry.module)
        except Exception as error:  # one broken plugin does not take the other verbs away
            package = entry.dist.name if entry.dist else entry.value
            log.warning(
                "the verbs of the installed plugin %r cannot be loaded: %s: %s. Update it or remove it: "
                "pip uninstall %s", package, type(error).__name__, error, package,
            )  # fmt: skip
