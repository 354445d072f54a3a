"""`ganforge recipes`: what can be trained, and everything that can be set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.ui.options import Plugins
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.recipes.base import Recipe

app = typer.Typer(help="What can be trained: list, show, diff, schema.", invoke_without_command=True)
VERB = Verb(app, "recipes", order=80)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A recipe, a YAML file, or a run directory.")]


@app.callback()
def listing(context: typer.Context, as_json: AsJson = False, plugins: Plugins = None) -> None:
    """List the recipes. With a verb: show, diff, schema."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    from ganforge.recipes.listing import listed
    from ganforge.ui.console import stdout

    if as_json:
        emit([{"name": name, "summary": summary} for name, summary in listed().items()])
        return
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, summary in listed().items():
        table.add_row(name, summary)
    stdout().print(table)
    hint = "\nTrain one: ganforge train NAME data=...   All that it sets: ganforge recipes show NAME"
    stdout().print(hint, style="dim")


@app.command("show")
def show(
    name: Name,
    bare: Annotated[bool, typer.Option("--bare", help="Without the help texts.")] = False,
    as_json: AsJson = False,
    plugins: Plugins = None,
) -> None:
    """Print a recipe as YAML, with a line of help for each field. `train --with` reads it back."""
    from ganforge import recipes
    from ganforge.core import overrides
    from ganforge.core.component import to_plain
    from ganforge.registry import load_all
    from ganforge.ui.annotate import annotated, comment

    load_all()
    recipe = find(name)
    if as_json:
        emit(to_plain(recipe))
        return
    if bare:
        typer.echo(overrides.to_yaml(recipe), nl=False)
        return
    if name in recipes.names():
        typer.echo(comment(recipes.RECIPES[name].__doc__ or ""))
    typer.echo(annotated(recipe), nl=False)


@app.command("diff")
def diff(a: Name, b: Name, as_json: AsJson = False, plugins: Plugins = None) -> None:
    """Print the fields in which two recipes (or runs) differ."""
    from rich.table import Table

    from ganforge.core import overrides
    from ganforge.registry import load_all
    from ganforge.ui.console import stdout

    load_all()
    differences = overrides.diff(find(a), find(b))
    if as_json:
        emit([{"field": path, "a": left, "b": right} for path, left, right in differences])
        return
    if not differences:
        stdout().print("no difference")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("field", a, b):
        table.add_column(title, overflow="fold")
    for path, left, right in differences:
        table.add_row(path, _shown(left), _shown(right))
    stdout().print(table)


@app.command("schema")
def schema(name: Name, as_json: AsJson = True, plugins: Plugins = None) -> None:
    """Print the JSON Schema of a recipe, its values as the defaults: for editors and forms."""
    from ganforge.registry import load_all

    load_all()
    emit(schema_of(find(name)))


def schema_of(recipe: Recipe) -> dict[str, Any]:
    """The JSON Schema of all recipes, with this one's values as the defaults of the fields at the top."""
    import pydantic

    from ganforge.core.component import to_plain
    from ganforge.recipes.base import Recipe

    plain = to_plain(recipe)
    made = pydantic.TypeAdapter(Recipe).json_schema()
    made["title"] = recipe.name
    for field, properties in made["properties"].items():
        properties["default"] = plain[field]
    return made


def find(name: str) -> Recipe:
    """The recipe of that name, of a YAML file, or of a run directory.

    Raises:
        UserError: there is none, or it is not valid.
    """
    from ganforge import recipes
    from ganforge.artifacts.rundir import stored_recipe
    from ganforge.core import overrides
    from ganforge.core.component import build
    from ganforge.recipes.base import Recipe

    path = Path(name)
    if name not in recipes.names() and path.is_dir():
        return stored_recipe(path)
    if name not in recipes.names() and path.suffix in (".yaml", ".yml"):
        return build(Recipe, overrides.from_yaml(path), what=str(path))
    return recipes.get(name)


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)
