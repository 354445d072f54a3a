"""Components: one class is configuration, registry entry and help text, and its errors can be acted on."""

from __future__ import annotations

import dataclasses
import json

import pydantic
import pytest
from family import Dish, Leftovers, Menu, Oven, Pepper, Salt, Soup, Spice, Stew

from ganforge.core.component import Component, build, families, fields_of, to_plain
from ganforge.core.errors import did_you_mean
from ganforge.core.help_texts import field_help, help_text
from ganforge.core.schedule import Linear, Schedule
from refused import refused


class Word(Component, family="word"):
    """A family whose members may hold members."""


class Plain(Word, kind="plain"):
    """One word."""


class Doubled(Word, kind="doubled"):
    """A word said twice."""

    of: Word


def message(problem: str, plain, cls: type[Component] | type[Menu] = Menu, what="") -> str:
    with refused(f"config.{problem}") as caught:
        build(cls, plain, what)
    return str(caught.value)


def test_a_family_knows_its_kinds():
    assert families()["spice"] is Spice
    assert Spice.kinds == {"pepper": Pepper, "sea_salt": Salt}
    assert (Pepper.kind, Pepper.family) == ("pepper", "spice")
    assert Menu.family == ""


@pytest.mark.parametrize("given", [Soup(), "soup", {"kind": "soup"}])
def test_instance_name_and_mapping_say_the_same(given):
    assert Menu(name="x", dish=given) == Menu(name="x", dish=Soup())


def test_inherited_fields_and_defaults_that_are_names():
    soup = Soup()
    assert soup.spice == Pepper(strength=1.0, corns=3)
    assert list(fields_of(Pepper)) == ["strength", "corns"]


def test_components_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Pepper().corns = 5  # type: ignore[misc]


def test_dicts_and_tuples_of_components():
    menu = build(
        Menu,
        {
            "name": "x",
            "dish": {"kind": "soup", "more": ["pepper", {"kind": "sea_salt", "flakes": False}]},
            "spices": {"Ada": "pepper", "Bob": {"kind": "sea_salt", "strength": 2}},
        },
    )
    assert isinstance(menu.dish, Soup)
    assert menu.dish.more == (Pepper(), Salt(flakes=False))
    assert menu.spices == {"Ada": Pepper(), "Bob": Salt(strength=2.0)}


def test_plain_and_back():
    menu = Menu(
        name="x",
        dish=Soup(litres=2, more=(Salt(strength=Linear(start=1, end=0, over=10)),)),
        spices={"Ada": Pepper(corns=9)},
        oven=Oven(watts=5),
    )
    plain = to_plain(menu)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["dish"]["more"][0]["strength"] == {"kind": "linear", "start": 1.0, "end": 0.0, "over": 10, "after": 0}
    assert build(Menu, plain) == menu


def test_a_concrete_component_reads_its_own_plain_form():
    assert build(Pepper, to_plain(Pepper(corns=5))) == Pepper(corns=5)
    assert build(Spice, to_plain(Pepper(corns=5))) == Pepper(corns=5)
    assert pydantic.TypeAdapter(list[Pepper]).validate_python([{"kind": "pepper", "corns": 5}]) == [Pepper(corns=5)]


def test_a_string_may_stand_for_more_than_a_kind():
    assert build(Menu, {"name": "x", "dish": "./fridge"}).dish == Leftovers(box="./fridge")
    assert build(Menu, {"name": "x", "dish": {"kind": "./fridge", "days": 3}}).dish == Leftovers(box="./fridge", days=3)
    with refused("config.unknown_field", "'leftovers'", "'dayz'; did you mean 'days'"):
        build(Menu, {"name": "x", "dish": {"kind": "./fridge", "dayz": 3}})


def test_kinds_that_register_later_are_accepted(clean_registries):
    assert "unknown spice 'chili'" in message("unknown_kind", {"name": "x", "dish": {"kind": "soup", "spice": "chili"}})

    class Chili(Spice, kind="chili"):
        """Red and hotter."""

    soup = build(Menu, {"name": "x", "dish": {"kind": "soup", "spice": "chili"}}).dish
    assert isinstance(soup, Soup)
    assert isinstance(soup.spice, Chili)


def test_two_classes_cannot_have_one_name(clean_registries):
    with pytest.raises(TypeError, match=r"spice 'pepper' is registered twice: by .*\.Pepper and .*Cayenne"):

        class Cayenne(Spice, kind="pepper"):
            """Not black."""

    assert Spice.kinds["pepper"] is Pepper


def test_a_part_of_a_family_accepts_its_own_kinds_only(clean_registries):
    class Herb(Spice):
        """The green ones."""

    class Basil(Herb, kind="basil"):
        """Sweet."""

    assert Herb.members() == {"basil": Basil}
    assert build(Herb, {"kind": "basil"}) == Basil()
    assert "unknown spice 'pepper' (known: basil)" in message("unknown_kind", {"kind": "pepper"}, Herb)


@pytest.mark.parametrize(
    ("plain", "code", "starts", "named"),
    [
        ({"nam": "x", "dish": "soup"}, "unknown_field", "the menu", ["'nam'; did you mean 'name'?"]),
        ({"name": "x", "dish": {"kind": "soup", "liters": 2}}, "unknown_field",
         "dish: dish 'soup'", ["'liters'; did you mean 'litres'?"]),
        ({"name": "x", "dish": {"kind": "soup", "spice": {"kind": "pepper", "corn": 2}}}, "unknown_field",
         "dish.spice: spice 'pepper'", ["'corn'; did you mean 'corns'?", "(its fields: strength, corns)"]),
        ({"name": "x", "dish": {"kind": "soup", "more": ["pepper", "peper"]}}, "unknown_kind",
         "dish.more.1: ", ["spice 'peper'; did you mean 'pepper'?", "(known: pepper, sea_salt)"]),
        ({"name": "x", "dish": "soup", "spices": {"Ada": "Sea-Salt"}}, "unknown_kind",
         "spices.Ada: ", ["spice 'Sea-Salt'; did you mean 'sea_salt'?"]),
        ({"name": "x", "dish": "soup", "oven": {"wats": 3}}, "unknown_field",
         "oven: the oven", ["'wats'; did you mean 'watts'?"]),
        ({"name": "x", "dish": "soup", "watts": 3}, "unknown_field",
         "the menu", ["'watts' (its fields: name, dish,"]),
        ({"name": "x", "dish": "soup", "oven": {"watts": "hot"}}, "invalid_value", "oven.watts: ", ["integer"]),
        ({"name": "x", "dish": {"kind": "soup", "litres": -1}}, "invalid_value",
         "dish.litres: ", ["greater than 0, got -1"]),
        ({"name": "x", "dish": {"kind": "soup", "litres": float("nan")}}, "invalid_value",
         "dish.litres: ", ["finite"]),
        ({"name": "x", "dish": {"kind": "soup", "spice": {"kind": "pepper", "corns": 100}}}, "invalid_value",
         "dish.spice.corns: ", ["less than or equal to 99, got 100"]),
        ({"name": "x", "dish": {"kind": "stew"}}, "missing_value", "dish.hours: ", []),
        ({"name": "x", "dish": {"kind": "stew", "hours": 1, "spice": {"kind": "pepper", "corns": 0}}},
         "invalid_value", "dish.spice.corns: ", []),
        ({"name": "x", "dish": {"litres": 2}}, "missing_kind",
         "dish: 'kind' ", ["a dish (known: leftovers, soup, stew)"]),
        ({"name": "x", "dish": 3}, "invalid_value", "dish: ", ["a dish", "'kind'", "got 3"]),
        ({"name": "x", "dish": "soup", "style": "fancy"}, "invalid_value",
         "style: ", ["'plain' or 'festive', got 'fancy'"]),
        ({"name": "x", "dish": "soup", "guests": "many"}, "invalid_value", "guests: ", ["integer"]),
        ({"name": "x", "dish": "soup", "guests": 0}, "invalid_value",
         "guests: ", ["greater than or equal to 1, got 0"]),
        ({"name": "x", "dish": "soup", 1: 2}, "unknown_field", "the menu", ["'1'"]),
        ({"dish": "soup"}, "missing_value", "name: ", []),
    ],
)  # fmt: skip
def test_errors_name_the_path_and_a_way_out(plain, code, starts, named):
    with refused(f"config.{code}", *named) as caught:
        build(Menu, plain)
    assert str(caught.value).startswith(starts)


def test_errors_of_several_kinds_have_a_code_of_their_own():
    with refused("config.several_errors", "dish.hours: ", "guests: "):
        build(Menu, {"name": "x", "dish": {"kind": "stew"}, "guests": 0})
    with refused("config.invalid_value", "dish.litres: ", "guests: "):
        build(Menu, {"name": "x", "dish": {"kind": "soup", "litres": -1}, "guests": 0})


def test_every_error_is_told_at_once():
    plain = {"name": "x", "dish": {"kind": "soup", "litres": -1}, "guests": 0}
    text = message("invalid_value", plain, what="menu.yaml")
    assert text.splitlines()[0] == "menu.yaml: the configuration has errors:"
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:]] == ["dish.litres", "guests"]


def test_a_field_that_is_deeper_is_pointed_out():
    plain = to_plain(Menu(name="x", dish="soup")) | {"litres": 3}  # type: ignore[arg-type]
    assert "the menu has no field 'litres'; did you mean dish.litres?" in message("unknown_field", plain)


def test_misspelt_fields_in_python_get_the_same_hint():
    with pytest.raises(pydantic.ValidationError, match="has no field 'corn'; did you mean 'corns'"):
        Pepper(corn=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "count"),
    [("12k", 12_000), ("3M", 3_000_000), ("2.3M", 2_300_000), ("1_000", 1000), ("1e3", 1000), ("1g", 10**9)],
)
def test_counts_in_words(text, count):
    assert Menu(name="x", dish=Soup(), guests=text).guests == count


@pytest.mark.parametrize("text", ["", "k", "1.5", "0.0001k", "inf", "nan", "-3k", "infk", "3 k k"])
def test_counts_that_are_none(text):
    assert message("invalid_value", {"name": "x", "dish": "soup", "guests": text}).startswith("guests: ")


def test_json_schema_has_every_kind_and_all_help():
    schema = pydantic.TypeAdapter(Menu).json_schema()
    definitions = schema.get("$defs", {})

    def follow(node):
        return definitions[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    assert schema["description"] == "All the choices of an evening."
    assert list(schema["properties"]) == ["name", "dish", "spices", "guests", "style", "oven"]
    assert schema["required"] == ["name", "dish"]
    assert schema["properties"]["guests"]["description"] == "How many come."
    assert schema["properties"]["guests"]["minimum"] == 1
    assert schema["properties"]["style"]["enum"] == ["plain", "festive"]
    dishes = {follow(d)["properties"]["kind"]["const"]: follow(d) for d in schema["properties"]["dish"]["oneOf"][:-1]}
    assert set(dishes) == {"soup", "stew", "leftovers"}
    assert dishes["stew"]["required"] == ["kind", "hours"]
    assert dishes["soup"]["description"] == "Hot water with ideas."
    assert dishes["soup"]["properties"]["litres"] == {
        "default": 1.0, "description": "Of water.", "exclusiveMinimum": 0, "title": "Litres", "type": "number",
    }  # fmt: skip
    pepper = follow(dishes["soup"]["properties"]["spice"]["oneOf"][0])
    assert list(pepper["properties"]) == ["kind", "strength", "corns"]
    assert pepper["properties"]["strength"]["description"] == "How much of it; may move during the meal."
    json.dumps(schema)


def test_json_schema_of_a_family_within_itself():
    schema = pydantic.TypeAdapter(Doubled).json_schema()
    assert "the name of a word" in json.dumps(schema)
    assert build(Word, {"kind": "doubled", "of": {"kind": "doubled", "of": "plain"}}) == Doubled(of=Doubled(of=Plain()))


def test_defaults_in_the_schema_can_be_read_back():
    schema = pydantic.TypeAdapter(Menu).json_schema()
    assert build(Oven, schema["properties"]["oven"]["default"]) == Oven()


def test_help_comes_from_the_docstrings():
    assert help_text(Spice) == "What makes a dish taste."
    assert field_help(Pepper) == {
        "strength": "How much of it; may move during the meal.",
        "corns": "Grains, freshly ground.",
    }
    assert "litres" in field_help(Soup)


def test_did_you_mean_looks_past_case_and_dashes():
    assert did_you_mean("DCGAN", ["gan", "dcgan"]) == "; did you mean 'dcgan'?"
    assert did_you_mean("wgan-gp", ["wgan_gp"]) == "; did you mean 'wgan_gp'?"
    assert did_you_mean("xyz", ["dcgan"]) == ""


def test_families_outside_the_package_can_be_opened(clean_registries):
    class Drink(Component, family="drink"):
        """To swallow."""

    class Tea(Drink, kind="tea"):
        """Hot."""

    assert families()["drink"] is Drink
    assert build(Drink, {"kind": "tea"}) == Tea()
    assert Schedule.kinds.keys() >= {"linear", "cosine", "steps"}
    assert Dish.kinds.keys() == {"soup", "stew", "leftovers"}
    assert Stew(hours=2).spice is None
