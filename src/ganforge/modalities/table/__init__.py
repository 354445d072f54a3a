"""Tables: rows of numbers, categories, dates and more."""

PUBLIC = {"TableGAN": "api"}
"""What `ganforge` offers of this folder: name → module in it."""
