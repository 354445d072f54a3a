"""What Python callers hold is taken as it is, and comes back as it came."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import ganforge as gf
from ganforge.data.objects import source_of
from ganforge.engine.resume import resume_recipe
from ganforge.export.folder import export
from ganforge.modalities.image.objects import held
from refused import refused

TINY = {"task.generator.channels": 8, "task.discriminator.channels": 8, "task.generator.latent": 8}
FAST = {"samples": 32, "batch": 16, "log_every": 16, "callbacks": []}
QUICK_TABLE = {"samples": 200, "batch": 100, "statistics.size": 50}
DRAWS = np.random.default_rng(0)
PIXELS = DRAWS.integers(0, 256, (32, 8, 12, 3), dtype=np.uint8)
LABELS = np.arange(32) % 3
FRAME = pd.DataFrame({"x": DRAWS.normal(size=120), "g": DRAWS.choice(["a", "b"], 120)})


class Squares(torch.utils.data.Dataset):
    """A set as torchvision's are: images as float tensors, labels, names of classes."""

    classes = ("cat", "dog", "emu")

    def __len__(self):
        return len(PIXELS)

    def __getitem__(self, index):
        return torch.from_numpy(PIXELS[index].transpose(2, 0, 1) / 255).float(), int(LABELS[index])


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return (torch.from_numpy(image) for image in PIXELS)


CHANNELS_FIRST = torch.from_numpy(PIXELS.transpose(0, 3, 1, 2).copy())
PILLOW = [Image.fromarray(image) for image in PIXELS]
SETS = {
    "array": (PIXELS, ()),
    "array of floats": (PIXELS / 255, ()),
    "array and labels": ((PIXELS, LABELS), ("0", "1", "2")),
    "array and names": ((PIXELS, np.array(["cat", "dog", "emu"])[LABELS]), ("cat", "dog", "emu")),
    "labels of pandas": ((PIXELS, pd.Series(LABELS, index=range(5, 37))), ("0", "1", "2")),
    "tensor": (CHANNELS_FIRST, ()),
    "tensor in [-1, 1]": (CHANNELS_FIRST / 127.5 - 1, ()),
    "half precision": ((CHANNELS_FIRST / 255).to(torch.bfloat16), ()),
    "tensors and labels": ((CHANNELS_FIRST, torch.from_numpy(LABELS)), ("0", "1", "2")),
    "list of tensors": (list(CHANNELS_FIRST), ()),
    "Pillow": (PILLOW, ()),
    "Pillow and labels": ((PILLOW, LABELS.tolist()), ("0", "1", "2")),
    "palettes": ([image.convert("P") for image in PILLOW], ()),
    "TensorDataset": (torch.utils.data.TensorDataset(CHANNELS_FIRST, torch.from_numpy(LABELS)), ("0", "1", "2")),
    "Dataset": (Squares(), ("cat", "dog", "emu")),
    "Subset": (torch.utils.data.Subset(Squares(), range(20)), ("0", "1", "2")),
    "DataLoader": (torch.utils.data.DataLoader(Squares(), batch_size=5, shuffle=True), ("cat", "dog", "emu")),
    "stream": (Stream(), ()),
}


@pytest.mark.parametrize("name", SETS)
def test_sets_of_images(name):
    data, classes = SETS[name]
    dataset = source_of(data).open()
    assert dataset.signal == "image"
    assert dataset.classes == classes
    ((shape, dtype),) = dataset.shapes()
    assert (shape, dtype) == ((8, 12, 3), "uint8")
    tolerance = 60 if name == "palettes" else 1  # 256 colors
    assert np.abs(dataset.read(3).astype(int) - PIXELS[3]).max() <= tolerance


def test_images_of_many_sizes_are_one_set_whose_range_all_of_them_decide():
    sizes = [np.zeros((4, 6), np.float32), np.full((3, 5, 3), -1, np.float32)]
    dataset = source_of((sizes, ["b", "a"])).open()
    assert set(dataset.shapes()) == {((4, 6, 1), "uint8"), ((3, 5, 3), "uint8")}
    assert dataset.read(0).max() == 128, "0 is the middle of [-1, 1], which the other image shows to be the range"
    assert dataset.read(1).max() == 0
    assert (dataset.classes, dataset.labels.tolist()) == (("a", "b"), [1, 0])


@pytest.mark.parametrize(
    "data", [object(), {"a": 1}, 5, [object()], b"x", np.array("x"), []], ids=lambda v: type(v).__name__
)
def test_what_is_no_data_is_refused(data):
    with refused("data.type_not_supported", type(data).__name__):
        source_of(data)


def test_what_an_object_was_taken_for_is_said(notices):
    source_of((PIXELS[..., 0] / 255, LABELS))
    assert "32 samples of 8×12×1, 3 labels" in notices.text


def test_an_array_is_trained_on_and_its_run_goes_on_with_it_alone(tmp_path):
    model = gf.train("cdcgan", data=Squares(), run_dir=tmp_path / "r", progress=False, **TINY, **FAST)
    assert model.labels == ("cat", "dog", "emu")
    stored = resume_recipe(tmp_path / "r").data
    assert (stored.kind, len(stored.digest)) == ("memory", 16), "a digest, and no samples"
    with refused("data.not_stored"):
        gf.train(resume=tmp_path / "r", progress=False, samples=64)
    with refused("run.data_differs"):
        gf.train(resume=tmp_path / "r", progress=False, samples=64, data=(PIXELS[::-1].copy(), LABELS))
    assert gf.train(resume=tmp_path / "r", progress=False, samples=64, data=Squares()).samples == 64


@pytest.mark.slow
def test_a_recipe_is_chosen_for_an_object(tmp_path):
    model = gf.train(data=FRAME, run_dir=tmp_path / "r", progress=False, minutes=1, **FAST)
    assert model.recipe.signal.kind == "table"
    assert model.sample(3).columns.tolist() == ["x", "g"]


def test_fields_of_a_path_are_refused_for_an_object():
    with refused("data.not_a_path", "data.holdout"):
        gf.train("ctgan-fast", data=FRAME, progress=False, **{"data.holdout": 0})


@pytest.fixture(scope="module")
def labeled(tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "r"
    return gf.train("cdcgan", data=(PIXELS, LABELS), run_dir=run, progress=False, **TINY, **FAST)


@pytest.mark.parametrize("one", [np.int64(1), np.uint8(1), torch.tensor(1), np.array(1), "1"], ids=repr)
def test_a_label_of_any_library(labeled, one):
    assert labeled.label_ids(one, 2).tolist() == [1, 1]
    assert labeled.label_ids([one, 2], 2).tolist() == [1, 2]


@pytest.mark.parametrize("several", [np.array([2, 0]), torch.tensor([2, 0]), pd.Series([2, 0]), (2, 0)], ids=repr)
def test_labels_of_any_library(labeled, several):
    assert labeled.label_ids(several, 2).tolist() == [2, 0]


@pytest.mark.parametrize("wrong", [1.5, np.float64(1), None.__class__, torch.tensor(1.0)], ids=repr)
def test_what_is_no_label_is_refused(labeled, wrong):
    with refused("sample.unknown_label"):
        labeled.label_ids(wrong, 2)


def test_classes_named_by_numbers_from_one_on_are_walked_exported_and_evaluated(tmp_path):
    for k, (image, label) in enumerate(zip(PILLOW, LABELS, strict=True)):
        (tmp_path / f"data/{label + 1}").mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / f"data/{label + 1}/{k}.png")
    run = tmp_path / "run"
    model = gf.train("cdcgan", data=tmp_path / "data", run_dir=run, progress=False, **TINY, **FAST)
    assert model.labels == ("1", "2", "3")
    assert len(model.walk([1, 2], frames=2)) == 2
    assert ".png" in {file.suffix for file in export(run, tmp_path / "export").files}
    assert gf.evaluate(run, metrics=["fd"], features="raw", n=32, out=tmp_path / "report", progress=False).results


def test_counts_and_seeds_of_any_library_give_the_same_samples(labeled):
    assert (labeled.sample(np.int64(3), seed=np.int32(5)) == labeled.sample(3, seed=5)).all()
    with refused("sample.not_an_integer", "n=2.5"):
        labeled.sample(2.5)


def test_images_in_memory_go_in_and_come_back():
    gray = DRAWS.integers(0, 256, (6, 5), dtype=np.uint8)
    color = DRAWS.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    for image in (
        gray,
        color,
        color.astype(np.uint16) * 257,
        gray > 99,
        (color / 255).astype(np.float32),
        color / 127.5 - 1,
    ):
        found = held(image)
        back = found.returned(found.pixels)
        assert (back.shape, back.dtype) == (image.shape, image.dtype)
        assert np.abs(back.astype(float) - image.astype(float)).max() < 1e-4
    first = torch.from_numpy(color).permute(2, 0, 1) / 255
    back = held(first).returned(held(first).pixels)
    assert torch.allclose(back, first, atol=1e-4)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        image = Image.fromarray(color).convert("L" if mode == "I;16" else mode).convert(mode)
        found = held(image)
        assert isinstance(found.returned(found.pixels), Image.Image)
        assert found.pixels.shape[:2] == (6, 5)


@pytest.mark.parametrize(
    "image", [np.zeros((0, 5, 3), np.uint8), torch.zeros(3, 0, 4), Image.new("L", (0, 3))], ids=type
)
def test_no_pixels_are_an_error(image):
    with refused("data.empty"):
        held(image)


def test_images_of_other_ranges_and_types_are_refused():
    with refused("data.pixels_out_of_range"):
        held(np.full((4, 4), 200.0))
    with refused("data.pixels_out_of_range"):
        held(np.full((4, 4), np.nan))
    with refused("data.wrong_array", "int64"):
        held(np.zeros((4, 4), np.int64))
    with refused("data.not_an_image", "dict"):
        held({})


def test_sets_in_memory_are_compared_and_no_report_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = gf.evaluate(PIXELS, CHANNELS_FIRST, metrics=["swd"], progress=False)
    assert [result.name.partition("[")[0].rstrip("0123456789") for result in done.results] == ["swd"]
    assert (done.html, done.json) == (None, None)
    assert not list(tmp_path.iterdir())
    frames = gf.evaluate(
        FRAME, FRAME.sample(frac=1, random_state=1), metrics=["columns"], progress=False, out=tmp_path / "o"
    )
    assert frames.html.is_file()


def test_a_run_is_evaluated_on_samples_in_memory(labeled):
    done = gf.evaluate(labeled, data=(PIXELS, LABELS), metrics=["swd"], n=32, progress=False)
    assert done.results
    with refused("evaluate.one_set"):
        gf.evaluate(PIXELS)
    with refused("evaluate.run_among_sets", "data="):
        gf.evaluate(PIXELS, labeled.folder)


@pytest.mark.parametrize("names", [[0, 1], [("a", "x"), ("a", "y")], [" age", "zip "], [1.5, "y"]], ids=repr)
def test_columns_come_back_by_their_own_names(names):
    frame = FRAME.set_axis(pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names, axis=1)
    frame.index = ["same"] * len(frame)
    made = gf.TableGAN(progress=False, fields=QUICK_TABLE).fit(frame).sample(3)
    assert made.columns.tolist() == frame.columns.tolist()
    assert made.columns.nlevels == frame.columns.nlevels


def test_texts_of_digits_come_back_as_texts(tmp_path):
    digits = pd.DataFrame({"zip": [str(z) for z in DRAWS.integers(10_000, 99_999, 200)], "g": ["a", "b"] * 100})
    model = gf.TableGAN(progress=False, fields=QUICK_TABLE).fit(digits)
    made = gf.TableGAN.load(model.save(tmp_path / "m.safetensors")).sample(5)
    assert all(isinstance(value, str) and value.isdigit() for value in made["zip"])
    assert made.dtypes["zip"] == pd.Series(["a"], dtype="str").dtype
