"""Who may import whom, what may be called where: the house rules that a machine can read.

(That importing changes nothing and is light: `cli/test_lean.py`.)
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from sources import MODULES, SOURCE, nodes_of, tree_of

LAYERS = (
    {"core"},
    {"losses", "nets", "augment", "data", "signals", "metrics"},
    {"tasks"},
    {"recipes"},
    {"artifacts"},
    {"engine"},
    {"inference"},
    {"evaluation"},
    {"export", "bench", "explore"},
    {"ui"},
    {"api"},
    {"web"},
    {"cli", "__init__"},
    {"__main__"},
)
"""What each part of the package may import: itself and what stands in the lines above its own."""

LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
REGISTRY = "registry"
"""Finds modalities and plugins; anything may ask it, and it imports by name what it lists."""
BETWEEN = {"pair": {"image"}, "points": {"image"}, "video": {"image"}, "molecule": {"text"}}
"""Which modality may import which other one. Pairs are pairs of images; points may lie in .npz files as
images do; frames of films are images; SELFIES are texts of tokens."""

OPTIONAL = {
    "tensorboard",
    "wandb",
    "imageio",
    "imageio_ffmpeg",
    "av",
    "datasets",
    "opacus",
    "transformers",
    "torch_fidelity",
    "rdkit",
    "selfies",
    "fcd",
}
"""Packages of the extras: imported inside the function that needs them."""


PUBLIC = {"ganforge.api"}
"""What a modality may import from above `evaluation`: the functions that users call, for a front end of its own."""


@cache
def kinds_of_signals() -> frozenset[str]:
    """The kinds of all signals that the package has, as its modules write them: `class Image(Signal, kind="image")`."""
    found = set()
    for module in MODULES:
        for node in nodes_of(module):
            if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Signal" for b in node.bases):
                found |= {k.value.value for k in node.keywords if k.arg == "kind" and isinstance(k.value, ast.Constant)}
    return frozenset(found)


def part_of(module: Path) -> str:
    """`core` of ganforge/core/rng.py, `registry` of ganforge/registry.py."""
    return module.relative_to(SOURCE / "ganforge").parts[0].removesuffix(".py")


ROLES = {"critics": "nets", "layers": "nets", "heads": "nets", "likelihood": "nets", "signal": "signals"}
"""What some files and folders of a modality are, by the names that such parts have outside."""


def role_of(module: Path) -> str:
    """What a module is for, wherever it lies: `nets` of ganforge/nets/ and of ganforge/modalities/pair/critics/."""
    parts = module.relative_to(SOURCE / "ganforge").with_suffix("").parts
    role = parts[2] if parts[0] == "modalities" and len(parts) > 2 else parts[0]
    return ROLES.get(role, role)


def for_types_only(node: ast.AST) -> bool:
    """Whether a node is `if TYPE_CHECKING:`; what is under it is never imported when the program runs."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def running(module: Path) -> list[ast.AST]:
    """Every node of a module that runs, inside functions too."""
    found: list[ast.AST] = [tree_of(module)]
    for node in found:
        found += (child for child in ast.iter_child_nodes(node) if not for_types_only(child))
    return found[1:]


def names_in(node: ast.AST) -> Iterator[str]:
    """The dotted modules that a node imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            path = SOURCE.joinpath(*node.module.split("."), alias.name)
            inner = path.is_dir() or path.with_suffix(".py").is_file()
            yield f"{node.module}.{alias.name}" if inner else node.module


@cache
def imports(module: Path) -> set[str]:
    return {name for node in running(module) for name in names_in(node)}


def imports_on_load(module: Path) -> set[str]:
    """What a module imports as soon as it is imported itself."""

    def visit(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not for_types_only(child) and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                yield child
                yield from visit(child)

    return {name for node in visit(tree_of(module)) for name in names_in(node)}


@cache
def calls(module: Path) -> tuple[tuple[str, ast.Call], ...]:
    """(`torch.load` or `.backward`, the call) of every call in a module."""
    found = []
    for node in running(module):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                found += [(f".{function.attr}", node), (ast.unparse(function), node)]
            elif isinstance(function, ast.Name):
                found.append((function.id, node))
    return tuple(found)


def of_every_module(check: Callable[[Path], None]) -> Callable[[], None]:
    """A test that tells of every module that breaks a rule, not of the first one alone."""

    def test() -> None:
        found = []
        for module in MODULES:
            try:
                check(module)
            except AssertionError as error:
                found.append(f"{module.relative_to(SOURCE)}: {error}")
        assert not found, "\n".join(found)

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test


def parts_of(name: str) -> list[str]:
    """["modalities", "image", "signal"] of ganforge.modalities.image.signal."""
    return name.split(".")[1:]


@cache
def all_imports(module: Path) -> set[str]:
    """What a module imports of the package, for types alone too: an annotation would hide a wrong direction."""
    names = {name for node in nodes_of(module) for name in names_in(node)}
    return {name for name in names if name.startswith("ganforge.")}


@of_every_module
def test_who_imports_whom(module):
    part = part_of(module)
    if part in (REGISTRY, "modalities"):
        return
    assert part in LEVEL, f"{part} is new: give it a place in LAYERS, and say in docs/architecture.md why"
    known = {part, REGISTRY, "modalities"}  # the last has a test of its own
    found = {parts_of(name)[0] for name in all_imports(module)} - known
    wrong = sorted(other for other in found if LEVEL[other] >= LEVEL[part])
    assert not wrong, f"{part} may not import {', '.join(wrong)}"


@of_every_module
def test_modalities_are_imported_by_nobody(module):
    """A signal is one folder: what is outside it asks the signal, and knows none by name."""
    part = part_of(module)
    if part in (REGISTRY, "modalities"):
        return
    found = imports(module) if part == "__init__" else all_imports(module)  # types for users
    wrong = {name for name in found if name.startswith("ganforge.modalities")}
    assert not wrong, f"imports {', '.join(sorted(wrong))}"


@of_every_module
def test_modalities_know_no_other(module):
    if part_of(module) != "modalities":
        return
    own = module.relative_to(SOURCE / "ganforge" / "modalities").parts[0].removesuffix(".py")
    for name in all_imports(module):
        part, *below = parts_of(name)
        if part == REGISTRY:
            continue
        if part == "modalities":
            assert below, f"imports {name}"
            assert below[0] in {own, *BETWEEN.get(own, ())}, f"imports {name}"
        else:
            highest = LEVEL["ui" if module.name == "verbs.py" else "evaluation"]
            assert LEVEL[part] <= highest or name in PUBLIC, f"imports {name}"


@of_every_module
def test_no_signal_is_asked_for_by_name(module):
    """No string outside `modalities/` that is the kind of a signal, in code that runs: `signal.kind == "table"`."""
    if part_of(module) in (REGISTRY, "modalities"):
        return
    texts = {id(node.value) for node in nodes_of(module) if isinstance(node, ast.Expr)}  # docstrings
    for node in nodes_of(module):
        if isinstance(node, ast.Constant) and node.value in kinds_of_signals() and id(node) not in texts:
            raise AssertionError(f"line {node.lineno}: {node.value!r}")


def test_there_is_something_to_check():
    """The tests above pass on an empty list."""
    assert len(MODULES) > 200
    assert {"image", "pair", "points", "table"} <= kinds_of_signals()
    assert {part_of(module) for module in MODULES} >= {*LEVEL, REGISTRY, "modalities"} - {"__main__"}


def test_no_circles_between_files():
    """TYPE_CHECKING included: two files that need each other are one."""
    graph = {dotted(module): all_imports(module) for module in MODULES}
    order, low, stack, circles = {}, {}, [], []

    def visit(name: str) -> None:  # Tarjan 1972
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph.get(name, ()):
            if other not in graph:
                continue
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            part = [stack.pop()]
            while part[-1] != name:
                part.append(stack.pop())
            if len(part) > 1:
                circles.append(sorted(part))

    for name in graph:
        if name not in order:
            visit(name)
    assert not circles, circles


def dotted(module: Path) -> str:
    return ".".join(module.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@of_every_module
def test_core_needs_little(module):
    if part_of(module) != "core":
        return
    allowed = {"pydantic", "pydantic_core", "ganforge", *sys.stdlib_module_names}
    more = {"rng.py": {"torch"}, "types.py": {"torch", "numpy"}, "passes.py": {"numpy"}, "overrides.py": {"yaml"}}
    more |= {"parse_yaml.py": {"yaml"}}
    more |= {"device.py": {"torch"}, "media.py": {"PIL"}, "dataset.py": {"numpy"}, "progress.py": {"rich"}}
    more |= {
        "drawing.py": {"numpy", "PIL"},
        "allowance.py": {"torch"},
        "conditions.py": {"numpy"},
        "condition_kinds.py": {"numpy"},
        "text_condition.py": {"numpy"},
        "captioned.py": {"numpy"},
        "scratch.py": {"numpy"},
    }
    allowed |= more.get(module.name, set())
    assert {name.split(".")[0] for name in imports(module)} <= allowed


@of_every_module
def test_packages_that_are_never_imported(module):
    packages = {name.split(".")[0] for name in imports(module)}
    assert not packages & {"torchvision", "pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


@of_every_module
def test_optional_packages_wait_until_they_are_needed(module):
    assert not {name.split(".")[0] for name in imports_on_load(module)} & OPTIONAL
    assert "torch.utils.tensorboard" not in imports_on_load(module)


@of_every_module
def test_nothing_that_is_loaded_can_run_code(module):
    forbidden = {"torch.load", "torch.save", "torch.jit.load", "yaml.load", "yaml.unsafe_load", "eval", "exec"}
    for name, call in calls(module):
        assert name not in forbidden, f"line {call.lineno}: {name}"
        for keyword in call.keywords:
            allows = keyword.arg == "allow_pickle" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            )
            assert not allows, f"line {call.lineno}: allow_pickle"


@of_every_module
def test_training_is_the_engines_work(module):
    """Rules 1 and 2: means, gains and backward passes, precision and processes live in engine/ alone."""
    part = role_of(module)
    if part == "engine":
        return
    forbidden = {".backward", ".item", ".cuda", ".autocast", ".all_reduce", ".broadcast", ".manual_seed_all"}
    if module.match("extractors/fit.py"):  # an extractor is trained outside any run
        forbidden -= {".backward"}
    if part in {"tasks", "nets", "losses", "augment"}:  # single-device maths: no look at where it runs
        forbidden |= {".cpu", "torch.cuda.is_available", "torch.manual_seed", ".synchronize"}
    for name, call in calls(module):
        assert name not in forbidden, f"line {call.lineno}: {name} belongs into engine/"
    assert not any(name.startswith("torch.distributed") for name in imports(module))


@of_every_module
def test_losses_are_per_sample(module):
    """Rule 1: an objective or a penalty that takes a mean over all would hide what each sample costs.

    A bare sum is fine: the gradient of a batch's sum holds the gradients of its samples.
    """
    if role_of(module) != "losses":
        return
    for name, call in calls(module):
        if name == ".mean":
            assert call.args or call.keywords, f"line {call.lineno}: a mean over the whole batch"


@of_every_module
def test_randomness_is_an_argument(module):
    """Rule 3: the families whose draws decide a run never use a generator of their own or a global one."""
    if role_of(module) not in {"tasks", "losses", "signals", "augment"}:
        return
    drawing = {"torch.rand", "torch.randn", "torch.randint", "torch.randperm", "torch.rand_like", "torch.randn_like"}
    for name, call in calls(module):
        assert name not in drawing, f"line {call.lineno}: {name}: draw from the rng that is passed in"
        assert not name.startswith(("np.random.", "random.")), f"line {call.lineno}: {name}"
