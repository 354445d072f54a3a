"""Recipes as text: `path=value`, YAML in and out, differences."""

from __future__ import annotations

from typing import ClassVar

import pytest
import yaml
from family import Leftovers, Menu, Oven, Pepper, Salt, Soup, Stew
from hypothesis import given
from hypothesis import strategies as st

from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError
from ganforge.core.overrides import apply, diff, flatten, from_yaml, merge, read_value, split, to_yaml
from ganforge.recipes import make_recipe
from refused import refused

MENU = Menu(name="x", dish=Soup(litres=2, more=(Salt(),)), spices={"Ada": Pepper(corns=7)})


def changed(*items: str) -> Menu:
    return build(Menu, apply(to_plain(MENU), items, Menu))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("1_000", 1000), ("0.5", 0.5), ("1.5e-3", 1.5e-3),
        ("true", True), ("False", False), ("null", None), ("~", None),
        ("[1, two]", [1, "two"]), ("{a: 1}", {"a": 1}), ("'12'", "12"), ('"null"', "null"), ("  7 ", 7),
        # left for the field to judge, which reads them as numbers where it wants one
        ("1e-4", "1e-4"), ("600k", "600k"), ("010", "010"), ("12:30", "12:30"), ("0x10", "0x10"), ("nan", "nan"),
        (".inf", ".inf"),
        # names and paths
        ("no", "no"), ("off", "off"), ("y", "y"), ("", ""), ("Null", "Null"), ("2024-01-31", "2024-01-31"),
        ("./photos", "./photos"), ("C:\\photos\\cats", "C:\\photos\\cats"), ("/data/a: b", "/data/a: b"),
        ("/data/photos #3", "/data/photos #3"), ("/data/my photos", "/data/my photos"), ("- dash", "- dash"),
        ("*.png", "*.png"),
        ("a\n b", "a\n b"), ("{broken", "{broken"), ("!!python/object:os.system", "!!python/object:os.system"),
        ("数据", "数据"),
    ],
)  # fmt: skip
def test_values(text, value):
    read = read_value(text)
    assert read == value
    assert type(read) is type(value)


@given(st.text())
def test_reading_a_value_never_fails(text):
    try:
        read_value(text)
    except UserError:
        assert text.strip().startswith("@"), "a file that is not there"


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans())
def test_numbers_as_python_writes_them(number):
    got = read_value(repr(number))
    assert type(number)(got) == number


def test_split():
    assert split("a.b.0=x=y") == (["a", "b", "0"], "x=y")
    for item in ("batch", "=3", "a..b=3", ".a=3", ""):
        with refused("config.not_an_assignment", repr(item), "field=value"):
            split(item)


def test_fields_at_every_depth():
    menu = changed("guests=12k", "dish.litres=1e-1", "dish.spice.corns=5", "oven.watts=9", "spices.Ada.strength=0.5")
    assert menu.guests == 12_000
    assert menu.dish == Soup(litres=0.1, spice=Pepper(corns=5), more=(Salt(),))
    assert menu.oven == Oven(watts=9)
    assert menu.spices["Ada"] == Pepper(corns=7, strength=0.5)


def test_the_given_recipe_stays_as_it_is():
    plain = to_plain(MENU)
    apply(plain, ["dish.litres=3", "dish.more.0.flakes=false", "spices.Ada.corns=1"])
    assert plain == to_plain(MENU)


def test_another_kind_forgets_the_fields_of_the_old_one():
    assert changed("dish=stew", "dish.hours=3").dish == Stew(hours=3)
    assert changed("dish=./fridge", "dish.days=4").dish == Leftovers(box="./fridge", days=4)


def test_the_same_kind_keeps_them():
    assert changed("dish=soup").dish == MENU.dish
    assert changed("dish={kind: soup}").dish == Soup()


def test_fields_of_a_kind_that_was_only_just_named():
    assert changed("dish=stew", "dish.hours=1", "dish=soup", "dish.spice.corns=4").dish == Soup(spice=Pepper(corns=4))
    with refused("config.unknown_field", "'spice' in dish"):  # without the class nobody knows what soup holds
        apply({"name": "x", "dish": "stew"}, ["dish=soup", "dish.spice.corns=4"])


@pytest.mark.parametrize("text", ["Grüße", "人", "😀", "a\u2028b", "a: b # c", "off"])
def test_text_is_written_as_it_is(text):
    written = to_yaml({text: [text]})
    assert yaml.safe_load(written) == {text: [text]}
    assert text in written or "\u2028" in text


def test_a_file_name_that_is_no_text_is_written_escaped():
    assert "\\uDCFF" in to_yaml({"path": b"\xff".decode("utf-8", "surrogateescape")})


def test_null_and_lists():
    assert changed("dish=stew", "dish.hours=1", "dish.spice=pepper", "dish.spice=null").dish == Stew(hours=1)
    assert changed("dish.more=[pepper, {kind: sea_salt, flakes: false}]").dish == Soup(
        litres=2, more=(Pepper(), Salt(flakes=False))
    )
    assert changed("dish.more.0.flakes=false").dish == Soup(litres=2, more=(Salt(flakes=False),))
    assert changed("dish.more.1=pepper", "dish.more.1.corns=2").dish == Soup(litres=2, more=(Salt(), Pepper(corns=2)))
    assert changed("dish.more=[]").dish == Soup(litres=2)
    assert changed("spices.Bob=sea_salt").spices == {"Ada": Pepper(corns=7), "Bob": Salt()}


@pytest.mark.parametrize(
    ("items", "code", "starts", "named"),
    [
        (["gests=3"], "unknown_field", "the menu", ["'gests'", "did you mean 'guests'?"]),
        (["litres=3"], "unknown_field", "the menu", ["'litres'", "did you mean dish.litres?"]),
        (["dsh.litres=3"], "unknown_field", "'dsh.litres=3': ", ["'dsh' in the recipe", "did you mean 'dish'?"]),
        (["dish.spise.corns=3"], "unknown_field", "'dish.spise.corns=3': ",
         ["'spise' in dish", "did you mean 'spice'?"]),
        (["dish.spice.korns=3"], "unknown_field", "dish.spice: spice 'pepper'",
         ["'korns'", "did you mean 'corns'?"]),
        (["dish.litres.much=3"], "no_fields", "'dish.litres.much=3': dish.litres is 2.0", []),
        (["dish.more.5.flakes=1"], "index_out_of_range", "'dish.more.5.flakes=1': dish.more is a list",
         ["length 1", "'5'", "dish.more.1=..."]),
        (["dish.more.x=1"], "index_out_of_range", "'dish.more.x=1': dish.more is a list", ["length 1", "'x'"]),
        (["dish=stew", "dish.hours=1", "dish.spice=null", "dish.spice.corns=2"], "field_is_null",
         "'dish.spice.corns=2': dish.spice is null", ["dish.spice=..."]),
        (["dish.more=pepper"], "invalid_value", "dish.more: ", ["[a, b]", "got 'pepper'"]),
        (["spices=pepper"], "invalid_value", "spices: ", ["got 'pepper'"]),
        (["oven=hot"], "invalid_value", "oven: ", ["got 'hot'"]),
        (["spices.Ada="], "unknown_kind", "spices.Ada: ", ["spice ''", "(known: pepper, sea_salt)"]),
        (["guests=many"], "invalid_value", "guests: ", ["integer", "'many'"]),
    ],
)  # fmt: skip
def test_errors(items, code, starts, named):
    with refused(f"config.{code}", *named) as caught:
        changed(*items)
    assert str(caught.value).startswith(starts)


def test_merge_mapping_by_mapping():
    merged = merge(to_plain(MENU), {"dish": {"litres": 5}, "oven": {"watts": 1}, "spices": {"Bob": "sea_salt"}})
    menu = build(Menu, merged)
    assert menu.dish == Soup(litres=5, more=(Salt(),))
    assert menu.oven == Oven(watts=1)
    assert menu.spices == {"Ada": Pepper(corns=7), "Bob": Salt()}
    assert build(Menu, merge(to_plain(MENU), {"dish": {"kind": "stew", "hours": 2}})).dish == Stew(hours=2)
    assert build(Menu, merge(to_plain(MENU), {"dish": "soup"})) == MENU
    assert merge(to_plain(MENU), {}) == to_plain(MENU)


def test_a_recipe_survives_yaml(tmp_path):
    file = tmp_path / "menu.yaml"
    file.write_text(to_yaml(MENU), encoding="utf-8")
    assert build(Menu, from_yaml(file)) == MENU
    assert list(yaml.safe_load(to_yaml(MENU)))[:2] == ["name", "dish"]


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.floats(0.001, 1e6)
spices = st.builds(Pepper, strength=numbers, corns=st.integers(1, 99)) | st.builds(Salt, flakes=st.booleans())
dishes = (
    st.builds(Soup, litres=numbers, spice=spices, more=st.lists(spices, max_size=3).map(tuple))
    | st.builds(Stew, hours=st.floats(-1e300, 1e300), spice=st.none() | spices)
    | st.builds(Leftovers, box=names, days=st.integers())
)
menus = st.builds(
    Menu, name=names, dish=dishes, spices=st.dictionaries(names, spices, max_size=3), guests=st.integers(1, 10**15)
)


@given(menu=menus)
def test_any_recipe_survives_yaml(menu):
    assert build(Menu, yaml.safe_load(to_yaml(menu))) == menu


@given(menu=menus, other=menus)
def test_differences_are_complete(menu, other):
    assert diff(menu, menu) == []
    assert (diff(menu, other) == []) == (to_plain(menu) == to_plain(other))


def test_what_differs():
    other = changed("dish.litres=3", "dish.more=[]", "guests=5")
    assert diff(MENU, other) == [
        ("dish.litres", 2.0, 3.0),
        ("dish.more.0.kind", "sea_salt", None),
        ("dish.more.0.strength", 1.0, None),
        ("dish.more.0.flakes", True, None),
        ("guests", 4, 5),
        ("dish.more", None, []),
    ]


def test_leaves():
    assert flatten({"a": {"b": [1, {"c": 2}], "d": {}}, "e": []}) == {"a.b.0": 1, "a.b.1.c": 2, "a.d": {}, "e": []}


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        (b"", "not_a_mapping", "nothing"),
        (b"- a\n- b\n", "not_a_mapping", "a list"),
        (b"just words", "not_a_mapping", "a str"),
        (b"a: [1", "not_yaml", "line 1"),
        (b"\xff\xfe\x00", "not_yaml", "utf-8"),
        (b"a: !!python/object/apply:os.system [ls]", "not_yaml", "python/object/apply:os.system"),
    ],
)
def test_files_that_hold_no_recipe(tmp_path, text, code, named):
    file = tmp_path / "x.yaml"
    file.write_bytes(text)
    with refused(f"config.{code}", str(file), named):
        from_yaml(file)


def test_a_missing_file_and_a_folder(tmp_path):
    with refused("config.not_readable", str(tmp_path / "no.yaml"), "No such file"):
        from_yaml(tmp_path / "no.yaml")
    with refused("config.not_readable", str(tmp_path)):
        from_yaml(tmp_path)


def test_short_names_lead_to_fields_that_lie_deeper(clean_registries):
    """`target=income` means `signal.target=income`, in any order with the field that it leads into."""
    from ganforge.recipes import make_recipe

    for items in (["target=income", "data=a.csv"], ["data=a.csv", "target=income"], ["signal.target=income"]):
        assert make_recipe("ctgan", overrides=items).signal.target == "income"
    with refused("config.unknown_field", "'target'"):
        make_recipe("dcgan", overrides=["target=income"])


class TestSwitchingKinds:
    """`task.generator.kind=r3gan` drops what only the old kind knew, and keeps what the user typed."""

    PLAIN: ClassVar = {"net": {"kind": "dcgan", "channels": 64, "norm": "batch"}, "nets": [{"kind": "a", "x": 1}]}

    def test_fields_of_the_old_kind_go(self):
        assert apply(self.PLAIN, ["net.kind=mlp"])["net"] == {"kind": "mlp", "norm": "batch"}, "both have a norm"
        assert apply(self.PLAIN, ["nets.0.kind=b"])["nets"] == [{"kind": "b"}]

    def test_fields_that_were_typed_stay_in_either_order(self):
        wanted = {"kind": "mlp", "norm": "batch", "channels": 8}
        for items in (["net.channels=8", "net.kind=mlp"], ["net.kind=mlp", "net.channels=8"]):
            assert apply(self.PLAIN, items)["net"] == wanted

    def test_the_kind_that_is_there_changes_nothing(self):
        assert apply(self.PLAIN, ["net.kind=dcgan"]) == self.PLAIN

    def test_a_recipe_with_another_net(self):
        recipe = make_recipe("dcgan", (), ["task.generator.kind=r3gan", "task.generator.latent=32"])
        assert (recipe.task.generator.kind, recipe.task.generator.latent) == ("r3gan", 32)
        with refused("config.unknown_field", "norm"):
            make_recipe("dcgan", (), ["task.generator.norm=batch", "task.generator.kind=r3gan"])
