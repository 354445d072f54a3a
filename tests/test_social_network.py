"""The worked example of a social network: one key holds it together, places keep degrees, and faults are refused."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

FILE = Path(__file__).parents[1] / "examples" / "social_network.py"
spec = importlib.util.spec_from_file_location("social_network_example", FILE)
assert spec is not None
assert spec.loader is not None
social = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = social  # a NamedTuple looks its own module up
spec.loader.exec_module(social)


@pytest.fixture(scope="module")
def source():
    return social.drawn(150)


def test_what_is_drawn_hangs_together(source):
    found = social.measured(source)
    assert found["r of friends and posts a week"] > 0.5
    assert found["friends of one interest"] > 0.5
    assert found["posts about the interest"] == 1.0
    assert source.users["friends"].min() >= 1
    assert (np.bincount(source.posts["user"], minlength=151)[1:] == source.users["posts"]).all()
    assert social.drawn(150).users.equals(source.users)


def test_new_users_take_places_of_their_interest_by_their_friends(source):
    new = source.users.drop(columns="user").sample(frac=1, random_state=1).reset_index(drop=True)
    users, friends = social.seated(new, source.users["interest"].to_numpy(), source.friends, seed=3)
    assert users["user"].tolist() == list(range(1, 151))
    assert (users["friends"] == social.degrees(friends, 150)).all()
    assert sorted(users["friends"]) == sorted(source.users["friends"])
    found = social.measured(source._replace(users=users, friends=friends))
    wanted = social.measured(source)
    for name in ("friends of one interest", "r of friends and posts a week"):
        assert found[name] == pytest.approx(wanted[name], abs=0.02)  # ties of friends may be in another order
    assert not users["age"].equals(source.users["age"]), "numbers do not tell places"


def test_copies_are_drawn_again():
    calls = []

    def draw(n: int, seed: int) -> list[int]:
        calls.append((n, seed))
        return list(range(10 * seed, 10 * seed + n))

    assert social.unlike(draw, 9, lambda one: one % 2 == 0) == ([1, 3, 5, 7, 11, 13, 15, 17, 21], 13)
    assert [seed for _, seed in calls] == [0, 1, 2]
    with pytest.raises(SystemExit, match="0 of 3"):
        social.unlike(draw, 3, lambda one: True)


def test_keys_of_the_database_hold(source, tmp_path):
    social.write(source, tmp_path / "social.sqlite")
    with closing(sqlite3.connect(tmp_path / "social.sqlite")) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = [
            database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in ("users", "friends", "posts")
        ]
        most = database.execute(
            "SELECT MAX(n) FROM (SELECT COUNT(*) n FROM users JOIN friends ON user IN (a, b) GROUP BY user)"
        ).fetchone()[0]
    assert counts == [150, len(source.friends), len(source.posts)]
    assert most == source.users["friends"].max()
    stray = source.posts.assign(user=999)
    own = np.vstack([source.friends, [[4, 4]]])
    for wrong in (source._replace(posts=stray), source._replace(friends=own)):
        with pytest.raises(sqlite3.IntegrityError):
            social.write(wrong, tmp_path / "social.sqlite")


def test_comparisons_notice_copies_and_other_degrees(source):
    assert social.compared(source, source) == {"distance of degrees": 0, "copied users": 1, "copied posts": 1}
    users = source.users.assign(age=source.users["age"] + 100, friends=source.users["friends"] + 100)
    posts = source.posts.assign(text=source.posts["text"] + "!")
    assert social.compared(source, source._replace(users=users, posts=posts)) == {
        "distance of degrees": 1, "copied users": 0, "copied posts": 0,
    }  # fmt: skip


@pytest.mark.slow
def test_the_whole_example(tmp_path):
    with patch.object(sys, "argv", ["social_network.py", "--out", str(tmp_path)]):
        social.main()
    found = json.loads((tmp_path / "social.json").read_text())
    real, new = found["source"], found["generated"]
    assert (new["users"], new["pairs of friends"]) == (real["users"], real["pairs of friends"])
    assert found["copied users"] == found["copied posts"] == 0
    assert found["distance of degrees"] < 0.15
    assert new["r of friends and posts a week"] > 0.3
    assert new["posts about the interest"] > 0.8
    with closing(sqlite3.connect(tmp_path / "social.sqlite")) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
