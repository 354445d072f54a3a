"""Terrain: a GAN of height maps, and its maps as meshes to print or to walk in.

    python examples/terrain.py --out terrain/                  # makes maps, trains (some minutes), measures, writes
    python examples/terrain.py --out terrain/ --samples 200000

The maps that it learns from are drawn: fractal noise with rivers cut into it, so nothing has to be downloaded. It
writes one closed .stl per map, a scene.glb of all, terrain.png with drawn maps above and generated ones below, and how
generated and drawn maps compare:

    roughness    mean slope, in heights per px
    spectrum     the exponent β of the power spectrum 1/f^β
    below sea    share of cells below a height of 0.3

N maps, S px a side.  maps float64 [N, S, S], heights from 0 to 1.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

SIDE, SEA, RELIEF, BASE = 32, 0.3, 0.25, 0.05
"""px; a height; how high a height of 1 is, and how thick the ground below 0 is, in sides of the map."""


def drawn(n: int, seed: int = 0) -> np.ndarray:
    """Height maps of fractal noise with valleys, [N, S, S]."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(2 * SIDE), np.fft.fftfreq(2 * SIDE)))
    frequency[0, 0] = np.inf
    noise = np.fft.fft2(rng.normal(size=(n, 2, 2 * SIDE, 2 * SIDE))) / frequency**1.6
    hills, bends = np.moveaxis(np.fft.ifft2(noise).real[..., :SIDE, :SIDE], 1, 0)
    scaled = [(x - x.min((1, 2), keepdims=True)) / np.ptp(x, axis=(1, 2), keepdims=True) for x in (hills, bends)]
    valleys = np.exp(-(((scaled[1] - 0.5) / 0.06) ** 2))
    return scaled[0] * (1 - 0.6 * valleys)


def solid_mesh(heights: np.ndarray):
    """A map [S, S] as a closed mesh: its ground, four walls and a floor, 1 wide."""
    from ganforge.modalities.shape.geometry import Mesh

    side = len(heights)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
    top = np.stack([x, y, heights * RELIEF], 2).reshape(-1, 3)
    floor = np.stack([x, y, np.full_like(x, -BASE)], 2).reshape(-1, 3)
    number = np.arange(side * side).reshape(side, side)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    ground = np.concatenate([np.stack(t, 2).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    rim = np.concatenate([number[:-1, 0], number[-1, :-1], number[:0:-1, -1], number[0, :0:-1]])  # once around
    ahead, below = np.roll(rim, -1), side * side
    walls = [np.stack([rim, rim + below, ahead], 1), np.stack([ahead, rim + below, ahead + below], 1)]
    return Mesh(np.concatenate([top, floor]), np.concatenate([ground, ground[:, ::-1] + below, *walls]))


def measured(maps: np.ndarray) -> dict[str, float]:
    """Roughness, exponent of the spectrum, and share below the sea, of maps [N, S, S]."""
    slopes = np.hypot(*np.gradient(maps, axis=(1, 2)))
    window = np.hanning(SIDE)[:, None] * np.hanning(SIDE)
    power = (np.abs(np.fft.fft2((maps - maps.mean((1, 2), keepdims=True)) * window)) ** 2).mean(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    used = (frequency > 2 / SIDE) & (frequency < 0.35)
    slope, _ = np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)
    return {"roughness": float(slopes.mean()), "spectrum": float(-slope), "below sea": float((maps < SEA).mean())}


def picture(rows: list[list[Any]], side: int = 240) -> np.ndarray:
    """Meshes from one side, uint8 [rows · side, columns · side, 3]."""
    from ganforge.modalities.shape.drawing import view
    from ganforge.modalities.shape.geometry import sample_oriented

    def seen(mesh: Any) -> np.ndarray:
        points, normals = sample_oriented(mesh, 200_000, np.random.default_rng(0))
        return view(2 * points - [1, 1, RELIEF], normals, 35.0, side, radius=1)

    return np.concatenate([np.concatenate([seen(mesh) for mesh in row], 1) for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("terrain"))
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--maps", type=int, default=2_000)
    asked = parser.parse_args()

    from PIL import Image

    import ganforge as gf
    from ganforge.modalities.shape.formats.writing import write_glb, write_stl
    from ganforge.modalities.shape.geometry import Mesh

    asked.out.mkdir(parents=True, exist_ok=True)
    known = np.rint(255 * drawn(asked.maps)).astype(np.uint8)[..., None]
    np.save(asked.out / "maps.npy", known)
    model = gf.train("r3gan-small", data=str(asked.out / "maps.npy"), samples=asked.samples, run_dir=asked.out / "run")
    made = model.sample(256, seed=0)[..., 0] / 255
    sides = {
        "drawn": drawn(256, seed=1),
        "generated": made,
        "noise": np.random.default_rng(0).random((256, SIDE, SIDE)),
    }
    found = {name: measured(maps) for name, maps in sides.items()}
    (asked.out / "terrain.json").write_text(json.dumps(found, indent=1))
    for name, values in found.items():
        print(f"{name:10}", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    meshes = [solid_mesh(heights) for heights in made[:9]]
    known_meshes = [solid_mesh(heights) for heights in sides["drawn"][:4]]
    Image.fromarray(picture([known_meshes, meshes[:4]])).save(asked.out / "terrain.png")
    for k, mesh in enumerate(meshes):
        write_stl(mesh, asked.out / f"{k}.stl")
    write_glb([Mesh(2 * mesh.vertices - 1, mesh.faces) for mesh in meshes], asked.out / "scene.glb", columns=3)


if __name__ == "__main__":
    main()
