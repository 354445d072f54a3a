"""YAML as plain values."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml


def parse_yaml(text: str) -> Any:
    """The value of a YAML document: mappings, lists, text, numbers, booleans, None.

    Raises:
        yaml.YAMLError: it is no YAML, or asks for other objects.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with it
    return loader(text).get_single_data()


class _Dumper(yaml.SafeDumper):
    """Writes text unchanged, except for Unicode line separators, which YAML would read as spaces."""


FAST: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _FastDumper(FAST):
    """As `_Dumper`, three times as fast where PyYAML was built with it; but it escapes emoji, and fails at file names
    that are no text."""


def _represent_str(dumper: Any, data: str) -> yaml.ScalarNode:
    quoted = any(mark in data for mark in "\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if quoted else None)


_Dumper.add_representer(str, _represent_str)
_FastDumper.add_representer(str, _represent_str)


def dump_yaml(plain: Any) -> str:
    """A YAML document of mappings, lists, text, numbers, booleans and None, in their order."""
    rare = re.search("[\ud800-\udfff\U00010000-\U0010ffff]", json.dumps(plain, ensure_ascii=False))
    dumper = _Dumper if rare else _FastDumper
    return yaml.dump(plain, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
