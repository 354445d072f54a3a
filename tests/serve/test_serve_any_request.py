"""Whatever a client sends, it is answered as the description says: with a file, or with a code and a sentence."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganforge.web.asks import Sample
from ganforge.web.serve.app import Server
from serve.asking import Ask, as_json

NUMBERS = st.integers(-2, 4) | st.integers() | st.floats() | st.booleans()
SCALARS = st.none() | NUMBERS | st.text(max_size=20) | st.sampled_from(["0", "1", "png", "npz", "npy", "zip"])
FIELDS = {name: SCALARS | st.lists(SCALARS, max_size=3) for name in [*Sample.model_fields, "plugin"]} | {
    "n": st.integers(-1, 4),  # larger ones are drawn by other tests
    "columns": st.none() | st.integers(-1, 4),
}
LIKELY = {"n": st.integers(1, 4), "seed": st.integers(0, 2**63 - 1), "exact": st.booleans()} | {
    "label": st.none() | st.sampled_from([0, 1, "0", "1"]),
    "truncation": st.floats(0.01, 1.0),
    "format": st.none() | st.sampled_from(["png", "npz", "npy", "zip"]),
}


def test_every_body_is_answered(with_server):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries({}, optional=FIELDS))
    def holds(body: dict[str, Any]) -> None:
        async def use(ask: Ask, server: Server):
            said = await ask("/v1/models/digits/sample", **as_json(body))
            text = json.dumps(body)
            if said.status == 200:
                assert said.body, text
                return
            assert said.status in (400, 422), (text, said.text)
            assert set(said.json["error"]) == {"code", "message"}
            assert said.error not in ("worker.failed", "web.internal"), text
            assert "Traceback" not in said.text

        with_server(use)

    holds()


def test_what_models_can_do_is_answered_with_a_file(with_server):
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries({}, optional=LIKELY))
    def holds(body: dict[str, Any]) -> None:
        async def use(ask: Ask, server: Server):
            said = await ask("/v1/models/digits/sample", **as_json(body))
            assert said.status == 200, (body, said.text)

        with_server(use)

    holds()
