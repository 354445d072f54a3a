"""I3D: the net of the field's distance of clips, with weights of our own making."""

from __future__ import annotations

import pytest
import torch
from clips import squares
from safetensors.torch import save_file

from ganforge.metrics.base import Comparison, SampleSet, measure
from ganforge.modalities.video.extractors.i3d import I3d, I3dExtractor, pooled, same
from ganforge.modalities.video.metrics import ClipDistance
from refused import refused

PUBLISHED = 12_697_264
"""Parameters with 400 classes."""


def test_as_large_as_published():
    with torch.device("meta"):
        net = I3d()
    assert sum(p.numel() for p in net.parameters()) == PUBLISHED


@pytest.mark.parametrize(("length", "expected"), [(7, 4), (8, 4), (1, 1)])
def test_lengths_are_halved_upward_with_more_padding_at_the_end(length, expected):
    """As in TensorFlow, in which the weights were trained: symmetric padding would shift what each place sees."""
    x = torch.arange(1.0, length + 1).view(1, 1, length, 1, 1)
    assert pooled(x, (2, 1, 1), (2, 1, 1)).shape[2] == expected
    before, after = same(x, (3, 1, 1), (1, 1, 1)).flatten().tolist()[:: length + 1]
    assert (before, after) == (0, 0)
    uneven = same(torch.ones(1, 1, 8, 1, 1), (3, 1, 1), (2, 1, 1)).flatten().tolist()
    assert uneven == [1.0] * 8 + [0.0]


def test_without_weights_it_says_where_they_come_from(tmp_path):
    films = SampleSet.of(squares(8))
    with refused("weights.not_found", "rgb_imagenet.pt", "convert_weights.py", "films"):
        I3dExtractor().open(films, cache=tmp_path)


@pytest.mark.slow
def test_a_distance_by_weights_from_a_file(tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "w.safetensors"
    net = I3d()
    for name, values in net.named_buffers():
        if name.endswith("running_var"):
            values.fill_(1 / 6)  # so that untrained layers neither shrink nor blow up what passes
    save_file(net.state_dict(), file, metadata={"source_sha256": "abc"})
    real = squares(8)[:, :9]
    encoder = I3dExtractor(weights=str(file)).open(SampleSet.of(real))
    features, chances = encoder.encode(real[:2])
    assert features.shape == (2, 400)
    assert chances is None
    one = encoder.encode(real[1:2])[0]
    assert torch.allclose(features[1:], one, atol=1e-4), "a clip's features do not depend on the others"
    backward = encoder.encode(real[:1, ::-1])[0]
    assert (features[:1] - backward).norm() > 1e-3 * features[:1].norm(), "it sees the order of frames"
    found = measure([ClipDistance()], Comparison(SampleSet.of(real), SampleSet.of(255 - real), encoder))
    assert found[0].name.startswith("clip_fd8[i3d@")
    assert found[0].protocol["weights_from"] == "abc"
    assert any("400" in str(note) for note in found[0].detail["notes"]), "eight clips are too few for 400 features"
