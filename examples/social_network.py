"""A social network for a test database: users, who is friends with whom, and posts, with one key.

    python examples/social_network.py --out social/        # draws a network, trains three models, writes social.sqlite

The network that it learns from is drawn: users who post much have more friends, friends often share an interest, and
posts are about the interest of their user. So nothing has to be downloaded. Three models learn one part each:

    users     tvae: a row a user, with the numbers of friends and of posts as columns (with so few rows it learns how
              columns depend on each other sooner than ctgan-fast)
    friends   network: pairs of users. Node k of a new network stands in the place of user k, so it has k's interest
    posts     lm: a text with the interest as its label

New users are drawn interest by interest, as many as the network has nodes of it, and then take places: of one interest,
the user with the most friends in the table takes the node with the most edges, and so on. The table then says how many
friends a user really has. Numbers of users are new and in random order, so that they do not tell places. Rows and posts
that equal real ones are drawn again.

V users, E pairs of friends, P posts.  friends int64 [E, 2], rows of `users`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

INTERESTS = {
    "music": (["concert", "guitar", "album", "singer", "choir"], ["loud", "live", "new", "old"]),
    "cooking": (["soup", "bread", "curry", "cake", "salad"], ["fresh", "spicy", "warm", "sweet"]),
    "football": (["match", "goal", "team", "coach", "keeper"], ["tough", "lucky", "great", "late"]),
    "travel": (["train", "island", "museum", "beach", "market"], ["quiet", "sunny", "crowded", "cheap"]),
}
"""Nouns and adjectives of posts."""
FORMS = (
    "what a {a} {n} today", "i found a {a} {n} in {c}", "the {n} in {c} was {a}", "have you seen a {a} {n} in {c}",
    "my {n} is {a}, not {b}", "{day} is for a {a} {n}", "never again a {a} {n} on a {day}",
)  # fmt: skip
STARTS = ("", "honestly, ", "so: ", "well, ", "news: ", "dear all, ")
ENDS = ("", " again", " with my sister", " and i am happy", " as always", " for once", " after work", ", sadly")
CITIES, DAYS = ("Bergen", "Lyon", "Porto", "Graz"), ("monday", "tuesday", "friday", "saturday", "sunday")
FRIENDS, SAME, MOST_POSTS = 10, 6.0, 12
"""Friends of a user on average; how much likelier a pair of one interest is; posts of a user at most."""
TRIES = 20


class Social(NamedTuple):
    """Users with a column `user`, friends [E, 2], and posts with the columns `post`, `user` and `text`."""

    users: pd.DataFrame
    friends: np.ndarray
    posts: pd.DataFrame


def drawn(people: int, seed: int = 0) -> Social:
    """A network to learn from."""
    rng = np.random.default_rng(seed)
    interest = rng.choice(list(INTERESTS), people, p=[0.35, 0.3, 0.2, 0.15])
    age = rng.gamma(4.0, 6.0, people).clip(0, 60).astype(int) + 16
    per_week = (rng.lognormal(0.9, 0.6, people) * np.where(age < 30, 1.6, 1.0)).round(1)
    weight = per_week**0.9 * rng.lognormal(0.0, 0.3, people)
    odds = weight[:, None] * weight * np.where(interest[:, None] == interest, SAME, 1.0) * (1 - np.eye(people))
    odds = (odds * people * FRIENDS / odds.sum()).clip(0, 1)
    links = np.triu(rng.random((people, people)) < odds)
    links[np.arange(people), odds.argmax(1)] |= ~(links | links.T).any(1)  # everybody has a friend
    friends = np.argwhere(np.triu(links | links.T))
    joined = pd.date_range("2020-01-01", periods=1_500)[rng.integers(0, 1_500, people)]
    count = rng.poisson(per_week).clip(0, MOST_POSTS)
    users = pd.DataFrame({
        "user": np.arange(1, people + 1), "age": age, "city": rng.choice(CITIES, people), "interest": interest,
        "joined": joined.strftime("%Y-%m-%d"), "per_week": per_week, "friends": degrees(friends, people),
        "posts": count,
    })  # fmt: skip
    texts = [post(interest[k], rng) for k in np.repeat(np.arange(people), count)]
    return Social(users, friends, posts_of(users, texts))


def post(interest: str, rng: np.random.Generator) -> str:
    """A sentence about an interest."""
    nouns, adjectives = INTERESTS[interest]
    a, b = rng.choice(adjectives, 2, replace=False)
    words = {"a": a, "b": b, "n": rng.choice(nouns), "c": rng.choice(CITIES), "day": rng.choice(DAYS)}
    return rng.choice(STARTS) + rng.choice(FORMS).format(**words) + rng.choice(ENDS)


def posts_of(users: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    """Texts in the order of users, as many for each as its column `posts` says."""
    owners = np.repeat(users["user"].to_numpy(), users["posts"])
    return pd.DataFrame({"post": np.arange(1, len(texts) + 1), "user": owners, "text": texts})


def degrees(friends: np.ndarray, people: int) -> np.ndarray:
    """How many friends each row of users has."""
    return np.bincount(friends.ravel(), minlength=people)


def seated(users: pd.DataFrame, places: np.ndarray, friends: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """New users, each in the place of a node of its interest, by the ranks of `friends`; and their friends.

    Args:
        users: new ones, as many of each interest as there are places of it.
        places: the interest of each node.
        friends: pairs of nodes.
    """
    rng, node_degrees = np.random.default_rng(seed), degrees(friends, len(places))
    rows = np.empty(len(places), int)  # of the user in each place
    for interest in np.unique(places):
        nodes, candidates = np.flatnonzero(places == interest), np.flatnonzero(users["interest"] == interest)
        rows[nodes[np.argsort(node_degrees[nodes], kind="stable")]] = candidates[
            np.argsort(users["friends"].to_numpy()[candidates], kind="stable")
        ]
    order = rng.permutation(len(places))  # the row of the new table of each place
    found = users.iloc[rows].iloc[np.argsort(order)].reset_index(drop=True)
    friends = np.sort(order[friends], axis=1)
    found["friends"] = degrees(friends, len(places))
    found.insert(0, "user", np.arange(1, len(found) + 1))
    return found, friends[np.lexsort((friends[:, 1], friends[:, 0]))]


def unlike(draw: Callable[[int, int], list], count: int, is_real: Callable[[Any], bool]) -> tuple[list, int]:
    """`count` draws that are not real, and how many were; draw(n, seed) makes up to n.

    Raises:
        SystemExit: most of what is drawn is real.
    """
    found, copies = [], 0
    for seed in range(TRIES):
        new = draw(max(8, count - len(found)), seed)
        fresh = [one for one in new if not is_real(one)]
        copies, found = copies + len(new) - len(fresh), found + fresh
        if len(found) >= count:
            return found[:count], copies
    raise SystemExit(f"only {len(found)} of {count} are not copies of real ones: give more data, or train for less")


def new_users(source: Social, samples: int, seed: int) -> tuple[pd.DataFrame, int]:
    """As many new users of each interest as in the source, without a number; how many copies were left out."""
    import ganforge as gf

    table = source.users.drop(columns="user")
    own = [k for k, name in enumerate(table.columns) if name not in ("friends", "posts")]
    real = {tuple(row[k] for k in own) for row in table.itertuples(index=False, name=None)}
    model = gf.TableGAN("tvae", seed=seed, fields={"samples": samples}, progress=False).fit(table)
    rows, copies = [], 0
    for interest, count in table["interest"].value_counts().items():

        def draw(n: int, k: int, interest: Any = interest) -> list:
            some = model.sample(n, where={"interest": interest}, seed=seed + k)
            return list(some.itertuples(index=False, name=None))

        some, again = unlike(draw, int(count), lambda row: tuple(row[k] for k in own) in real)
        rows, copies = rows + some, copies + again
    return pd.DataFrame(rows, columns=table.columns), copies


def new_friends(source: Social, out: Path, samples: int, seed: int) -> np.ndarray:
    """As many pairs of nodes as the source has of users, int64 [E, 2]."""
    import ganforge as gf

    np.savetxt(out / "friends.txt", source.friends, fmt="%d")
    model = gf.train("network", data=str(out / "friends.txt"), samples=samples, seed=seed, run_dir=out / "network")
    return model.sample(1, seed=seed)[0].astype(np.int64)


def new_posts(source: Social, users: pd.DataFrame, out: Path, samples: int, seed: int) -> tuple[pd.DataFrame, int]:
    """Posts of new users, each about the interest of its user; how many copies were left out."""
    import ganforge as gf

    of = source.posts.merge(source.users, on="user")
    lines = [json.dumps({"text": text, "label": label}) for text, label in zip(of["text"], of["interest"], strict=True)]
    (out / "posts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    fields = {"task.conditional": True}
    model = gf.train(
        "lm", data=str(out / "posts.jsonl"), samples=samples, seed=seed, run_dir=out / "posts", fields=fields
    )
    model, real, ready, copies = model.tempered(0.9), set(source.posts["text"]), {}, 0
    wanted = np.repeat(users["interest"].to_numpy(), users["posts"].to_numpy())
    for interest, count in zip(*np.unique(wanted, return_counts=True), strict=True):

        def draw(n: int, k: int, interest: Any = interest) -> list:
            return model.sample(n, label=str(interest), seed=seed + k)

        ready[interest], again = unlike(draw, int(count), real.__contains__)
        copies += again
    return posts_of(users, [ready[interest].pop() for interest in wanted]), copies


def measured(social: Social) -> dict[str, float]:
    """How much of the network hangs together. Posts are about the interest if they have a noun of their user's and
    of no other interest; r are correlations of ranks."""
    users, interest = social.users, social.users["interest"].to_numpy()
    a, b = interest[social.friends.T]
    r = np.corrcoef(users[["friends", "per_week", "posts"]].rank().to_numpy().T)
    nouns = {noun: interest for interest, (some, _) in INTERESTS.items() for noun in some}
    said = [{nouns[w] for w in text.replace(",", "").split() if w in nouns} for text in social.posts["text"]]
    wanted = interest[social.posts["user"].to_numpy() - 1]
    return {
        "users": len(users), "pairs of friends": len(social.friends), "posts": len(social.posts),
        "most friends": int(users["friends"].to_numpy().max()),
        "friends of one interest": float(np.mean(a == b)),
        "r of friends and posts a week": float(r[0, 1]),
        "r of posts a week and posts": float(r[1, 2]),
        "posts about the interest": float(np.mean([one == {of} for one, of in zip(said, wanted, strict=True)])),
    }  # fmt: skip


def compared(source: Social, new: Social) -> dict[str, float]:
    """The distance of the degrees (Kolmogorov-Smirnov), and the shares of users and posts that equal real ones."""
    counts = [np.sort(one.users["friends"].to_numpy()) for one in (source, new)]
    levels = np.arange(max(one[-1] for one in counts) + 1)
    shares = [np.searchsorted(one, levels, "right") / len(one) for one in counts]
    own = ["age", "city", "interest", "joined", "per_week"]
    rows = [set(one.users[own].itertuples(index=False, name=None)) for one in (source, new)]
    return {
        "distance of degrees": float(np.abs(shares[0] - shares[1]).max()),
        "copied users": len(rows[0] & rows[1]) / len(new.users),
        "copied posts": float(np.isin(new.posts["text"].to_numpy(), source.posts["text"].to_numpy()).mean()),
    }


def write(social: Social, path: Path) -> None:
    """Writes an SQLite file with the tables users, friends and posts.

    Raises:
        sqlite3.IntegrityError: a friend or a post is of nobody, a pair comes twice, or somebody is their own friend.
    """
    numbers = social.users["user"].to_numpy()
    path.unlink(missing_ok=True)
    kinds = {"i": "INTEGER", "f": "REAL"}
    columns = ", ".join(
        f"{name} {kinds.get(of.kind, 'TEXT')}" for name, of in social.users.dtypes.items() if name != "user"
    )
    key = "INTEGER NOT NULL REFERENCES users"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute(f"CREATE TABLE users (user INTEGER PRIMARY KEY, {columns})")
        database.execute(f"CREATE TABLE friends (a {key}, b {key}, PRIMARY KEY (a, b), CHECK (a < b))")
        database.execute(f"CREATE TABLE posts (post INTEGER PRIMARY KEY, user {key}, text TEXT NOT NULL)")
        for name, rows in (
            ("users", social.users.astype(object)), ("friends", pd.DataFrame(numbers[social.friends]).astype(object)),
            ("posts", social.posts.astype(object)),
        ):  # fmt: skip
            marks = ", ".join("?" * rows.shape[1])
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows.itertuples(index=False, name=None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("social"))
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--users", type=int, default=500_000, help="samples to train the model of users on")
    parser.add_argument("--network", type=int, default=16_384 * 50, help="samples to train the model of friends on")
    parser.add_argument("--posts", type=int, default=10_000, help="samples to train the model of posts on")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)

    source = drawn(asked.people, asked.seed)
    users, copied_users = new_users(source, asked.users, asked.seed)
    nodes = new_friends(source, asked.out, asked.network, asked.seed)
    users, friends = seated(users, source.users["interest"].to_numpy(), nodes, asked.seed)
    posts, copied_posts = new_posts(source, users, asked.out, asked.posts, asked.seed)
    new = Social(users, friends, posts)
    write(new, asked.out / "social.sqlite")
    found = {"source": measured(source), "generated": measured(new), **compared(source, new)}
    found |= {"users drawn again": copied_users, "posts drawn again": copied_posts}
    (asked.out / "social.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    print(posts.sample(8, random_state=0).to_string(index=False))
    print(f"wrote {asked.out / 'social.sqlite'}")


if __name__ == "__main__":
    main()
