"""From a series of probes to a diagnosis: pure functions, independent of the GAN method.

A single probe with abnormal values is a *sign*; a run is in *trouble* when signs persist. They must persist because
every run starts like a failing one: untrained fakes are far from the reals and nearly identical, and D separates them
easily.

Where the thresholds come from: 20 runs that end well and 20 that do not, of points and 8×8 digits, fully connected and
convolutional nets, conditional and not, each of 800 iterations (`tests/engine/health_runs.py`). In the median over the
last 300 iterations, the former have a distance of at most 0.1 and a diversity of 0.6 to 1.05; the latter have a
distance of at least 0.2. DCGANs on MNIST had a distance below 0.03 and a diversity around 0.93 from 60,000 samples on.
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
"""The state before a diagnosis is possible: few probes, or signs that have not persisted."""

THIN = 0.25
"""Diversity below which the fakes are only a few different samples."""
ALIKE = 0.02
"""Diversity below which all fakes are the same sample. Untrained generators have 0.05 to 0.5."""
DIVERSE = 0.5
"""If diversity was once above this and is now below `THIN`, the generator has collapsed, whatever D's output."""
WIDE = 3.0
"""Diversity above which the fakes diverge."""
FAR = 0.15
"""Energy distance above which the distributions of fakes and reals differ clearly."""
SURE, FOOLED = 0.95, 0.6
"""D's AUC above which it makes almost no mistakes, and below which it cannot separate fakes from reals."""
LARGE_GAP = 1000.0
"""Difference of mean logits above which D's weights diverge."""
LEAP = 1000.0
"""Ratio of a generator's gradient norm to its usual value above which training has diverged. Used only if samples
cannot be compared: for translators, whose reconstruction loss can explode without a sign in D's output."""
FEW_COVERED, PRECISE = 0.3, 0.7
"""Coverage below the first and precision above the second value: the fakes are realistic, but of few modes."""
COVERAGE_FROM = 48
"""Minimum number of samples for a meaningful coverage: with fewer, the fifth neighbor belongs to another mode."""
SWING_HIGH, SWING_LOW, SWINGS = 0.85, 0.3, 4
"""The run oscillates if D's AUC crosses from above the first to below the second value, or back, this often within the
stored probes."""

PATIENCE = 6
"""Number of consecutive probes of which all but one must show a sign."""
LONG_PATIENCE = 10
"""The same for signs that also occur in a slow but healthy start: fakes that are still far from the reals."""
PROGRESS = 0.9
"""If the distance fell below this fraction of its earlier value over these probes, the run is making progress and is
not in trouble."""
KEPT = 20
"""Number of stored probes."""

ADVICE = {
    D_WINS: (
        "lower optimizers.D.lr or raise optimizers.G.lr",
        "regularize D: a gradient penalty, spectral norm, label smoothing or dropout",
        "with little data, augment D's input (task.augment)",
    ),
    G_WINS: (
        "raise optimizers.D.lr or lower optimizers.G.lr",
        "use more steps of D (task.d_steps) or a wider D",
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
        "lower the learning rates, or warm them up with a schedule",
        "clip gradients (optimizers.G.clip, optimizers.D.clip) or add a gradient penalty",
        "use precision=fp32 instead of bf16",
    ),
}
"""Remedies for each kind of trouble, the most likely to help first."""


@dataclass(frozen=True)
class Diagnosis:
    """The state that a series of probes shows.

    Attributes:
        state: one of the states above.
        why: the values that indicate it; empty while healthy.
    """

    state: str
    why: str = ""


def sign_of(values: dict[str, Any], compared: int, peak: float) -> str:
    """The sign that one probe shows, or an empty string.

    Args:
        values: from `watcher.measure`; None for a value that is not finite.
        compared: number of samples that were compared.
        peak: highest diversity of the run so far.
    """
    if any(value is None for value in values.values()) or abs(values.get("gap", 0)) > LARGE_GAP:
        return DIVERGING
    if "leap" in values:
        return DIVERGING
    if "diversity" not in values:
        return ""
    diversity, far = values["diversity"], values["distance"] > FAR
    auc = values.get("auc", (SURE + FOOLED) / 2)  # neutral if the task does not report logits
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
    """{"leap": ratio of a generator's gradient norm to its usual value} if the ratio is above `LEAP`, else {}.

    Args:
        before: the earlier probes, which define the usual value; if there are too few, the result is {}.
        values: the values of this probe.
        generators: the nets to check.
    """
    found = 0.0
    for name in (f"gradient/{player}" for player in generators):
        usual = [probe[name] for probe in before if probe.get(name)]
        if len(usual) >= LONG_PATIENCE and values.get(name):
            found = max(found, values[name] / median(usual))
    return {"leap": found} if found >= LEAP else {}


def diagnose(probes: Sequence[dict[str, Any]]) -> Diagnosis:
    """The diagnosis from the latest probes, oldest first. Each holds its values and its `sign`."""
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
        return Diagnosis(OSCILLATING, f"D's AUC changed {turns} times between high and low within {len(probes)} checks")
    calm = sum(not probe["sign"] for probe in probes[-PATIENCE:])
    return Diagnosis(HEALTHY if calm > PATIENCE / 2 else UNSETTLED)


def lasting_sign(probes: Sequence[dict[str, Any]], patience: int) -> str:
    """The most common sign if all but one of the last probes show a sign; else an empty string."""
    signs = Counter(probe["sign"] for probe in probes if probe["sign"])
    return signs.most_common(1)[0][0] if len(probes) >= patience and signs.total() >= patience - 1 else ""


def progress(probes: Sequence[dict[str, Any]], state: str) -> bool:
    """Whether the run is improving despite the signs: a smaller distance or, if collapsing, more diversity or
    coverage."""
    third = max(1, len(probes) // 3)

    def over_time(name: str) -> tuple[float, float]:
        then, now = ([probe.get(name, 0.0) for probe in part] for part in (probes[:third], probes[-third:]))
        return median(then), median(now)

    if state == DIVERGING:
        return False
    if state == COLLAPSING:
        then, now = over_time("diversity" if over_time("diversity")[1] < THIN else "coverage")
        return now > max(then / PROGRESS, ALIKE)
    # Compared with the best earlier value, so that fluctuation of the distance does not count as progress.
    best = min(probe.get("distance", 0.0) for probe in probes[:third])
    return over_time("distance")[1] < PROGRESS * best


def swings(probes: Sequence[dict[str, Any]]) -> int:
    """How often D's AUC went from high to low, or back."""
    sides = []
    for probe in probes:
        auc = probe.get("auc")
        side = None if auc is None else True if auc > SWING_HIGH else False if auc < SWING_LOW else None
        if side is not None and (not sides or sides[-1] != side):
            sides.append(side)
    return max(0, len(sides) - 1)


def explanation(probes: Sequence[dict[str, Any]]) -> str:
    """The values that indicate trouble, as text: medians over the probes."""
    texts = {
        "auc": "D ranks {:.0%} of real-fake pairs correctly",
        "gap": "mean logits of reals and fakes differ by {:.3g}",
        "diversity": "diversity of fakes is {:.2g} times that of reals",
        "distance": "energy distance {:.2g} (ideal: 0)",
        "coverage": "fakes cover {:.0%} of the reals",
    }
    parts = []
    for name, text in texts.items():
        values = [probe[name] for probe in probes if probe.get(name) is not None]
        if values:
            parts.append(text.format(median(values)))
    return ", ".join(parts)
