"""Who may import whom, what may be called where, how light the start is: the house rules that a machine can read."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
MODULES = sorted(SOURCE.glob("ganforge/**/*.py"))

BASES = {"signals.base", "data.base", "objectives.base", "nets.base", "augment.base", "tasks.base", "metrics.base"}
MAY_IMPORT = {
    "core": set(),
    "registry": {"core"},
    "signals": {"core", "data.degrade.base"},  # a pair may make its source from its target
    "data": {"core"},
    "objectives": {"core"},
    "nets": {"core"},
    "augment": {"core"},
    "metrics": {"core", "signals"},
    "tasks": {
        "core", "objectives.base", "nets.base", "augment.base", "nets.layers.columns",
        # Which grids a picture is halved to, and how far nets have grown: what tasks of several scales are about.
        "nets.layers.pyramid", "nets.layers.growth",
    },
    # The loader serves every source and names none; bars and the cache's place serve all that takes long.
    "engine": {"core", "registry", "data.loader", "data.progress", "data.download", *BASES},
    "recipes": {
        "core", "registry", "signals", "data", "objectives", "nets", "augment", "metrics", "tasks",
        "engine.recipe", "engine.optim", "engine.ema", "engine.statistics", "engine.callbacks",
        "engine.health.base", "engine.privacy.base",
    },
    "inference": {
        "core", "registry", "signals", "nets", "tasks", "engine", "metrics",
        "data.base", "data.progress", "data.download",
        "data.pairs", "data.degrade.resample",  # pairs by name; what models that enlarge are held against
        "data.folder", "data.pictures", "data.photo",  # files to translate are read as those to learn from are
    },
}  # fmt: skip
"""Beside itself, what each part may import: a part of the package, or one module of it."""

ON_TOP = {"__init__", "__main__", "api", "tables", "cli", "studio"}
"""These may import everything."""

OPTIONAL = {"tensorboard", "wandb", "imageio", "imageio_ffmpeg", "datasets", "opacus", "transformers", "torch_fidelity"}
"""Packages of the extras: imported inside the function that needs them."""


def part_of(module: Path) -> str:
    """`core` of ganforge/core/rng.py, `registry` of ganforge/registry.py."""
    return module.relative_to(SOURCE / "ganforge").parts[0].removesuffix(".py")


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def for_types_only(node: ast.AST) -> bool:
    """Whether a node is `if TYPE_CHECKING:`; what is under it is never imported when the program runs."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below `node` that runs, inside functions too."""
    for child in ast.iter_child_nodes(node):
        if not for_types_only(child):
            yield child
            yield from running(child)


def names_in(node: ast.AST) -> Iterator[str]:
    """The dotted modules that a node imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            path = SOURCE.joinpath(*node.module.split("."), alias.name)
            inner = path.is_dir() or path.with_suffix(".py").is_file()
            yield f"{node.module}.{alias.name}" if inner else node.module


def imports(module: Path) -> set[str]:
    return {name for node in running(tree_of(module)) for name in names_in(node)}


def imports_on_load(module: Path) -> set[str]:
    """What a module imports as soon as it is imported itself."""

    def visit(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not for_types_only(child) and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                yield child
                yield from visit(child)

    return {name for node in visit(tree_of(module)) for name in names_in(node)}


def calls(module: Path) -> Iterator[tuple[str, ast.Call]]:
    """(`torch.load` or `.backward`, the call) of every call in a module."""
    for node in running(tree_of(module)):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                yield f".{function.attr}", node
                yield ast.unparse(function), node
            elif isinstance(function, ast.Name):
                yield function.id, node


def within(name: str, allowed: set[str]) -> bool:
    inner = name.removeprefix("ganforge.")
    return any(inner == part or inner.startswith(f"{part}.") for part in allowed)


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


@of_every_module
def test_who_imports_whom(module):
    part = part_of(module)
    if part in ON_TOP:
        return
    assert part in MAY_IMPORT, f"{part} is new: say in MAY_IMPORT what it may import, and in docs/architecture.md why"
    ours = {name for name in imports(module) if name.startswith("ganforge.")}
    strangers = sorted(name for name in ours if not within(name, {part, *MAY_IMPORT[part]}))
    assert not strangers, f"{part} may import itself and {sorted(MAY_IMPORT[part]) or 'nothing else'}, not {strangers}"


@of_every_module
def test_types_alone_may_look_up(module):
    """An annotation binds nothing when the program runs, but one that leads to the top would hide a wrong direction."""
    for node in ast.walk(tree_of(module)):
        if for_types_only(node) and part_of(module) not in ON_TOP:
            names = {name for inner in ast.walk(node) for name in names_in(inner)}
            assert not [name for name in names if within(name, ON_TOP)]


@of_every_module
def test_core_needs_little(module):
    if part_of(module) != "core":
        return
    allowed = {"pydantic", "pydantic_core", "ganforge", *sys.stdlib_module_names}
    more = {"rng.py": {"torch"}, "types.py": {"torch", "numpy"}, "passes.py": {"numpy"}, "overrides.py": {"yaml"}}
    more |= {"device.py": {"torch"}}
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
    part = part_of(module)
    if part == "engine":
        return
    forbidden = {".backward", ".item", ".cuda", ".autocast", ".all_reduce", ".broadcast", ".manual_seed_all"}
    if module.match("metrics/extractors/fit.py"):  # an extractor is trained outside any run
        forbidden -= {".backward"}
    if part in {"tasks", "nets", "objectives", "augment"}:  # single-device maths: no look at where it runs
        forbidden |= {".cpu", "torch.cuda.is_available", "torch.manual_seed", ".synchronize"}
    for name, call in calls(module):
        assert name not in forbidden, f"line {call.lineno}: {name} belongs into engine/"
    assert not any(name.startswith("torch.distributed") for name in imports(module))


@of_every_module
def test_losses_are_per_sample(module):
    """Rule 1: an objective or a penalty that takes a mean over all would hide what each sample costs.

    A bare sum is fine: the gradient of a batch's sum holds the gradients of its samples.
    """
    if part_of(module) != "objectives":
        return
    for name, call in calls(module):
        if name == ".mean":
            assert call.args or call.keywords, f"line {call.lineno}: a mean over the whole batch"


@of_every_module
def test_randomness_is_an_argument(module):
    """Rule 3: the families whose draws decide a run never use a generator of their own or a global one."""
    if part_of(module) not in {"tasks", "objectives", "signals", "augment"}:
        return
    drawing = {"torch.rand", "torch.randn", "torch.randint", "torch.randperm", "torch.rand_like", "torch.randn_like"}
    for name, call in calls(module):
        assert name not in drawing, f"line {call.lineno}: {name}: draw from the rng that is passed in"
        assert not name.startswith(("np.random.", "random.")), f"line {call.lineno}: {name}"


def python(code: str, **kwargs) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY = "sorted({'torch', 'numpy', 'matplotlib', 'sklearn', 'PIL', 'scipy', 'pandas'} & set(sys.modules))"


def test_importing_the_package_is_light():
    assert python(f"import sys, ganforge; print({HEAVY})") == "[]\n"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["sample", "--help"], ["translate", "--help"], ["--version"]]
)
def test_help_is_light(arguments):
    code = f"""
import sys
sys.argv = ["ganforge", *{arguments}]
from ganforge.cli.main import main
status = None
try:
    main()
except SystemExit as stop:
    status = stop.code
print()
print(status or 0, {HEAVY})
"""
    assert python(code).splitlines()[-1] == "0 []"


def test_importing_everything_changes_nothing(tmp_path):
    """Rule 6: no seed set, no thread count, no default, no file, no signal handler."""
    code = """
import logging, os, signal
import numpy as np, torch
def state():
    return (
        torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(),
        torch.get_default_dtype(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision(), torch.is_grad_enabled(),
        os.getcwd(), [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)], logging.getLogger().handlers[:],
    )
before = state()
from ganforge.registry import load_all
load_all()
changed = [(i, a, b) for i, (a, b) in enumerate(zip(before, state())) if a != b]
assert not changed, changed
"""
    python(code, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
