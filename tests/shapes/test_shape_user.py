"""Shapes from a folder to meshes, clouds, volumes and a report, as a user goes."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from shapes_of_tests import ball, ball_mesh, cube, off

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.choice import Machine
from ganforge.core.component import build
from ganforge.data import opener
from ganforge.data.base import DataSource
from ganforge.data.objects import source_of
from ganforge.data.path import PathData
from ganforge.modalities.shape.example import solids, write_clouds, write_volumes
from ganforge.modalities.shape.formats import grids, meshes, writing
from ganforge.modalities.shape.formats.parts import Mesh
from ganforge.modalities.shape.surface import is_closed
from ganforge.recipes import make_recipe
from ganforge.recipes.choice import choose
from refused import refused

VOXELS = [
    "task.encoder.channels=4",
    "task.decoder.channels=4",
    "task.generator.widths=[8]",
    "task.discriminator.widths=[8]",
    "task.autoencoder=16",
    "batch=8",
    "callbacks.0.rows=2",
    "callbacks.0.columns=2",
]
CLOUDS = ["signal.points=64", "batch=8", "task.autoencoder=16", "task.likelihood.points=32", "callbacks.0.rows=2"]


def run_cli(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in (0, None)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return Path(write_volumes(tmp_path_factory.mktemp("volumes"), 32))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    run_cli("train", data, "--run-dir", folder, "samples=32", "checkpoint_every=32", *VOXELS)
    return folder


@pytest.fixture(scope="module")
def cloud_run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clouds")
    (folder / "data").mkdir()
    write_clouds(folder / "data", 32)
    run_cli("train", folder / "data", "--run-dir", folder / "run", "samples=48", "checkpoint_every=48", *CLOUDS)
    return folder / "run"


def test_data_is_inspected_and_a_recipe_chosen(data, capsys):
    run_cli("data", "inspect", data)
    said = capsys.readouterr().out
    assert "volumes (32)" in said
    assert "1×16×16×16 (32)" in said
    assert "box (16), ring (16)" in said
    choice = choose(PathData(path=str(data)).open(), Machine())
    assert choice.recipe == "voxels-latent-small"
    assert "task.conditional=true" in choice.fields
    assert not any("autoencoder" in field for field in choice.fields)
    short = choose(PathData(path=str(data)).open(), Machine(minutes=2, bf16=True))
    assert "precision=bf16" in short.fields
    fields = dict(field.split("=") for field in short.fields)
    first, every = int(fields["task.autoencoder"]), int(fields["samples"])
    assert 5_000 < first < 20_000 < every < 60_000, "both phases fit into the time"
    assert fields["optimizers.R.lr.over"] == str(first)
    assert fields["optimizers.D.lr.over"] == str(every)


def test_previews_are_a_sheet_and_a_page_that_asks_nothing_of_others(run):
    assert {file.suffix for file in (run / "previews").glob("latest.*")} == {".png", ".html"}
    page = (run / "previews" / "latest.html").read_text()
    code = re.sub(r"const shapes = \[.*?\]", "", page, flags=re.DOTALL)
    assert not re.search(r"https?:|src=|href=|url\(|fetch|import", code), "no outside request"
    assert "default-src 'none'" in page
    assert "SHAPES" not in page
    shapes = json.loads(re.search(r"const shapes = (\[.*?\])\.map", page, re.DOTALL)[1])
    assert len(shapes) == 8, "four samples; two real volumes, each with its reconstruction"


def test_samples_in_every_form(run, tmp_path):
    model = gf.load(run, device="cpu")
    samples, signal = model.sample(2, label="ring"), model.recipe.signal
    cells = (samples[1] < 0).astype(np.uint8)
    read = {".stl": meshes.read_stl, ".obj": meshes.read_obj, ".ply": meshes.read_ply, ".binvox": grids.read_binvox}
    for form, write in signal.file_formats.items():
        path = write(samples, tmp_path / form, 0, model.spec)[1]
        assert path.name == f"000001.{form}"
        if form == "npy":
            assert (np.load(path) == cells).all(), "0 and 1, as the data holds them"
        elif form == "glb":
            assert path.read_bytes()[:4] == b"glTF"
        elif isinstance(found := read[path.suffix](path.read_bytes(), form, lambda what: None), Mesh):
            assert is_closed(found)
        else:
            assert (found.values[0] == cells).all()


def test_samples_from_the_command_line(run, tmp_path):
    run_cli("sample", run, "-n", 2, "--label", "ring", "--out", tmp_path / "out", "--format", "stl")
    assert sorted(file.name for file in (tmp_path / "out").glob("*.stl")) == ["000000.stl", "000001.stl"]
    run_cli("sample", run, "-n", 3, "--out", tmp_path / "scene.glb")
    assert (tmp_path / "scene.glb").stat().st_size
    run_cli("sample", run, "-n", 4, "--grid", tmp_path / "sheet.png")
    wide, high = Image.open(tmp_path / "sheet.png").size
    assert wide >= 384, "two views of each, and what labels are named by"
    assert high >= 192


def test_the_default_file_is_a_mesh_and_samples_are_distances(run, tmp_path):
    model = gf.load(run, device="cpu")
    found = model.sample(2)
    assert [file.suffix for file in model.recipe.signal.write(found, tmp_path / "out", 0, model.spec)] == [".stl"] * 2
    assert found.dtype == np.float32
    assert found.shape == (2, 16, 16, 16)
    assert found.min() < 0 < found.max() <= 3


def test_a_report_turns_shapes_in_a_frame_of_its_own(run, tmp_path):
    found = gf.evaluate(run, n=16, out=tmp_path / "report", progress=False, device="cpu",
                        metrics=["shapes(points=32, emd_points=16, emd_shapes=8)", "solids"])  # fmt: skip
    assert {"nna_cd", "mmd_emd", "one_part16"} <= {result.name.split("[")[0] for result in found.results}
    page = found.html.read_text(encoding="utf-8")
    assert '<iframe sandbox="allow-scripts" class="interactive"' in page
    assert "allow-same-origin" not in page


def test_clouds_in_every_form(cloud_run, tmp_path):
    model = gf.load(cloud_run, device="cpu")
    samples, signal = model.sample(2), model.recipe.signal
    assert samples.shape == (2, 64, 3)
    for form, reader in (("ply", meshes.read_ply), ("xyz", grids.read_xyz), ("obj", meshes.read_obj)):
        path = signal.file_formats[form](samples, tmp_path / form, 0, model.spec)[1]
        assert reader(path.read_bytes(), form, lambda what: None)[0] == pytest.approx(samples[1], abs=1e-4)
    run_cli("sample", cloud_run, "-n", 2, "--out", tmp_path / "scene.glb")
    assert (tmp_path / "scene.glb").stat().st_size


def write_meshes(folder: Path, n: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(n):
        mesh = ball_mesh(16, 3 + k % 3)
        (folder / f"{k}.off").write_bytes(off(Mesh(mesh.vertices * [1, 1, 1.5], mesh.faces)))
    return folder


def test_meshes_become_volumes_or_clouds(tmp_path):
    folder = write_meshes(tmp_path / "meshes")
    dataset = PathData(path=str(folder)).open()
    assert dataset.signal == "volume"
    signal = make_recipe("voxels-small").signal
    spec = signal.spec(dataset, lambda shape: shape)
    assert spec.shape == (1, 32, 32, 32)
    stored = signal.prepare(signal.items(dataset).read(0), spec)
    assert stored.shape == spec.shape
    assert (stored < 0).mean() == pytest.approx(np.pi / 6 / 1.5**2, rel=0.1)
    points = make_recipe("cloud-small").signal
    spec = points.spec(dataset, lambda shape: shape)
    cloud = points.prepare(points.items(dataset).read(0), spec)
    assert cloud.shape == (4096, 3)
    assert np.linalg.norm(cloud, axis=1).max() == pytest.approx(1, abs=0.01)


def claims_of(path: Path) -> dict[str, float]:
    head = opener.read_head(path)
    assert head is not None
    return {one.signal: one.claims(path, head) for one in opener.openers()}


@pytest.mark.parametrize(
    ("shape", "dtype", "signal"),
    [
        ((20, 16, 16, 16), np.float32, "volume"),
        ((20, 1, 16, 16, 16), bool, "volume"),
        ((20, 300, 3), np.float32, "cloud"),
        ((20, 16, 16, 16, 3), np.uint8, "film"),
        ((20, 1, 24, 16, 16), np.uint8, "film"),
        ((20, 1, 16, 16, 16), np.uint8, ""),  # gray films of 16 frames, or volumes
        ((20, 24, 3), np.float32, ""),  # clouds, or series of three channels
        ((20, 28, 28, 3), np.uint8, "image"),
    ],
)
def test_single_arrays_are_recognized_or_the_user_is_asked(tmp_path, shape, dtype, signal):
    path = tmp_path / "set.npy"
    np.save(path, np.random.default_rng(0).integers(0, 2, shape).astype(dtype))
    if signal:
        assert PathData(path=str(path)).open().signal == signal
    else:
        with refused("data.ambiguous_signal", "data.signal="):
            PathData(path=str(path)).open()
        asked = "volume" if len(shape) == 5 else "cloud"
        assert PathData(path=str(path), signal=asked).open().signal == asked


def test_folders_of_other_things_are_left_alone(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(b"x")
        (tmp_path / f"{k}.npy.txt").write_bytes(b"x")
    claims = claims_of(tmp_path)
    assert claims["volume"] == claims["cloud"] == 0
    assert claims["image"] > 0.5


def test_labels_from_folders_files_and_arrays(tmp_path):
    volumes = np.stack([cells for _, cells in solids(12)])
    for name in ("boxes", "rings"):
        (tmp_path / "files").mkdir(exist_ok=True)
        np.save(tmp_path / "files" / f"{name}.npy", volumes[name == "rings" :: 2])
    found = PathData(path=str(tmp_path / "files")).open()
    assert found.classes == ("boxes", "rings")
    assert found.labels is not None
    assert found.labels.tolist() == [0] * 6 + [1] * 6
    np.savez(tmp_path / "a.npz", voxels=volumes, labels=np.array(list("abcabcabcabc")))
    found = PathData(path=str(tmp_path / "a.npz")).open()
    assert found.classes == ("a", "b", "c")
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 2] * 4
    np.savez(tmp_path / "b.npz", voxels=volumes, labels=np.arange(5))
    with refused("data.label_count", "12 labels", "[5]"):
        PathData(path=str(tmp_path / "b.npz")).open()
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        for k in range(4):
            archive.writestr(f"{'ab'[k % 2]}/{k}.off", off(cube()))
    found = PathData(path=str(tmp_path / "c.zip")).open()
    assert (found.signal, found.classes) == ("volume", ("a", "b"))


def test_samples_in_memory():
    volumes = np.stack([ball() for _ in range(20)]).astype(np.float32)
    assert source_of(volumes).open().signal == "volume"
    found = source_of((np.random.default_rng(0).normal(size=(20, 300, 3)), np.arange(20) % 2)).open()
    assert (found.signal, len(found.classes)) == ("cloud", 2)
    assert source_of(np.zeros((20, 28, 28, 3), np.uint8)).open().signal == "image"


def test_mistakes_are_named(tmp_path):
    cloud = np.random.default_rng(0).normal(size=(20, 300, 3))
    np.save(tmp_path / "clouds.npy", cloud)
    with refused("data.not_volumes", "cloud-small"):
        make_recipe("voxels-small").signal.spec(PathData(path=str(tmp_path / "clouds.npy")).open(), lambda shape: shape)
    with refused("shape.too_few", "3 shapes"):
        choose(PathData(path=str(write_meshes(tmp_path / "few", 3))).open(), Machine())
    (tmp_path / "none").mkdir()
    np.save(tmp_path / "none" / "a.npy", np.arange(3))
    with refused("data.no_shapes", "is no shape"):
        build(DataSource, {"kind": "path", "path": str(tmp_path / "none"), "signal": "volume"}).open()
    (tmp_path / "empty.npy").touch()
    with refused("data.empty"):
        PathData(path=str(tmp_path / "empty.npy"), signal="volume").open()
    images = make_recipe("dcgan", (), ["data=digits"]).data.open()
    for name in ("voxels-small", "cloud-small"):
        with refused("data.no_shapes", "need shapes"):
            signal = make_recipe(name).signal
            signal.spec(signal.items(images), lambda shape: shape)
    np.save(tmp_path / "bits.npy", np.zeros((8, 16, 16, 16), bool))
    with refused("data.only_bits", "signal.form=distance"):
        make_recipe("voxels-small", (), ["signal.form=distance"]).signal.spec(
            PathData(path=str(tmp_path / "bits.npy")).open(), lambda s: s
        )
    with refused("nets.unreachable_size", "signal.size=48"):
        signal = make_recipe("voxels-small", (), ["signal.size=50"]).signal
        signal.spec(PathData(path=str(tmp_path / "bits.npy")).open(), make_recipe("voxels-small").task.nearest)


def test_written_clouds_keep_the_units_of_a_set(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "set").mkdir()
    for k in range(4):
        writing.write_xyz(rng.uniform(-1, 1, (80, 3)) * 1000 + 5000, tmp_path / "set" / f"{k}.xyz")
    dataset = PathData(path=str(tmp_path / "set")).open()
    signal = make_recipe("cloud-small", (), ["signal.points=32", "signal.normalize=set"]).signal
    spec = signal.spec(dataset, lambda shape: shape)
    shown = signal.present(torch.from_numpy(signal.prepare(signal.items(dataset).read(0), spec))[None], spec)
    assert 4000 <= shown.min() < shown.max() <= 6000
    assert shown.mean() == pytest.approx(5000, abs=300)
