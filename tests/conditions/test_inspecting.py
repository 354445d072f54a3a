"""What `data inspect` says of samples with conditions, and which recipes it finds for them."""

from __future__ import annotations

import json


def test_conditions_are_shown_and_recipes_that_ask_for_them_fit(ganforge):
    said = ganforge("data", "inspect", "kind=sprites", "count=80", "--limit", "20", "--json")
    assert said.status == 0, said.err
    found = json.loads(said.out)
    assert found["conditions"]["angle"] == "angle: 0 to 360, periodic"
    assert list(found["conditions"]) == ["shape", "color", "size", "period", "angle", "light", "x", "y"]
    fits = dict(found["recipes"]) if isinstance(found["recipes"], list) else found["recipes"]
    assert "with conditions: shape, color" in json.dumps(fits["cdcgan"])
