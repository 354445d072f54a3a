"""Charts, drawn as SVG or as pixels by the same code."""
