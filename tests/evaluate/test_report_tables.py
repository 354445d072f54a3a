"""What a report says of tables: each fault is named once, and a sound run is left in peace."""

from __future__ import annotations

import pytest

from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import find
from ganforge.evaluation.report.words import meaning_of, meanings, stem_of
from ganforge.modalities.table.findings import RULES


def figure(name: str, value: float, **detail):
    protocol = {"n_real": 30_000, "n_fake": 30_000}
    return {"name": f"{name}30k[something]", "value": value, "protocol": protocol, "detail": detail}


COPIES = figure("exact_copies", 0.002, by_chance=0.002, copying=False)
SOUND = [
    figure("ks", 0.04, per_column={"age": 0.05}, per_column_held_out={"age": 0.01}),
    figure("tv", 0.03, per_column={"city": 0.04}),
    figure("correlation", 0.98, worst=[{"columns": ["age", "pay"], "similarity": 0.95}]),
    figure("detection", 0.75, per_column={"age": 0.05}),
    figure("usefulness", 0.68),
    figure("usefulness_of_real", 0.71),
    figure("usefulness_of_constant", 0.0),
    figure("dcr", 0.49, closer=False),
    figure("membership", 0.5, told=False),
    COPIES,
]


def found(*changed: dict) -> dict[str, str]:
    """Titles of what is wrong or doubtful, with the reasons, where some figures differ from the sound ones."""
    stems = {stem_of(one["name"]) for one in changed}
    figures = [one for one in SOUND if stem_of(one["name"]) not in stems] + list(changed)
    return {f.title: f.why for f in find(Evidence(figures), RULES) if f.level in ("bad", "warn")}


def test_a_sound_run_is_left_in_peace():
    assert found() == {}
    assert [f.level for f in find(Evidence(SOUND), RULES)] == ["good"]


@pytest.mark.parametrize(
    ("changed", "title", "why"),
    [
        (figure("ks", 0.3, per_column={"age": 0.4, "pay": 0.02}), "columns differ from the real ones", "age (KS 0.40)"),
        (figure("tv", 0.3, per_column={"a": 0.2, "b": 0.4}), "columns differ", "b (TV 0.40), a (TV 0.20)"),
        (figure("ks", 0.1, per_column={"gain": 0.1}, often={"gain": {"value": "0", "real": 0.9, "fake": 0.1}}),
         "a very frequent number", "0 in gain (90% of the real rows, 10% of the generated)"),
        (figure("contingency", 0.9, worst=[{"columns": ["a", "b"], "similarity": 0.4}]),
         "pairs of columns differ", "a and b (0.40)"),
        (figure("detection", 0.99, per_column={"gain": 0.3, "age": 0.0}), "nearly always", "mostly on gain."),
        (figure("detection", 0.93), "distinguishes generated rows from real ones", "0.930"),
        (figure("usefulness", 0.0), "learns nothing", "constant guess"),
        (figure("usefulness", 0.2), "much less", "0.710"),
        (figure("exact_copies", 0.3, by_chance=0.001, copying=True), "repeated exactly", "30.00%"),
        (figure("dcr", 0.7, closer=True), "lie nearer to training rows", "70.0%"),
        (figure("membership", 0.62, told=True), "reveal who was in the training data", "0.620"),
    ],
)  # fmt: skip
def test_each_fault_is_named(changed, title, why):
    said = found(changed)
    assert [why in reason for name, reason in said.items() if title in name] == [True], said


def test_what_is_chance_is_no_fault():
    rare = figure("tv", 0.2, per_column={"city": 0.2}, per_column_held_out={"city": 0.15})
    assert found(rare) == {}
    assert found(figure("dcr", 0.52, closer=True)) == {}


def test_a_target_that_nobody_can_predict():
    figures = [figure("usefulness", 0.0), figure("usefulness_of_real", 0.005), figure("usefulness_of_constant", 0.0)]
    assert found(*figures) == {}
    assert any("hardly be predicted" in f.title for f in find(Evidence(figures), RULES))


@pytest.mark.parametrize("name", ["ks29k", "usefulness_of_real3615", "exact_copies400", "detection29k", "dcr400"])
def test_every_figure_has_its_words(name):
    assert stem_of(f"{name}[x]") in meanings()
    assert meaning_of(f"{name}[x]").text


def test_few_rows_are_said_without_words_on_pictures():
    few = [{**one, "protocol": {"n_real": 90, "n_fake": 90}} for one in SOUND]
    (said,) = [f.why for f in find(Evidence(few), RULES) if f.title == "few samples"]
    assert "Fréchet" not in said
