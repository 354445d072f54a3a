"""Systems of papers: their sizes, and what their tasks compute, by closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ganforge import recipes
from ganforge.artifacts import checkpoint
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.data.path import PathData
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.modalities.series.changes import changed
from ganforge.modalities.series.example import write_example
from ganforge.modalities.series.files import to_frame
from ganforge.modalities.series.finance import correlation
from ganforge.modalities.series.quant import FIELD, TCN
from ganforge.modalities.series.scaling import excess_kurtosis, fit, restored, scaled
from ganforge.modalities.series.signal import Series
from ganforge.modalities.series.source import SeriesSet
from ganforge.modalities.series.tasks.doppelganger import parted
from ganforge.modalities.series.tasks.sigcwgan import lead_lag, signature
from ganforge.modalities.series.tasks.timegan import TimeGan
from ganforge.modalities.series.volatility import VolatilityGenerator
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from ganforge.tasks.latent_gan import LatentGan, Standardized
from refused import refused

load_all()

STOCK = Spec((6, 24), state={"ends": False})


def sizes(name: str, spec: Spec) -> dict[str, int]:
    players = recipes.get(name).task.players(spec)
    return {key: sum(p.numel() for p in net.parameters()) for key, net in players.items()}


def gru(inputs: int, units: int) -> int:
    return 3 * units * (inputs + units + 2)


def lstm(inputs: int, units: int) -> int:
    return 4 * units * (inputs + units + 2)


def test_sizes_of_timegan():
    """Three GRUs of 24 and a linear layer each, of the supervisor two: 49,783 on six columns."""
    stack = 2 * gru(24, 24)
    embedder = gru(6, 24) + stack + 24 * 24 + 24
    wanted = {
        "E": embedder,
        "R": gru(24, 24) + stack + 24 * 6 + 6,
        "G": embedder,
        "S": stack + 24 * 24 + 24,
        "D": gru(24, 24) + stack + 24 + 1,
    }
    assert sizes("timegan", STOCK) == wanted
    assert sum(wanted.values()) == 49_783


def test_sizes_of_rcgan():
    """LSTMs of 100 units; five numbers of noise a step of 24."""
    assert sizes("rcgan", STOCK) == {"G": lstm(5, 100) + 606, "D": lstm(6, 100) + 101}


def test_sizes_of_doppelganger():
    """MLP 3×100 for the scale of each channel, LSTM 100 that makes 6 steps, critics of 5×200."""

    def mlp(inputs: int, width: int, layers: int, outputs: int) -> int:
        return (inputs + 1) * width + (layers - 1) * (width + 1) * width + (width + 1) * outputs

    assert sizes("doppelganger", STOCK) == {
        "G": mlp(5, 100, 3, 12) + lstm(5 + 12, 100) + 101 * 36,
        "D": mlp(12 + 144, 200, 5, 1),
        "D_a": mlp(12, 200, 5, 1),
    }


def test_sizes_of_quantgan():
    """A block of kernel 1 and six of kernel 2 at 80 channels; the receptive field is 127."""

    def tcn(before: int, after: int, c: int = 80) -> int:
        first = (before + 1) * c + (c + 1) * c + 2 + (before + 1) * c
        return first + 6 * (2 * (2 * c + 1) * c + 2) + (c + 1) * after

    assert sizes("quantgan", Spec((1, 127), state={"ends": False})) == {"G": tcn(3, 1), "D": tcn(1, 1)}
    assert FIELD == 127
    torch.manual_seed(0)
    net, x = TCN(1, 4, 1).double(), torch.randn(1, 1, 140, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(net(x)[0, 0, -1], x)
    seen = torch.nonzero(slope[0, 0])[:, 0]
    assert (int(seen.min()), int(seen.max())) == (140 - 127, 139)


def test_sizes_of_sigcwgan():
    """3 × 50 with PReLU; the last three values and noise in."""
    assert sizes("sigcwgan", Spec((1, 127))) == {"G": (4 + 1) * 50 + 2 * 51 * 50 + 3 + 51}


def test_signatures_of_known_paths():
    line = torch.tensor([[[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]])
    assert torch.allclose(signature(line), torch.tensor([[2.0, 4.0, 2.0, 4.0, 4.0, 8.0]])), "v and v ⊗ v / 2"
    corner = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]])
    assert torch.allclose(signature(corner)[0, 2:], torch.tensor([0.5, 1.0, 0.0, 0.5])), "area 1 before, 0 after"
    walk = torch.randn(4, 30, 1).cumsum(1)
    level2 = signature(lead_lag(walk))[:, 2:].unflatten(1, (2, 2))
    variation = (walk[:, 1:] - walk[:, :-1]).square().sum((1, 2))
    assert torch.allclose((level2[:, 0, 1] - level2[:, 1, 0]).abs(), variation, rtol=1e-3)


def test_doppelganger_parts_a_window_into_scale_and_shape():
    x = torch.randn(5, 2, 24)
    attributes, shape = parted(x, torch.tensor([0, 1, 2, 0, 1]), 3)
    assert attributes[:, :3].sum(1).tolist() == [1.0] * 5
    assert torch.allclose(shape.amax(2), torch.ones(5, 2))
    assert torch.allclose(shape.amin(2), -torch.ones(5, 2))
    middle, spread = attributes[:, 3:5, None], attributes[:, 5:, None]
    assert torch.allclose(middle + spread * shape, x, atol=1e-5)


def test_timegan_rests_d_where_it_is_ahead():
    torch.manual_seed(0)
    task = TimeGan(units=4, layers=1)
    nets = Nets(task.players(STOCK))
    batch = Batch(torch.rand(8, 6, 24) * 2 - 1)
    assert task.d_loss(nets, batch, Rng(0)).losses["adversarial"].min() > 0
    rigged = Nets({**nets.players, "D": Ahead(nets)})
    assert task.d_loss(rigged, batch, Rng(0)).losses["adversarial"].abs().max() == 0


class Ahead(nn.Module):
    """A critic that is right of all: real latents come first."""

    def __init__(self, nets: Nets):
        super().__init__()
        self.calls = 0

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return torch.full((*h.shape[:2], 1), 9.0 if self.calls == 1 else -9.0)


def test_phases_of_timegan_follow_each_other():
    phases = TimeGan(stage=100).phases()
    running = {at: [p.name for p in phases if p.due(at, 0)] for at in (0, 99, 100, 199, 200)}
    assert running == {0: ["E0"], 99: ["E0"], 100: ["S"], 199: ["S"], 200: ["G", "E", "D"]}
    assert "D" not in [p.name for p in phases if p.due(300, 1)], "D takes every second step"


def test_latents_are_standardized_by_what_was_seen():
    rng = np.random.default_rng(0)
    h = torch.from_numpy(rng.normal(3, 2, (1_000, 4))).float()
    net = Standardized(nn.Identity(), 4)
    for part in h.split(100):
        net.observe(part)
    assert torch.allclose(net.mean, h.mean(0), atol=1e-4)
    assert torch.allclose(net.deviation, h.std(0, unbiased=False), rtol=1e-3)
    assert torch.allclose(net.restored(net.standardized(h)), h, atol=1e-4)


def run_of(name: str, folder: Path, *fields: str) -> Path:
    data = write_example(folder, 150)
    words = [f"data={data}", "batch=8", "samples=64", "checkpoint_every=64", "callbacks=[]", *fields]
    recipe = build(Recipe, apply(to_plain(recipes.get(name)), words))
    return train(recipe, run_dir=folder / f"run-{name}-{len(list(folder.iterdir()))}", device="cpu").folder


LATENT = ("task.encoder.channels=4", "task.decoder.channels=4", "task.autoencoder=24", "task.measured=16")


def test_the_autoencoder_is_frozen_while_the_gan_learns(tmp_path):
    early = load(run_of("series-latent", tmp_path, *LATENT, "samples=24", "ema.half_life=0"))
    late = load(run_of("series-latent", tmp_path, *LATENT, "ema.half_life=0"))
    for a, b in zip(early.bundle.nets.R.parameters(), late.bundle.nets.R.parameters(), strict=True):
        assert torch.equal(a, b)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(early.bundle.nets.G.parameters(), late.bundle.nets.G.parameters(), strict=True)
    )
    G = late.bundle.nets.G
    assert isinstance(G, Standardized)
    assert float(G.count) == 16, "as many as `measured`"


def test_latent_gan_knows_no_signal():
    """It makes points as well as series."""
    from ganforge.losses.relativistic import RpGan
    from ganforge.nets.encoders import MlpEncoder
    from ganforge.nets.likelihoods import OptimalGaussian
    from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator

    small = MlpGenerator(latent=3, widths=(8,), norm="none")
    task = LatentGan(
        encoder=MlpEncoder(widths=(8,)), decoder=small, likelihood=OptimalGaussian(), generator=small,
        discriminator=MlpDiscriminator(widths=(8,)), objective=RpGan(),
    )  # fmt: skip
    nets = Nets(task.players(Spec((2,))))
    batch = Batch(torch.randn(16, 2))
    for loss in (task.ae_loss, task.d_loss, task.g_loss):
        assert all(torch.isfinite(v).all() for v in loss(nets, batch, Rng(0)).losses.values())
    assert task.sample(nets, Request(5)).shape == (5, 2)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("series-latent", LATENT),
        ("timegan", ("signal.window=8", "task.units=4", "task.stage=16")),
        ("sigcwgan", ("signal.window=24", "signal.change=difference", "task.draws=4")),
        pytest.param(
            "forecast",
            ("signal.window=32", "task.future=8", "task.channels=4", "task.discriminator.channels=4"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "impute",
            ("signal.window=32", "task.longest=8", "task.channels=4", "task.discriminator.channels=4"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_resumed_run_is_the_whole_run_bit_for_bit(name, fields, tmp_path):
    whole = run_of(name, tmp_path, *fields, "keep=5", "checkpoint_every=32")
    part = run_of(name, tmp_path, *fields, "keep=5", "checkpoint_every=32", "samples=32")
    resumed(part)
    assert final_state(part) == final_state(whole)


def final_state(folder: Path) -> dict[str, bytes]:
    """Every tensor of a run's newest checkpoint and of its model file, as bytes."""
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    tensors = checkpoint.read(point)[0] | load_file(folder / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()} | {"at": point.name.encode()}


def resumed(folder: Path) -> None:
    assert train(resume_recipe(folder, None, ["samples=64"]), resume=folder).reason == "finished"


def test_lambert_makes_heavy_tails_normal_and_back():
    from scipy.stats import kurtosis

    values = np.random.default_rng(0).standard_t(3, 20_000) * 0.01
    scale = fit(values, "lambert")
    x = scaled(values, scale)
    assert kurtosis(values) > 6
    assert abs(kurtosis(x)) < 0.1
    assert x.std() == pytest.approx(1)
    assert restored(x, scale) == pytest.approx(values, abs=1e-9)


@pytest.mark.slow
def test_volatility_has_clusters_and_tails_before_training():
    """A G that starts without them keeps volatility nearly constant: sizes of returns 5 steps apart are correlated by
    .28 in the S&P 500."""
    torch.manual_seed(0)
    x = VolatilityGenerator().build(Spec((1, 127)))(torch.randn(2_000, 1_024))[:, 0].detach().numpy()
    assert correlation(np.abs(x), np.abs(x), 5) > 0.04
    assert excess_kurtosis(x.ravel()) > 1


@pytest.mark.parametrize(("scaling", "holdout"), [("lambert", 0.0), ("standard", 0.2)])
def test_prices_are_learned_as_returns_and_go_on_from_the_newest_price(scaling, holdout, tmp_path):
    """Also where that price is held back from training, since the time stamps go on from its row."""
    rng = np.random.default_rng(0)
    price = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 200)))
    days = [f"2024-{1 + k // 28:02d}-{1 + k % 28:02d}" for k in range(200)]
    path = tmp_path / "p.csv"
    path.write_text("day,close\n" + "".join(f"{d},{p:.4f}\n" for d, p in zip(days, price, strict=True)))
    whole = PathData(path=str(path), holdout=holdout, signal="series").open()
    assert isinstance(whole, SeriesSet)
    signal = Series(change="log", scaling=scaling)
    windows = signal.items(whole)
    spec = signal.spec(windows, lambda shape: shape)
    stored = torch.from_numpy(np.stack([signal.prepare(windows.read(k), spec) for k in range(5)]))
    returns = signal.decode(stored, spec)
    assert returns[0, :, 0] == pytest.approx(np.diff(np.log(price))[:24], abs=1e-5)
    table = to_frame(returns, spec)
    assert table["close"][:24].to_numpy() == pytest.approx(price[-1] * price[1:25] / price[0], rel=1e-3)


def test_values_without_a_logarithm(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("day,x\n" + "".join(f"2024-01-{k + 1:02d},{k - 3}.5\n" for k in range(31)))
    whole = PathData(path=str(path), holdout=0.0, signal="series").open()
    assert isinstance(whole, SeriesSet)
    with refused("series.not_positive", "x", "difference"):
        changed(whole, "log")
