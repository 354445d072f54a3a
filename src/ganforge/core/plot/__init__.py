"""Charts as SVG and as pixels, drawn by the same code."""
