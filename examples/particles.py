"""Films of a physical simulation: particles that bounce in a box, animated by a GAN, and whether they keep its laws.

    python examples/particles.py --out particles/                  # simulates, trains (some minutes), measures, draws
    python examples/particles.py --out particles/ --samples 60000  # trains longer

The recipe `predict-video` learns how such films go on. It is then given the first frames of films that it has not seen.

Three particles fall under gravity and bounce off the walls without loss. Each has a color channel of its own, so that
its mass and energy can be measured in any film, simulated or generated:

    mass     m(t) = Σ brightness of the channel                              constant in the simulation
    energy   E(t) = ½ |v(t)|² + g · h(t),   v from centroids at t − 1, t + 1  constant but for bounces, left out

    drift of a quantity = |mean over the last half of a film − mean over its first half| ÷ its mean over real films

N films, T frames, P particles.  films uint8 [N, T, H, W, 3], lengths in px, times in frames.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

SIDE, FRAMES, GIVEN, PARTICLES, RADIUS, GRAVITY = 32, 32, 4, 3, 4.0, 0.12
STEPS = 20  # of the simulation in a frame


def simulated(n: int, seed: int = 0, frames: int = FRAMES) -> tuple[np.ndarray, np.ndarray]:
    """Places [N, T, P, 2] (across, up from the floor) and velocities of the same shape."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(RADIUS, SIDE - RADIUS, (n, PARTICLES, 2))
    speed = rng.uniform(-1.2, 1.2, (n, PARTICLES, 2))
    places, speeds = [], []
    for _ in range(frames):
        places.append(place.copy())
        speeds.append(speed.copy())
        for _ in range(STEPS):
            place = place + speed / STEPS
            place[..., 1] -= GRAVITY / 2 / STEPS**2
            speed[..., 1] -= GRAVITY / STEPS
            for wall, side in ((RADIUS, 1.0), (SIDE - RADIUS, -1.0)):
                beyond = (wall - place) * side > 0
                place = np.where(beyond, 2 * wall - place, place)
                speed = np.where(beyond, side * np.abs(speed), speed)
    return np.stack(places, 1), np.stack(speeds, 1)


def drawn(places: np.ndarray) -> np.ndarray:
    """Films of particles [N, T, P, 2]: each a soft ball of light in its own channel."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    across, up = places[..., 0, None, None], places[..., 1, None, None]  # [N, T, P, 1, 1]
    far = np.hypot(x - across, (SIDE - y) - up)
    return np.moveaxis((255 * np.exp(-2 * (far / RADIUS) ** 2)).round().astype(np.uint8), 2, 4)


def energy(places: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """Of each particle, by its mass: [..., P]."""
    return 0.5 * (speeds**2).sum(-1) + GRAVITY * places[..., 1]


def read_off(films: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mass [N, T, P] and energy [N, T, P] of what is seen in films; energy is NaN near walls and at both ends."""
    light = films.astype(np.float64)
    mass = light.sum((2, 3))
    weight = np.maximum(mass, 1e-9)
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    across = (light * x[..., None]).sum((2, 3)) / weight
    up = (light * (SIDE - y)[..., None]).sum((2, 3)) / weight
    places = np.stack([across, up], 3)  # [N, T, P, 2]
    speeds = np.full_like(places, np.nan)
    speeds[:, 1:-1] = (places[:, 2:] - places[:, :-2]) / 2
    room = RADIUS + np.abs(speeds) + GRAVITY + 0.5
    free = ((places > room) & (places < SIDE - room)).all(3)
    return mass, np.where(free, energy(places, speeds), np.nan)


def drift(values: np.ndarray, usual: float) -> np.ndarray:
    """How far a quantity [N, T, P] leaves its first half, as a share of what is usual, [N·P] without NaN."""
    half = values.shape[1] // 2
    with np.errstate(invalid="ignore"):
        parts = [np.nansum(part, 1) / (~np.isnan(part)).sum(1) for part in (values[:, :half], values[:, half:])]
    found = np.abs(parts[1] - parts[0]).ravel() / usual
    return found[~np.isnan(found)]


def measured(real: np.ndarray, films: np.ndarray) -> dict[str, float]:
    """Median drift of mass and energy of films, and their mass, as shares of the real ones."""
    usual = [float(np.nanmean(values)) for values in read_off(real)]
    mass, moving = read_off(films)
    return {
        "mass": float(mass.mean()) / usual[0],
        "mass drift": float(np.median(drift(mass, usual[0]))),
        "energy": float(np.nanmean(moving)) / usual[1],
        "energy drift": float(np.median(drift(moving, usual[1]))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("particles"))
    parser.add_argument("--samples", type=int, default=30_000)
    parser.add_argument("--films", type=int, default=400)
    asked = parser.parse_args()

    import ganforge as gf
    from ganforge.modalities.video.predicting import predicted, starts_of

    asked.out.mkdir(parents=True, exist_ok=True)
    np.save(asked.out / "particles.npy", drawn(simulated(asked.films)[0]))
    fields = {"signal.frames": FRAMES, "signal.fps": 12, "task.past": GIVEN}
    model = gf.train(
        "predict-video", data=str(asked.out / "particles.npy"), samples=asked.samples, run_dir=asked.out / "run",
        fields=fields,
    )  # fmt: skip
    real = drawn(simulated(64, seed=1)[0])
    np.save(asked.out / "starts.npy", real[:, :GIVEN])
    starts = starts_of(model, asked.out / "starts.npy")
    made = np.concatenate([predicted(model, start, FRAMES - GIVEN, n=1, seed=k) for k, start in enumerate(starts)])
    came = real[:, GIVEN:]
    sides = {"real": came, "predicted": made}
    sides["real, shuffled"] = came[:, np.random.default_rng(0).permutation(came.shape[1])]
    found = {name: measured(came, films) for name, films in sides.items()}
    (asked.out / "drift.json").write_text(json.dumps(found, indent=1))
    for name, values in found.items():
        print(f"{name:28}", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    both = np.stack([film for pair in zip(came[:6], made[:6], strict=True) for film in pair])
    sheet, film = model.recipe.signal.render(both, model.spec, 2)  # real on the left, predicted on the right
    (asked.out / "sheet.png").write_bytes(sheet.data)
    (asked.out / f"film{film.ending}").write_bytes(film.data)


if __name__ == "__main__":
    main()
