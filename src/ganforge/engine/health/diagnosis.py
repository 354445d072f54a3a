"""From a series of probes to a diagnosis. Pure functions of numbers that know no method by name.

A single probe with abnormal values is a *sign*; a run is in *trouble* when signs persist. They must persist because
every run begins like a failing one: untrained fakes are far from the reals, all alike, and D is sure of them.

Where the thresholds come from: 20 runs that end well and 20 that do not, of points and 8×8 digits, fully connected and
convolutional nets, conditional and not, each of 800 iterations (`tests/engine/health_runs.py`). By the medians of their
last 300 iterations those that end well have a distance of at most 0.1 and a diversity of 0.6 to 1.05; those that do not
have a distance of at least 0.2. DCGANs on MNIST had a distance below 0.03 and a diversity around 0.93 from 60,000
samples on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

HEALTHY, D_WINS, G_WINS = "healthy", "D wins", "G wins"
OSCILLATING, COLLAPSING, DIVERGING = "oscillating", "collapsing", "diverging"
UNSETTLED = "unsettled"
"""The state while it is too early to tell: few probes, or signs that have not persisted."""

THIN = 0.25
"""Fakes that are so much less diverse than reals are a few images only."""
ALIKE = 0.02
"""Fakes with less than this are one image. Untrained generators have 0.05 to 0.5."""
DIVERSE = 0.5
"""Fakes that once had this much and now are thin have collapsed, whatever D says of them."""
WIDE = 3.0
"""Fakes that are so much more spread out than reals run away."""
FAR = 0.15
"""Energy distance above which fakes lie elsewhere than reals."""
SURE, FOOLED = 0.95, 0.6
"""D's auc above which it makes next to no mistake, and below which it sees no difference."""
LARGE_GAP = 1000.0
"""Logits that are so far apart belong to a D whose weights run away."""
LEAP = 1000.0
"""A generator's gradient that is so many times the usual one belongs to weights that have just lost what they knew. It
is asked where samples cannot be compared: of translators, whose regression can blow up while D sees nothing amiss."""
FEW_COVERED, PRECISE = 0.3, 0.7
"""Fakes that look right (precision) but reach few of the reals (coverage) are of some modes only."""
COVERAGE_FROM = 48
"""Samples a probe must compare for its coverage to mean anything: with fewer the fifth neighbor is another mode's."""
SWING_HIGH, SWING_LOW, SWINGS = 0.85, 0.3, 4
"""D's auc going between these so often within the probes that are kept: the two players oscillate."""

PATIENCE = 6
"""Probes in a row of which all but one must show a sign."""
LONG_PATIENCE = 10
"""As much for signs that also a slow, sound start shows: fakes that are still far from the reals."""
PROGRESS = 0.9
"""A distance that became smaller than this share of itself over these probes is progress, and so no trouble."""
KEPT = 20
"""Probes that are kept."""

ADVICE = {
    D_WINS: (
        "lower optimizers.D.lr or raise optimizers.G.lr",
        "hold D back: a gradient penalty, spectral norm, label smoothing or dropout",
        "show D augmented samples if there are few",
    ),
    G_WINS: (
        "raise optimizers.D.lr or lower optimizers.G.lr",
        "give D more steps (task.d_steps) or more width",
    ),
    OSCILLATING: (
        "lower both learning rates",
        "use less momentum: betas of [0, 0.99] or [0.5, 0.999]",
        "add a gradient penalty, which damps the oscillation",
    ),
    COLLAPSING: (
        "lower optimizers.G.lr",
        "use a relativistic objective, or let D see several samples at once (packing, minibatch statistics)",
        "add a gradient penalty; use a larger batch",
    ),
    DIVERGING: (
        "lower the learning rates, or schedule a slow start",
        "clip gradients (optimizers.G.clip, optimizers.D.clip) or add a gradient penalty",
        "use precision=fp32 if it is bf16",
    ),
}
"""What to try against each trouble, the likeliest first."""


@dataclass(frozen=True)
class Diagnosis:
    """The state that a series of probes shows.

    Attributes:
        state: one of the names above.
        why: the values that show it; empty while healthy.
    """

    state: str
    why: str = ""


def sign_of(values: dict[str, Any], compared: int, peak: float) -> str:
    """The sign that one probe shows, or an empty string.

    Args:
        values: as `watcher.measure` returns them; None for one that is not finite.
        compared: samples that were compared.
        peak: the highest diversity of the run so far.
    """
    if any(value is None for value in values.values()) or abs(values.get("gap", 0)) > LARGE_GAP:
        return DIVERGING
    if "leap" in values:
        return DIVERGING
    if "diversity" not in values:
        return ""
    diversity, far = values["diversity"], values["distance"] > FAR
    auc = values.get("auc", (SURE + FOOLED) / 2)  # of a task that does not tell: neither
    if diversity > WIDE:
        return DIVERGING
    if diversity < ALIKE or (diversity < THIN and peak > DIVERSE):
        return COLLAPSING
    if far and auc < FOOLED:
        return G_WINS
    if far and auc > SURE:
        return D_WINS
    if diversity < THIN:
        return COLLAPSING
    if compared >= COVERAGE_FROM and values["precision"] > PRECISE and values["coverage"] < FEW_COVERED:
        return COLLAPSING
    return OSCILLATING if far else ""


def leap(before: Sequence[dict[str, Any]], values: dict[str, Any], generators: Sequence[str]) -> dict[str, float]:
    """A generator's gradient norm relative to its usual one, as `leap`; nothing below `LEAP`.

    Args:
        before: the earlier probes. With too few of them there is no usual gradient.
        values: of this probe.
        generators: the players to check.
    """
    found = 0.0
    for name in (f"gradient/{player}" for player in generators):
        usual = [probe[name] for probe in before if probe.get(name)]
        if len(usual) >= LONG_PATIENCE and values.get(name):
            found = max(found, values[name] / median(usual))
    return {"leap": found} if found >= LEAP else {}


def diagnose(probes: Sequence[dict[str, Any]]) -> Diagnosis:
    """The state that the latest probes, oldest first, show. Each holds its values and its `sign`."""
    if not probes:
        return Diagnosis(UNSETTLED)
    last = probes[-1]
    if last["sign"] == DIVERGING and any(value is None for value in last.values()):
        names = ", ".join(name for name, value in last.items() if value is None)
        return Diagnosis(DIVERGING, f"no longer finite: {names}")
    if "leap" in last:
        return Diagnosis(DIVERGING, f"a generator's gradient is {last['leap']:,.0f} times what it was")
    seen = probes[-PATIENCE:]
    found = lasting_sign(seen, PATIENCE)
    if found not in ("", COLLAPSING, DIVERGING):
        seen = probes[-LONG_PATIENCE:]
        found = lasting_sign(seen, LONG_PATIENCE)
    if found and not progress(seen, found):
        return Diagnosis(found, explanation(seen))
    turns = swings(probes)
    if turns >= SWINGS:
        return Diagnosis(OSCILLATING, f"D changed {turns} times between sure and fooled within {len(probes)} probes")
    calm = sum(not probe["sign"] for probe in probes[-PATIENCE:])
    return Diagnosis(HEALTHY if calm > PATIENCE / 2 else UNSETTLED)


def lasting_sign(probes: Sequence[dict[str, Any]], patience: int) -> str:
    """The commonest sign of probes of which all but one show some sign; an empty string otherwise."""
    signs = Counter(probe["sign"] for probe in probes if probe["sign"])
    return signs.most_common(1)[0][0] if len(probes) >= patience and signs.total() >= patience - 1 else ""


def progress(probes: Sequence[dict[str, Any]], state: str) -> bool:
    """Whether fakes are on their way to the reals all the same: nearer or, where they were alike, less so."""
    third = max(1, len(probes) // 3)

    def over_time(name: str) -> tuple[float, float]:
        then, now = ([probe.get(name, 0.0) for probe in part] for part in (probes[:third], probes[-third:]))
        return median(then), median(now)

    if state == DIVERGING:
        return False
    if state == COLLAPSING:
        then, now = over_time("diversity" if over_time("diversity")[1] < THIN else "coverage")
        return now > max(then / PROGRESS, ALIKE)
    # Against the best of before: a distance that leaps about has no lasting progress by chance.
    best = min(probe.get("distance", 0.0) for probe in probes[:third])
    return over_time("distance")[1] < PROGRESS * best


def swings(probes: Sequence[dict[str, Any]]) -> int:
    """How often D went between sure and fooled."""
    sides = []
    for probe in probes:
        auc = probe.get("auc")
        side = None if auc is None else True if auc > SWING_HIGH else False if auc < SWING_LOW else None
        if side is not None and (not sides or sides[-1] != side):
            sides.append(side)
    return max(0, len(sides) - 1)


def explanation(probes: Sequence[dict[str, Any]]) -> str:
    """The values that point to the trouble, as text: medians over the probes."""
    texts = {
        "auc": "D ranks {:.0%} of real-fake pairs correctly",
        "gap": "logits of reals and fakes are {:.3g} apart",
        "diversity": "fakes are {:.2g} times as diverse as reals",
        "distance": "their distance is {:.2g} (0 is right)",
        "coverage": "they reach {:.0%} of the reals",
    }
    parts = []
    for name, text in texts.items():
        values = [probe[name] for probe in probes if probe.get(name) is not None]
        if values:
            parts.append(text.format(median(values)))
    return ", ".join(parts)
