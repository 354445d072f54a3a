"""Figures for tables: columns one by one, in pairs, all at once; what they are good for, and what they give away."""
