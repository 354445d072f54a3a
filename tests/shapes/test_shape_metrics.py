"""Metrics of shapes: against closed forms and SciPy, and worse for noise, collapse, other shapes and loose parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from shapes_of_tests import ball

from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.shape.example import solids
from ganforge.modalities.shape.metrics import distances
from ganforge.modalities.shape.metrics.extractor import Occupancy
from ganforge.modalities.shape.metrics.labels import ShapeLabels
from ganforge.modalities.shape.metrics.shapes import Shapes
from ganforge.modalities.shape.metrics.solids import Solids
from ganforge.modalities.shape.nets.clouds import chamfer, sliced
from ganforge.modalities.shape.surface import distance

STATE = {"form": "occupancy", "clip": 3.0, "up": "z"}
METRIC = Shapes(shapes=24, points=64, emd_shapes=10, emd_points=32)


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def clouds(n: int, seed: int, points: int = 64) -> np.ndarray:
    """Boxes of points of many sizes."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(-1, 1, (n, points, 3)) * rng.uniform(0.1, 1, (n, 1, 3))).astype(np.float32)


def test_emd_is_that_of_scipys_exact_assignment():
    optimize, spatial = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.spatial")
    a, b = clouds(12, 0), clouds(12, 1)
    b[0] = a[0, np.random.default_rng(0).permutation(64)]
    found = distances.emd(a, b)
    for k in range(12):
        cost = spatial.distance.cdist(a[k], b[k])
        exact = cost[optimize.linear_sum_assignment(cost)].mean()
        assert exact - 1e-6 <= found[k] <= exact + distances.PRECISE * cost.mean()
    assert found[0] == pytest.approx(0, abs=1e-6), "the same points in another order"
    assert distances.emd(np.zeros((1, 1, 3)), np.ones((1, 1, 3))) == pytest.approx([3**0.5])


def test_chamfer_is_its_formula_for_metrics_and_for_training():
    a, b = clouds(5, 0), clouds(5, 1)
    away = ((a[:, :, None] - b[:, None]) ** 2).sum(3)
    expected = away.min(1).mean(1) + away.min(2).mean(1)
    assert distances.chamfer(a, b) == pytest.approx(expected, abs=1e-5)
    x, y = (torch.from_numpy(one).double().transpose(1, 2) for one in (a, b))
    assert chamfer(x, y).numpy() == pytest.approx(expected, abs=1e-6)
    few = x[:2, :, :12].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: chamfer(x, y[:2, :, :12]), few)
    matrix = distances.among(distances.chamfer, a, quiet)
    assert (matrix == matrix.T).all()
    assert matrix[3, 1] == pytest.approx(distances.chamfer(a[3:4], a[1:2])[0])
    assert distances.across(distances.chamfer, a, b, quiet).diagonal() == pytest.approx(expected, abs=1e-5)


def test_sliced_distance_is_that_of_shifted_clouds():
    x = torch.randn(3, 3, 50, dtype=torch.float64)
    directions = torch.eye(3, dtype=torch.float64)
    assert sliced(x, x[:, :, torch.randperm(50)], directions).abs().max() < 1e-12
    shift = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert sliced(x, x + shift[:, None], directions).numpy() == pytest.approx([14 / 3] * 3)


def test_protocol_on_numbers_known_in_advance():
    apart = np.array([[1.0, 9, 9], [2, 9, 5], [9, 9, 9]])  # three real, three generated
    mmd, covered = distances.coverage(apart)
    assert mmd == pytest.approx((1 + 2 + 9) / 3)
    assert covered == pytest.approx(2 / 3), "the first and the second real one are nearest to some generated one"
    far = np.full((4, 4), 10.0)
    near = np.full((4, 4), 1.0)
    assert distances.nearest_neighbor_accuracy(near, near, far) == 1
    assert distances.nearest_neighbor_accuracy(far, far, near) == 0
    p, q = np.array([1.0, 0]), np.array([0, 1.0])
    assert distances.divergence(p, q) == pytest.approx(np.log(2))
    assert distances.divergence(p, p) == 0
    assert distances.occupancy(clouds(2, 0)).sum() == pytest.approx(1)


def volumes(n: int, seed: int) -> np.ndarray:
    return np.stack([distance(cells) for _, cells in solids(n, seed=seed)])


def figures(real: np.ndarray, fake: np.ndarray, state=STATE, metric=METRIC, heldout: np.ndarray | None = None):
    comparison = Comparison(
        SampleSet.of(real), SampleSet.of(fake), facts=state, heldout=None if heldout is None else SampleSet.of(heldout)
    )
    return {result.name.split("[")[0]: result for result in metric.compute(comparison)}


@pytest.fixture(scope="module")
def good():
    real = volumes(24, 0)
    return real, figures(real, volumes(24, 1))


@pytest.mark.slow
def test_other_shapes_of_the_same_kind_are_near_the_floor(good):
    _, found = good
    assert set(found) == set(Shapes.values)
    for name in ("coverage_cd", "coverage_emd"):
        assert found[name].value > 0.35
    assert found["nna_cd"].value < 0.75
    assert all(0 <= result.detail["floor"] <= 1 and result.detail["notes"] for result in found.values())


def corrupted(real: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    noisy = np.where(rng.random(real.shape) < 0.06, -real, real)
    scattered = np.stack([distance(rng.permutation((one < 0).ravel()).reshape(one.shape)) for one in real])
    return {"noise": noisy, "collapsed": np.repeat(real[:1], len(real), 0), "shuffled": scattered}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["noise", "collapsed", "shuffled"])
def test_corrupted_shapes_score_worse(good, how):
    real, found = good
    bad = figures(real, corrupted(volumes(24, 1))[how])
    assert bad["nna_cd"].value > found["nna_cd"].value + 0.15
    assert bad["coverage_cd"].value < found["coverage_cd"].value
    assert bad["mmd_cd"].value > found["mmd_cd"].value * (0.99 if how == "noise" else 1.2)
    assert bad["mmd_emd"].value > found["mmd_emd"].value * (0.99 if how == "noise" else 1.0)


@pytest.mark.slow
def test_clouds_and_their_floor_of_unseen_shapes():
    state = {"normalize": "shape"}
    found = figures(clouds(24, 0), clouds(24, 1), state, heldout=clouds(24, 2))
    assert "not trained on" in found["nna_cd"].detail["notes"][0]
    noise = clouds(24, 1) + np.random.default_rng(0).normal(0, 0.4, (24, 64, 3)).astype(np.float32)
    bad = figures(clouds(24, 0), noise, state)
    assert bad["nna_cd"].value > found["nna_cd"].value + 0.1
    moved = figures(clouds(24, 0), clouds(24, 1) * 1000 + 5, state)
    assert moved["mmd_cd"].value == pytest.approx(found["mmd_cd"].value, rel=0.01), "size and place are normalized"
    broken = clouds(24, 1)
    broken[:, 0] = np.nan
    assert np.isfinite(figures(clouds(24, 0), broken, state)["mmd_cd"].value)


def test_solids_notice_loose_parts_open_sides_and_nothing():
    whole = np.stack([ball(16, 5)] * 4).astype(np.float32)
    metric = Solids()
    loose = whole.copy()
    loose[:, 0, 0, 0] = -1
    assert [
        result.value for result in metric.compute(Comparison(SampleSet.of(whole), SampleSet.of(whole), facts=STATE))
    ] == [1, 1, 1, 0]
    values = {
        r.name.rstrip("4"): r for r in metric.compute(Comparison(SampleSet.of(whole), SampleSet.of(loose), facts=STATE))
    }
    assert values["one_part"].value == 0
    assert values["one_part"].detail["real"] == 1
    assert 0.99 < values["largest_part"].value < 1
    assert values["watertight"].value == 0, "a cell at the border"
    nothing = np.abs(whole) + 1
    assert metric.compute(Comparison(SampleSet.of(whole), SampleSet.of(nothing), facts=STATE))[3].value == 1
    assert figures(volumes(8, 0), np.abs(volumes(8, 0)) + 1, metric=Shapes(shapes=8, points=32, emd_shapes=0))


def test_features_find_the_same_shape_again():
    for real in (volumes(10, 0), clouds(10, 0)):
        encoder = Occupancy().open(SampleSet.of(real))
        features, _ = encoder.encode(real)
        again, _ = encoder.encode(real[:, ::-1].copy() if real.ndim == 3 else real)  # points in another order
        away = torch.cdist(again, features)
        assert away.diagonal().max() < 1e-5
        assert away.median() > 0.1
        assert features.shape == (10, encoder.dim)


def test_classes_are_recognized_and_wrong_ones_are_named():
    """Flat boxes and long ones; of the generated ones a quarter is of the other class."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 2
    sides = np.array([[1, 1, 0.1], [0.1, 0.1, 1]])[labels]
    boxes = (rng.uniform(-1, 1, (80, 128, 3)) * sides[:, None]).astype(np.float32)
    asked = np.where(np.arange(80) % 4 == 1, 1 - labels, labels)

    def measured(wanted: np.ndarray):
        real, fake = (SampleSet.of(boxes, labels=of) for of in (labels, wanted))
        comparison = Comparison(real, fake, train=real, classes=("flat", "long"), facts={})
        return ShapeLabels(points=128).compute(comparison)[0]

    right, wrong = measured(labels), measured(asked)
    assert right.value > 0.95
    assert right.detail["floor"] > 0.9
    assert wrong.value == pytest.approx(0.75, abs=0.05)
    assert set(wrong.detail["per_class"]) == {"flat", "long"}
    assert wrong.name == "class_as_asked80"
