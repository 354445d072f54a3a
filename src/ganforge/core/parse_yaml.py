"""YAML as plain values."""

from __future__ import annotations

from typing import Any

import yaml


def parse_yaml(text: str) -> Any:
    """The value of a YAML document: mappings, lists, text, numbers, booleans, None.

    Raises:
        yaml.YAMLError: it is no YAML, or asks for other objects.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with it
    return loader(text).get_single_data()
