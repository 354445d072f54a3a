"""The worked example of particles: its simulation keeps energy, and its measurements notice films that do not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parents[1] / "examples" / "particles.py"
spec = importlib.util.spec_from_file_location("particles_example", FILE)
assert spec is not None
assert spec.loader is not None
particles = importlib.util.module_from_spec(spec)
spec.loader.exec_module(particles)


@pytest.fixture(scope="module")
def films():
    return particles.drawn(particles.simulated(40)[0])


def test_the_simulation_keeps_energy_and_its_particles_in_the_box():
    places, speeds = particles.simulated(40, frames=100)
    energy = particles.energy(places, speeds)
    assert np.abs(energy - energy[:, :1]).max() < 0.05 * energy.mean()
    assert places.min() >= particles.RADIUS - 1e-9
    assert places.max() <= particles.SIDE - particles.RADIUS + 1e-9


def test_what_is_read_off_films_is_what_was_simulated(films):
    places, speeds = particles.simulated(40)
    mass, seen = particles.read_off(films)
    assert mass.std() / mass.mean() < 0.02
    true = particles.energy(places, speeds)
    known = ~np.isnan(seen)
    assert 0.2 < known.mean() < 0.9
    assert np.abs(seen - true)[known].mean() / true.mean() < 0.03


def test_films_that_break_the_laws_drift(films):
    fine = particles.measured(films, particles.drawn(particles.simulated(40, seed=1)[0]))
    assert fine["mass drift"] < 0.01
    assert fine["energy drift"] < 0.03
    fading = (films * np.linspace(1, 0.4, films.shape[1])[:, None, None, None]).astype(np.uint8)
    assert particles.measured(films, fading)["mass drift"] > 0.2
    slowing = films[:, np.minimum(np.arange(32), 16 + (np.arange(32) - 16) // 3)]
    assert particles.measured(films, slowing)["energy drift"] > 3 * fine["energy drift"]
