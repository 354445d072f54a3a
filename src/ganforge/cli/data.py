"""`ganforge data`: what a data set is, before anybody trains on it."""
import typer
app = typer.Typer(help="Look at data, or pack it.")
@app.callback()
def _x(): pass
@app.command("inspect")
def inspect(path: str): pass
