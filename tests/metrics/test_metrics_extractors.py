"""Extractors: layouts as published, weights from files alone, errors that help, resizers that keep to their rule."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn.functional import interpolate

from ganforge.metrics.base import Comparison, Extractor, Latents, Metric, SampleSet, measure
from ganforge.modalities.image.extractors import inception, weights
from ganforge.modalities.image.extractors.inception import Conv, InceptionV3
from ganforge.modalities.image.extractors.resize import resize, rgb
from ganforge.modalities.image.extractors.small import Small
from ganforge.modalities.image.extractors.trunks import TRUNKS
from ganforge.modalities.image.metrics.lpips import SMALLEST, Lpips, load, to_unit
from ganforge.modalities.image.metrics.paths import slerp
from ganforge.registry import load_all
from refused import refused

load_all()
# Counts of parameters that the authors or the keepers of the weight files state, of the trunk alone.
PUBLISHED = {"alex": 2_469_696, "vgg": 14_714_688, "squeeze": 722_496}
INCEPTION = 23_834_568 + 8 * 2049  # with 1000 outputs, and the eight that TF's graph has more


def pictures(n=4, height=40, width=40, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)


class TestResizers:
    def test_tf_bilinear_by_hand(self):
        """Pixel i is read at i · in / out: the first one is kept, the last is repeated."""
        x = np.array([0.0, 10, 30], np.float32).reshape(1, 1, 3, 1)
        assert resize(x, 1, 6, "tf-bilinear").flatten().tolist() == [0, 5, 10, 20, 30, 30]
        assert resize(x, 1, 2, "tf-bilinear").flatten().tolist() == [0, 20]

    def test_tf_bilinear_aliases_and_clean_does_not(self):
        stripes = np.tile(np.array([0, 255], np.uint8), 32)[None, None, :, None].repeat(64, 1)
        aliased = resize(stripes, 16, 16, "tf-bilinear")
        assert aliased.std() == 0
        assert aliased.mean() == 0
        assert resize(stripes, 16, 16, "clean").mean() == pytest.approx(127.5, abs=1)

    def test_clean_is_pillow_on_floats(self):
        x = pictures(1)
        expected = Image.fromarray(x[0, ..., 1].astype(np.float32)).resize((17, 9), Image.Resampling.BICUBIC)
        assert (resize(x, 9, 17, "clean")[0, 1].numpy() == np.asarray(expected)).all()
        eight = Image.fromarray(x[0]).resize((17, 9), Image.Resampling.BICUBIC)
        assert (resize(x, 9, 17, "pil-bicubic")[0].permute(1, 2, 0).numpy() == np.asarray(eight)).all()

    def test_no_resizer_touches_what_has_the_size(self):
        x = pictures(2, 8, 8)
        assert (resize(x, 8, 8, "tf-bilinear").numpy() == x.transpose(0, 3, 1, 2)).all()

    def test_gray_and_alpha(self):
        assert rgb(pictures(channels=1)).shape[3] == 3
        clear = np.array([200, 0, 0, 0], np.uint8).reshape(1, 1, 1, 4)
        assert rgb(clear).flatten().tolist() == [255, 255, 255]


class TestInception:
    def test_as_large_as_published(self):
        net = InceptionV3()
        assert sum(p.numel() for p in net.parameters()) == INCEPTION

    @pytest.fixture(scope="class")
    def file(self, tmp_path_factory):
        torch.manual_seed(0)
        path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
        save_file(InceptionV3().state_dict(), path)
        return path

    @pytest.mark.slow
    def test_features_and_unbiased_logits(self, file):
        encoder = inception.Inception(weights=str(file)).open(SampleSet.of(pictures()))
        x = pictures(2)
        features, p = encoder.encode(x)
        assert (features.shape, p.shape) == ((2, 2048), (2, 1008))
        assert torch.isfinite(features).all()
        expected = (features @ encoder.net.fc.weight.T).softmax(1)
        assert torch.allclose(p, expected, atol=1e-6)
        assert not encoder.reference, "these are not the field's weights"
        assert encoder.provenance["weights"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert encoder.resizer == "tf-bilinear 299×299"

    def test_the_fields_weights_are_told_by_their_origin(self, file, tmp_path):
        tensors = InceptionV3().state_dict()
        path = tmp_path / inception.KNOWN.file
        save_file(tensors, path, metadata={"source_sha256": inception.ORIGINAL})
        assert inception.Inception(weights=str(path)).open(SampleSet.of(pictures())).reference
        assert not inception.Inception(weights=str(path), resizer="clean").open(SampleSet.of(pictures())).reference

    def test_pooling_leaves_the_padding_out(self):
        """Of a constant image the pooled branch is constant up to the edges; with zeros in the mean it is darker."""
        flat = torch.ones(1, 2, 5, 5)
        assert (inception._mean(flat) == 1).all()
        assert (inception._maximum(-flat)[..., 2, 2] == -1).all()
        blocks = InceptionV3()
        assert (blocks.Mixed_7b.pool, blocks.Mixed_7c.pool) == (inception._mean, inception._maximum)

    def test_batch_norm_as_in_the_graph(self):
        assert Conv(3, 4, 1).bn.eps == 1e-3


class TestWeights:
    def test_nothing_there_says_all_that_helps(self, tmp_path):
        with refused(
            "weights.not_found",
            inception.KNOWN.file,
            "https://",
            inception.ORIGINAL,
            str(tmp_path / "weights"),
            "small",
        ):
            inception.Inception().open(SampleSet.of(pictures()), cache=tmp_path)
        with refused("weights.not_found", "nowhere.safetensors: "):
            inception.Inception(weights="nowhere.safetensors").open(SampleSet.of(pictures()), cache=tmp_path)

    def test_the_cache_is_looked_into(self, tmp_path):
        path = tmp_path / "weights" / inception.KNOWN.file
        path.parent.mkdir()
        save_file(InceptionV3().state_dict(), path)
        assert inception.Inception().open(SampleSet.of(pictures()), cache=tmp_path).digest

    @pytest.mark.parametrize("start", [b"PK\x03\x04rest", b"\x80\x02rest"])
    def test_pickles_are_not_opened(self, start, tmp_path):
        path = tmp_path / "weights.pth"
        path.write_bytes(start)
        with refused("weights.pickle", str(path), "convert_weights"):
            inception.Inception(weights=str(path)).open(SampleSet.of(pictures()))

    def test_weights_of_another_net(self, tmp_path):
        path = tmp_path / "weights.safetensors"
        save_file(TRUNKS["squeeze"]().state_dict(), path)
        with refused("weights.other_net", str(path), "InceptionV3"):
            inception.Inception(weights=str(path)).open(SampleSet.of(pictures()))
        path.write_bytes(b"nothing of use")
        with refused("weights.unreadable", str(path), "safetensors"):
            inception.Inception(weights=str(path)).open(SampleSet.of(pictures()))

    def test_torch_fidelity_says_what_it_needs(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch_fidelity", None)
        with refused("extractor.package_not_found", "pip install torch-fidelity torchvision", "small"):
            Extractor.parse("torch-fidelity").open(SampleSet.of(pictures()))


class TestLpips:
    @pytest.mark.parametrize("name", sorted(TRUNKS))
    def test_trunks_are_as_published(self, name):
        trunk = TRUNKS[name]().eval()
        assert sum(p.numel() for p in trunk.parameters()) == PUBLISHED[name]
        side = SMALLEST[name]
        with torch.inference_mode():
            maps = trunk(torch.rand(1, 3, side, side))
            assert [m.shape[1] for m in maps] == list(trunk.channels)
            assert all((m >= 0).all() for m in maps), "each is taken after a ReLU"
            with pytest.raises(RuntimeError):
                trunk(torch.rand(1, 3, side - 1, side - 1))

    @pytest.fixture(scope="class")
    def files(self, tmp_path_factory):
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("lpips") / "weights"
        folder.mkdir()
        trunk = TRUNKS["squeeze"]()
        save_file(trunk.state_dict(), folder / "squeeze-imagenet.safetensors")
        heads = {f"lin{k}.model.1.weight": torch.rand(1, c, 1, 1) for k, c in enumerate(trunk.channels)}
        save_file(heads, folder / "lpips-squeeze.safetensors")
        return folder.parent

    def test_the_formula(self, files):
        """Written out with numpy from the maps of the trunk."""
        net, _ = load("squeeze", None, None, files)
        x, y = to_unit(pictures(2)), to_unit(pictures(2, seed=1))
        with torch.inference_mode():
            ours = net(x, y)
            shift, spread = (np.array(v).reshape(1, 3, 1, 1) for v in ((-0.03, -0.088, -0.188), (0.458, 0.448, 0.45)))
            a, b = (net.trunk(torch.from_numpy((part.numpy() - shift) / spread).float()) for part in (x, y))
        expected = np.zeros(2)
        for w, f, g in zip(net.weights, a, b, strict=True):
            u, v = (m.numpy() / np.sqrt((m.numpy() ** 2).sum(1, keepdims=True) + 1e-20) for m in (f, g))
            expected += (w.detach().numpy().reshape(1, -1, 1, 1) * (u - v) ** 2).sum(1).mean((1, 2))
        assert ours.numpy() == pytest.approx(expected, rel=1e-4)

    def test_pairs_and_diversity(self, files):
        x = pictures(6)
        fake = np.clip(x.astype(int) + 40, 0, 255).astype(np.uint8)
        comparison = Comparison(SampleSet.of(x), SampleSet.of(fake), paired=True, cache=files)
        lpips = Metric.parse({"kind": "lpips", "trunk": "squeeze"})
        (result,) = measure([lpips], comparison)
        (zero,) = measure([lpips], Comparison(SampleSet.of(x), SampleSet.of(x), paired=True, cache=files))
        assert (zero.value, result.value > 0) == (0, True)
        assert result.name.startswith("lpips6[squeeze@")
        diversity = Metric.parse({"kind": "lpips-diversity", "trunk": "squeeze", "pairs": 8})
        (same,) = measure([diversity], Comparison(SampleSet.of(x), SampleSet.of(x[:1].repeat(6, 0)), cache=files))
        assert same.value == 0
        assert same.detail["real"] > 0

    def test_refusals(self, files):
        small = SampleSet.of(pictures(height=12, width=12))
        with refused("metric.images_too_small", "squeeze", "at least 17 px", "12"):
            measure(
                [Metric.parse({"kind": "lpips", "trunk": "squeeze"})],
                Comparison(small, small, paired=True, cache=files),
            )
        with refused("weights.not_found", "alex-imagenet.safetensors"):
            load("alex", None, None, files)

    def test_gradients_reach_the_pictures(self):
        """It can be a loss too."""
        net = Lpips(TRUNKS["squeeze"]())
        x = to_unit(pictures(1)).requires_grad_()
        (slope,) = torch.autograd.grad(net(x, to_unit(pictures(1, seed=1))).sum(), x)
        assert slope.abs().sum() > 0


class TestPathLength:
    def test_arcs_keep_their_length(self):
        a, b = torch.eye(3)[:1] * 2, torch.eye(3)[1:2] * 2
        half = slerp(a, b, torch.tensor([0.5]))
        assert half.numpy() == pytest.approx(np.array([[2**0.5, 2**0.5, 0]]))
        assert slerp(a, a, torch.tensor([0.3])).numpy() == pytest.approx(a.numpy())

    def test_a_straight_generator_by_hand(self):
        """G(z) = z · 0.1 as pixels, raw features: |step|² (0.1 · 127.5)² / ε² for latents walked along lines."""
        side = SampleSet.of(pictures(2, 2, 2, 1))
        encoder = Extractor.parse("raw").open(side)

        def draw(first, n):
            rows = torch.arange(first, first + n)
            return torch.stack([rows % 2, rows * 0, rows * 0, rows * 0], 1).float() * 2 - 1

        latents = Latents(draw, lambda z: (z * 0.1).view(-1, 1, 2, 2), space="linear")
        metric = Metric.parse({"kind": "ppl", "paths": 32, "epsilon": 1e-2})
        (result,) = measure([metric], Comparison(side, side, encoder, latents=latents))
        # Halves of a batch are paired: rows 0..n with n..2n, of like parity, so that no path has a length.
        assert result.value == pytest.approx(0, abs=1e-6)
        latents = Latents(lambda f, n: draw(f, n) * (torch.arange(n) < n // 2)[:, None], latents.render, "linear")
        (result,) = measure([metric], Comparison(side, side, encoder, latents=latents))
        assert result.value == pytest.approx(4 * 12.75**2, rel=1e-2)

    def test_a_rougher_generator_is_longer(self):
        side = SampleSet.of(pictures(2, 8, 8, 1))
        encoder = Extractor.parse("raw").open(side)
        generator = torch.Generator().manual_seed(0)
        table = torch.randn(500, 4, generator=generator)
        mix = torch.randn(4, 64, generator=generator)
        found = []
        for rough in (0.1, 1.0):
            latents = Latents(
                lambda first, n: table[first : first + n],
                lambda z, rough=rough: (z @ mix * rough).tanh().view(-1, 1, 8, 8),
            )
            metric = Metric.parse({"kind": "ppl", "paths": 64})
            found.append(measure([metric], Comparison(side, side, encoder, latents=latents))[0].value)
        assert found[1] > 10 * found[0] > 0


class TestTransformers:
    @pytest.fixture(scope="class")
    def models(self, tmp_path_factory):
        transformers = pytest.importorskip("transformers")
        folder = tmp_path_factory.mktemp("models")
        small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28}
        torch.manual_seed(0)
        dino = transformers.Dinov2Model(transformers.Dinov2Config(**small, patch_size=14))
        dino.save_pretrained(folder / "dinov2")
        config = transformers.CLIPVisionConfig(**small, patch_size=14, intermediate_size=16, projection_dim=8)
        transformers.CLIPVisionModelWithProjection(config).save_pretrained(folder / "clip")
        return folder

    @pytest.mark.parametrize(("kind", "dim"), [("dinov2", 16), ("clip", 8)])
    def test_from_a_folder_offline(self, models, kind, dim):
        extractor = Extractor.parse({"kind": kind, "model": str(models / kind)})
        encoder = extractor.open(SampleSet.of(pictures()))
        features, none = encoder.encode(pictures())
        assert (features.shape, none, encoder.dim) == ((4, dim), None, dim)
        assert encoder.tag.startswith(f"{kind}@")
        assert torch.equal(features, extractor.open(SampleSet.of(pictures())).encode(pictures())[0])
        assert "torchvision" not in sys.modules

    def test_no_such_model(self, tmp_path):
        pytest.importorskip("transformers")
        with refused("weights.not_loaded", str(tmp_path), "\n", "config.json and model.safetensors of https"):
            Extractor.parse({"kind": "dinov2", "model": str(tmp_path)}).open(SampleSet.of(pictures()))


class TestSmall:
    def test_other_pictures_are_refused(self):
        encoder = Small(steps=1).open(SampleSet.of(pictures(8, 8, 8, 1), np.arange(8) % 2))
        with refused("extractor.other_shape", "trained on images of 8×8×1", "got 8×8×3"):
            encoder.encode(pictures(2, 8, 8, 3))

    def test_the_cache_gives_the_same_net(self, tmp_path):
        data = SampleSet.of(pictures(40, 16, 12, 4), np.arange(40) % 4)
        first = Small(steps=3).open(data, cache=tmp_path)
        files = list((tmp_path / "extractors").iterdir())
        assert len(files) == 1
        state = torch.random.get_rng_state()
        again = Small(steps=3).open(data, cache=tmp_path)
        anew = Small(steps=3).open(data)
        assert first.identity == again.identity == anew.identity
        assert torch.equal(state, torch.random.get_rng_state()), "no draw from the global state"
        assert Small(steps=3).open(data, seed=1).identity != first.identity
        assert Small(steps=4).open(data, cache=tmp_path).identity != first.identity

    def test_too_few(self):
        with refused("metric.too_few_samples", "3 samples", "at least 6"):
            Small().open(SampleSet.of(pictures(3, 8, 8, 1), np.arange(3)))


def test_digests_know_names_shapes_and_numbers():
    found = {
        weights.digest_of(t)
        for t in (
            {"a": torch.zeros(4)},
            {"b": torch.zeros(4)},
            {"a": torch.zeros(2, 2)},
            {"a": torch.ones(4)},
            {"a": torch.zeros(4).double()},
        )
    }
    assert len(found) == 5


def test_bilinear_of_torch_is_another_rule():
    """Why the resizer is part of the protocol: half-pixel centers move every pixel."""
    x = pictures(1, 20, 20)
    ours = resize(x, 33, 33, "tf-bilinear")
    theirs = interpolate(torch.from_numpy(x).permute(0, 3, 1, 2).float(), (33, 33), mode="bilinear")
    assert (ours - theirs).abs().mean() > 1
