"""TensorBoard and W&B: never required, and told apart from a mistake when absent."""

from __future__ import annotations

import io
import sys
import types
import wave

import numpy as np
import pytest

from ganforge.core.errors import MissingExtra
from ganforge.core.media import Media
from ganforge.engine.callbacks.previews import Previews
from ganforge.engine.callbacks.tensorboard import TensorBoard, sound_of
from ganforge.engine.callbacks.timelapse import Timelapse
from ganforge.engine.callbacks.wandb import WandB
from ganforge.modalities.image.signal import Image


@pytest.mark.parametrize(
    ("callback", "module", "extra"),
    [(TensorBoard(), "torch.utils.tensorboard", "tensorboard"), (WandB(), "wandb", "wandb")],
)
def test_an_absent_package_is_named_with_its_extra(run, monkeypatch, callback, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'ganforge\[{extra}\]'"):
        callback.build(run)


def test_tensorboard_reads_what_was_written(run):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    listeners = [Previews().build(run), TensorBoard().build(run)]
    for listener in listeners:
        listener.on_start()
    for k in range(1, 4):
        run.tick(listeners, 100 * k, **{"loss/D": 1 / k})
    for listener in listeners:
        listener.on_checkpoint(run.folder)
        listener.on_end()
    assert not run.notices
    log = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    points = [(e.step, e.value) for e in log.Scalars("loss/D")]
    assert points == [(100, 1.0), (200, 0.5), (300, pytest.approx(1 / 3))]
    assert "previews" in log.Tags()["images"]
    assert "t" not in log.Tags()["scalars"]


class FakeWandB(types.ModuleType):
    """The few calls of the `wandb` package that we make, remembered."""

    def __init__(self):
        super().__init__("wandb")
        self.inits, self.logged, self.finished = [], [], 0

    def init(self, **settings):
        self.inits.append(settings)
        return self

    def define_metric(self, *args, **kwargs):
        pass

    def log(self, values):
        self.logged.append(values)

    def finish(self):
        self.finished += 1

    @staticmethod
    def Audio(path):  # noqa: N802
        return f"sound {path}"

    @staticmethod
    def Image(path):  # noqa: N802  # its name there
        return f"picture {path}"


@pytest.fixture
def fake(monkeypatch):
    module = FakeWandB()
    monkeypatch.setitem(sys.modules, "wandb", module)
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    return module


class Tone:
    """A signal whose previews are a sound, a text and, where `seen`, an image."""

    def __init__(self, seen: bool = False):
        self.seen = seen

    def render(self, samples, spec, columns=8):
        data = io.BytesIO()
        with wave.open(data, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(np.array([[0, 0], [16384, 16384], [-32768, 0]], "<i2").tobytes())
        sound = Media(data.getvalue(), "audio/wav")
        image = Image().render(samples, spec, columns) if self.seen else []
        return [sound, Media(b"words", "text/plain"), *image]


def previewed(run, *callbacks):
    listeners = [callback.build(run) for callback in (Previews(), *callbacks)]
    for listener in listeners:
        listener.on_start()
    for listener in listeners:
        listener.on_checkpoint(run.folder)
        listener.on_end()
    assert not run.notices


def test_tensorboard_plays_sounds(run):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run.recipe.signal = Tone()
    previewed(run, TensorBoard(), Timelapse())
    assert sorted(path.name for path in (run.folder / "previews").glob("latest.*")) == ["latest.txt", "latest.wav"]
    log = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    (sound,) = log.Audio("previews")
    assert sound.sample_rate == 8000
    with wave.open(io.BytesIO(sound.encoded_audio_string)) as file:
        heard = np.frombuffer(file.readframes(3), "<i2")
    np.testing.assert_allclose(heard, [0, 16384, -16384], atol=2)  # two channels averaged
    assert log.Tags()["images"] == []
    assert not (run.folder / "timelapse.gif").exists()


@pytest.mark.parametrize(("width", "data"), [(1, [128, 192, 0]), (3, [0, 0, 0, 0, 0, 64, 0, 0, 128])])
def test_sounds_of_other_widths(tmp_path, width, data):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(16_000)
        file.writeframes(bytes(data))
    sound, rate = sound_of(tmp_path / "a.wav")
    assert rate == 16_000
    assert sound.tolist() == [[0.0, 0.5, -1.0]]


@pytest.mark.parametrize("seen", [False, True])
def test_wandb_plays_sounds(run, fake, seen):
    run.recipe.signal = Tone(seen=seen)
    previewed(run, WandB())
    (logged,) = fake.logged
    assert logged["previews/sound"].startswith("sound ")
    assert ("previews" in logged) == seen


def test_wandb_is_offline_without_a_key_and_goes_on_in_the_same_run(run, fake, monkeypatch):
    for _ in range(2):  # a run and its resume
        listeners = [Previews().build(run), WandB(project="p").build(run)]
        for listener in listeners:
            listener.on_start()
        run.tick(listeners, 100, **{"loss/D": 1.5})
        for listener in listeners:
            listener.on_checkpoint(run.folder)
            listener.on_end()
    first, second = fake.inits
    assert first["id"] == second["id"]
    assert (first["mode"], first["project"], first["resume"]) == ("offline", "p", "allow")
    assert fake.logged[0]["loss/D"] == 1.5
    assert fake.logged[0]["samples"] == 100
    assert fake.logged[1]["previews"].startswith("picture ")
    assert fake.finished == 2
    assert not run.notices
    monkeypatch.setenv("WANDB_API_KEY", "key")
    WandB().build(run).on_start()
    assert fake.inits[-1]["mode"] == "online"


def test_a_service_that_fails_does_not_stop_training(run, fake, monkeypatch):
    def broken(**_):
        raise ConnectionError("no network")

    monkeypatch.setattr(fake, "init", broken)
    listener = WandB().build(run)
    listener.on_start()
    run.tick([listener], 100)
    listener.on_end()
    assert run.notices == ["the W&B log could not be written: no network. Training continues"]
