"""How fast a recipe runs on this machine: its parts by turns, beside the machine's own limits."""
