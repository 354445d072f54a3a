"""The package's own files, parsed once for all tests that read them."""

from __future__ import annotations

import ast
import gc
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
MODULES = sorted(SOURCE.glob("ganforge/**/*.py"))


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@cache
def all_nodes() -> dict[Path, tuple[ast.AST, ...]]:
    """The nodes of every module. They are a million and stay, so garbage is not looked for among them."""
    gc.disable()
    found = {module: tuple(ast.walk(tree_of(module))) for module in MODULES}
    gc.freeze()
    gc.enable()
    return found


def nodes_of(module: Path) -> tuple[ast.AST, ...]:
    return all_nodes()[module]
