"""Every mistake that a user can make has a code, which stays when the words of its message change."""

from __future__ import annotations

import ast
import re
from functools import cache

from sources import MODULES, nodes_of

FORM = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@cache
def raised() -> list[tuple[str, ast.expr | None]]:
    """(where, the argument `code`) of each `UserError(...)` in the package."""
    found = []
    for module in MODULES:
        for node in nodes_of(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UserError":
                code = next((word.value for word in node.keywords if word.arg == "code"), None)
                found.append((f"{module.name}:{node.lineno}", code))
    return found


def test_every_mistake_has_a_code():
    found = raised()
    assert len(found) > 300
    assert not [where for where, code in found if code is None]


def test_codes_say_where_and_what():
    """`data.not_found`; one that is handed on from another error is an expression."""
    codes = {where: code.value for where, code in raised() if isinstance(code, ast.Constant)}
    assert not {where: code for where, code in codes.items() if not FORM.fullmatch(code)}
