"""TableGAN among scikit-learn's estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator

import ganforge as gf
from refused import refused

QUICK = {"samples": 200, "batch": 100, "log_every": 100, "statistics.size": 50}
DRAWS = np.random.default_rng(0)
X = DRAWS.normal(size=300)
FRAME = pd.DataFrame({"x": X, "y": X + DRAWS.normal(size=300) / 3, "g": np.where(X > 0, "up", "down")})


@pytest.fixture(scope="module")
def quick() -> gf.TableGAN:
    return gf.TableGAN(progress=False, fields=QUICK).fit(FRAME)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_hold():
    """All of them; one is skipped unless scipy's array interface is switched on."""
    done = check_estimator(gf.TableGAN(progress=False, fields=QUICK), on_skip=None)
    status = {one["check_name"]: one["status"] for one in done}
    assert len(status) > 30
    assert {name for name, found in status.items() if found != "passed"} <= {"check_array_api_input"}


def test_columns_are_known_after_fit_and_checked_after(quick, tmp_path):
    assert quick.n_features_in_ == 3
    assert quick.feature_names_in_.tolist() == ["x", "y", "g"]
    assert gf.TableGAN.load(quick.save(tmp_path / "m.safetensors")).feature_names_in_.tolist() == ["x", "y", "g"]
    with pytest.raises(ValueError, match="feature names"):
        quick.score(FRAME.rename(columns={"g": "h"}))


def test_an_array_is_a_table(quick):
    made = gf.TableGAN(progress=False, fields=QUICK).fit(FRAME[["x", "y"]].to_numpy()).sample(5)
    assert made.columns.tolist() == ["0", "1"]
    with refused("table.type_not_supported"):
        gf.TableGAN().fit([1, 2])


def test_losses_evaluation_and_score(quick):
    assert {"samples", "loss/G", "loss/D"} <= set(quick.losses_.columns)
    names = {
        result.name.partition("[")[0].rstrip("0123456789") for result in quick.evaluate(FRAME, progress=False).results
    }
    assert {"ks", "tv", "correlation", "contingency"} <= names
    assert 0 < quick.score(FRAME) < 1
    with refused("model.not_trained"):
        gf.TableGAN().score(FRAME)


def test_the_score_of_the_real_rows_themselves_is_1(quick, monkeypatch):
    monkeypatch.setattr(quick, "sample", lambda n, seed: FRAME.copy())
    assert quick.score(FRAME) == pytest.approx(1)
    monkeypatch.setattr(quick, "sample", lambda n, seed: FRAME.assign(g="up", x=9.0, y=-9.0))
    assert quick.score(FRAME) < 0.5
