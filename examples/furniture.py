"""Furniture: a GAN of tables and chairs, and a room put together from its samples as one scene, for VR or a game.

    python examples/furniture.py --out room/                       # draws furniture, trains, measures, writes the room
    python examples/furniture.py --out room/ --data ./furniture    # own class folders `table` and `chair`

It writes room.glb, and room.png as seen from one side. The furniture that it learns from is drawn: boards on legs, with
backs, of many sizes, so nothing has to be downloaded. A room has tables on a floor and chairs around each that face it.
How generated and drawn pieces compare:

    one part     share of pieces whose cells all belong together
    stands       share of pieces whose lowest cells lie under at least half of their width and depth
    as asked     share that a rule takes for what was asked: more cells above the middle than below its board: a chair

N pieces, S cells a side, z up.  cells bool [N, S, S, S].
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

SIDE, KINDS = 32, ("chair", "table")
HEIGHT = {"chair": 0.95, "table": 0.75}
"""m."""
APART, AROUND = 3.0, 4
"""m between tables; chairs around each."""


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of furniture and their kinds, bool [N, S, S, S] and int64 [N]."""
    rng = np.random.default_rng(seed)
    x, y, z = np.stack(np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij"))
    middle, found, kinds = SIDE / 2 - 0.5, [], np.arange(n) % 2
    for kind in kinds:
        wide, deep = rng.integers(5, 9, 2) if kind == 0 else rng.integers(8, 15, 2)
        seat, leg = rng.integers(11, 15) if kind == 0 else rng.integers(14, 20), rng.integers(2, 4)
        across, along = np.abs(x - middle), np.abs(y - middle)
        inside = (across <= wide) & (along <= deep)
        board = inside & (z >= seat) & (z < seat + 3)
        legs = inside & (across > wide - leg) & (along > deep - leg) & (z >= 1) & (z < seat)
        back = inside & (y - middle > deep - 3) & (z >= seat) & (z < seat + rng.integers(11, 16))
        found.append(board | legs | (back if kind == 0 else False))
    return np.stack(found), kinds


def measured(cells: np.ndarray, kinds: np.ndarray) -> dict[str, float]:
    """The share of pieces that are in one part, that stand, and that are what was asked for."""
    from ganforge.modalities.shape.geometry import parts

    facts = {"one part": [], "stands": [], "as asked": []}
    for piece, kind in zip(cells, kinds, strict=True):
        levels = np.flatnonzero(piece.any((0, 1)))
        if not len(levels):
            for values in facts.values():
                values.append(0.0)
            continue
        foot = piece[:, :, levels[0] : levels[0] + 2].any(2)
        spans = [np.ptp(np.flatnonzero(of.any(axis))) for of in (foot, piece.any(2)) for axis in (0, 1)]
        board = int(piece.sum((0, 1)).argmax())
        chair = piece[:, :, board + 4 :].sum() > 0.1 * piece.sum()
        facts["one part"].append(float(len(parts(piece)) == 1))
        facts["stands"].append(float(spans[0] >= spans[2] / 2 and spans[1] >= spans[3] / 2))
        facts["as asked"].append(float(chair == (KINDS[kind] == "chair")))
    return {name: float(np.mean(values)) for name, values in facts.items()}


def placed(mesh: Any, kind: str, at: tuple[float, float], turn: float) -> Any:
    """A piece in the room: scaled to its height in m, turned about the vertical (rad), standing on the floor."""
    from ganforge.modalities.shape.geometry import Mesh

    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    points = (mesh.vertices - [*(low + high)[:2] / 2, low[2]]) * (HEIGHT[kind] / (high[2] - low[2]))
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = points.T
    return Mesh(np.stack([c * x - s * y + at[0], s * x + c * y + at[1], z], 1), mesh.faces)


def room(tables: list[Any], chairs: list[Any]) -> list[Any]:
    """Tables in a row on a floor, each with chairs around it that face it; meshes in m."""
    from ganforge.modalities.shape.geometry import Mesh

    found, half = [], APART / 2
    for k, table in enumerate(tables):
        found.append(placed(table, "table", (APART * k, 0.0), 0.0))
        for n, chair in enumerate(chairs[AROUND * k : AROUND * (k + 1)]):
            turn = 2 * np.pi * n / AROUND
            away = 0.45 + max(np.ptp(found[-1 - n].vertices[:, :2], axis=0)) / 2  # beside the table
            at = (APART * k - away * np.sin(turn), away * np.cos(turn))
            found.append(placed(chair, "chair", at, turn))
    ends = np.array([[-half, -half], [APART * len(tables) - half, half]])
    corners = [(ends[i, 0], ends[j, 1], z) for z in (-0.05, 0.0) for j in (0, 1) for i in (0, 1)]
    sides = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [triangle for a, b, c, d in sides for triangle in ((a, b, c), (a, c, d))]
    return [Mesh(np.array(corners), np.array(faces)), *found]


def picture(meshes: list[Any], side: int = 640) -> np.ndarray:
    """The room from one side, without what is empty above and below it, uint8 [height, side, 3]."""
    from ganforge.modalities.shape.drawing import view
    from ganforge.modalities.shape.geometry import Mesh, sample_oriented

    corners = np.concatenate([mesh.vertices for mesh in meshes])
    middle, half = (corners.max(0) + corners.min(0)) / 2, np.ptp(corners, axis=0).max() / 2
    draws = np.random.default_rng(0)
    parts = [sample_oriented(Mesh((mesh.vertices - middle) / half, mesh.faces), 60_000, draws) for mesh in meshes]
    points, normals = (np.concatenate(each) for each in zip(*parts, strict=True))
    image = view(points, normals, 35.0, side, radius=1)
    used = np.flatnonzero((image != image[0, 0]).any((1, 2)))
    return image[max(0, used[0] - 10) : used[-1] + 10]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("room"))
    parser.add_argument("--data", type=Path, help="class folders `table` and `chair`; by default they are drawn")
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--pieces", type=int, default=1_000)
    parser.add_argument("--tables", type=int, default=3)
    asked = parser.parse_args()

    from PIL import Image

    import ganforge as gf
    from ganforge.modalities.shape.formats.writing import write_glb

    asked.out.mkdir(parents=True, exist_ok=True)
    cells, kinds = drawn(asked.pieces)
    data = asked.data
    if data is None:
        data = asked.out / "furniture.npz"
        np.savez_compressed(data, voxels=cells, labels=np.array(KINDS)[kinds])
    fields = {"task.conditional": True, "signal.size": SIDE}
    model = gf.train("voxels-small", data=str(data), samples=asked.samples, run_dir=asked.out / "run", fields=fields)
    count = {"table": asked.tables, "chair": AROUND * asked.tables}
    made = {kind: model.sample(count[kind], seed=0, label=kind) for kind in KINDS}
    whole = np.concatenate([made[kind] for kind in KINDS])
    of = np.repeat([0, 1], [count[kind] for kind in KINDS])
    noise = np.random.default_rng(0).random(cells[:20].shape) < 0.1
    found = {"drawn": measured(cells[:100], kinds[:100]), "generated": measured(whole < 0, of)}
    found["noise"] = measured(noise, kinds[:20])
    (asked.out / "furniture.json").write_text(json.dumps(found, indent=1))
    for name, values in found.items():
        print(f"{name:10}", ", ".join(f"{key} {value:.2f}" for key, value in values.items()))
    signal: Any = model.recipe.signal
    spec = model.spec
    solid = {kind: [signal.mesh(one, spec) for one in made[kind] if (one < 0).any()] for kind in KINDS}
    scene = room(solid["table"], solid["chair"])
    write_glb(scene, asked.out / "room.glb", spacing=0)
    Image.fromarray(picture(scene)).save(asked.out / "room.png")


if __name__ == "__main__":
    main()
