"""The HTTP interface of the studio."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from web.asking import TOKEN
from web.conftest import PNG, write_run
from web.test_studio_jobs import until

POSTS = ["/api/runs/a/stop", "/api/runs/a/resume", "/api/runs/a/evaluate", "/api/runs/a/trash", "/api/trash/a/restore"]


def test_the_page_and_its_files(asking):
    page = asking("/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "/static/app.js" in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text
    for name, kind in (("app.js", "text/javascript"), ("style.css", "text/css"), ("words/zh.json", "application/json")):
        file = asking(f"/static/{name}")
        assert file.status == 200
        assert file.headers["content-type"].startswith(kind)
        assert file.headers["cache-control"] == "no-cache"
        assert asking(f"/static/{name}", token="").status == 401
    for name in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "none.js", "words"):
        assert asking(f"/static/{name}").status == 404
    assert set(asking("/api/about").json) == {"version", "language", "languages"}


def test_runs_are_listed_newest_first(asking, studio):
    write_run(studio.runs.root, "0001-a")
    later = write_run(studio.runs.root, "0002-b", ticks=2, end="")
    log = later / "events.jsonl"
    log.write_text(log.read_text().replace('"t": 100.0', '"t": 500.0'))
    (studio.runs.root / "notes").mkdir()
    (studio.runs.root / "link").symlink_to(later)
    found = asking("/api/runs").json["runs"]
    assert [row["name"] for row in found] == ["0002-b", "0001-a"]
    row = found[1]
    assert (row["state"], row["samples"], row["planned"], row["recipe"]) == ("finished", 3000, 3000, "dcgan")
    assert (row["health"], row["sps"], row["own"], row["model"]) == ("healthy", 1000.0, False, True)
    assert row["preview"].startswith("latest.png?v=")
    assert found[0]["state"] == "crashed"


def test_a_broken_recipe_is_one_broken_row(asking, studio):
    write_run(studio.runs.root, "0001-a")
    (write_run(studio.runs.root, "0002-b") / "recipe.yaml").write_text("samples: [")
    rows = {row["name"]: row for row in asking("/api/runs").json["runs"]}
    assert rows["0001-a"]["state"] == "finished"
    assert "not valid YAML" in rows["0002-b"]["problem"]
    assert str(studio.runs.root) not in json.dumps(rows)


def test_one_run(asking, studio):
    advice = ["lower optimizers.G.lr"]
    why = "diversity of fakes is 0.1 times that of reals"
    more = [{"event": "health", "samples": 3000, "t": 103.0, "state": "collapsing", "why": why, "advice": advice}]
    write_run(studio.runs.root, "0001-a", events=more)
    run = asking("/api/runs/0001-a").json
    assert run["curves"]["ticks"]["loss/D"] == [1.0, 0.5, 1 / 3]
    assert [preview["samples"] for preview in run["previews"]] == [0, 1000]
    assert run["health_words"]["state"] == "collapsing"
    assert run["health_words"]["why"] == why
    assert run["commands"]["resume"].startswith("ganforge train --resume ")
    chinese = asking("/api/runs/0001-a?lang=zh").json["health_words"]
    assert "模式坍塌" in chinese["says"]
    assert chinese["advice"] == ["降低 optimizers.G.lr"]
    assert "多样性" in chinese["why"]
    assert asking("/api/runs/0001-a/recipe").text.startswith("name: dcgan")
    assert asking("/api/runs/0001-a/previews").json == run["previews"]
    assert asking("/api/runs/0001-a/previews?after=0").json == run["previews"][1:]
    assert asking("/api/runs/0001-a/previews?after=1e3").error == "run.after"
    assert asking("/api/runs/0009-none").error == "run.not_found" or asking("/api/runs/0009-none").status == 404


def test_files_of_a_run_are_those_of_a_list(asking, studio):
    folder = write_run(studio.runs.root, "0001-a")
    secret = studio.runs.root.parent / "secret.png"
    secret.write_bytes(b"secret")
    (folder / "previews" / "000000500.png").symlink_to(secret)
    (folder / "previews" / "000000600.html").write_text("<script>alert(1)</script>")
    (folder / "notes.txt").write_text("mine")
    image = asking("/api/runs/0001-a/files/previews/latest.png?v=1")
    assert (image.status, image.body, image.headers["content-type"]) == (200, PNG, "image/png")
    assert "max-age" in image.headers["cache-control"]
    page = asking("/api/runs/0001-a/files/previews/000000600.html")
    assert page.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    model = asking("/api/runs/0001-a/files/model.safetensors?download=1")
    assert 'filename="0001-a-model.safetensors"' in model.headers["content-disposition"]
    for name in (
        "previews/000000500.png", "notes.txt", ".lock", "events.jsonl", "previews/../recipe.yaml",
        "../0001-a/curves.png",
        "previews/..%2f..%2fsecret.png", "checkpoints/state.safetensors", "previews/", "/etc/passwd",
    ):  # fmt: skip
        assert asking(f"/api/runs/0001-a/files/{name}").status == 404, name
    for name in ("..", ".studio", "..%2f0001-a", "%2e%2e"):
        assert asking(f"/api/runs/{name}/recipe").status == 404, name


def test_starting_sets_what_is_allowed_and_nothing_else(asking, studio):
    begun = asking("/api/runs", {"recipe": "demo", "fields": {"samples": 5000, "optimizers.G.lr": 0.1}, "minutes": 3})
    assert begun.json == {"name": "0001-demo"}
    output = studio.runs.root / "0001-demo" / "studio.log"
    until(lambda: output.read_text().endswith("\n"))
    assert output.read_text().split()[:6] == ["words", "demo", "samples=5000", "--minutes", "3", "--run-dir"]
    refused = {
        "studio.field": [
            {"plugin": "evil.py"}, {"with": "evil.yaml"}, {"init": "runs/0001"}, {"device": "cuda"},
            {"run_dir": "/tmp"}, {"fields": {"init": "x"}}, {"fields": {"data.path": "/etc"}},
            {"fields": {"weights": "/etc/passwd"}},
            {"fields": {"name": "../x"}}, {"fields": {"--plugin": "x"}}, {"fields": {"optimizers.G.kind": "sgd"}},
            {"fields": {"data.limit": 3}},
        ],
        "studio.value": [
            {"fields": {"samples": 0}}, {"fields": {"samples": "5k"}}, {"fields": {"samples": True}},
            {"fields": {"samples": 1.5}}, {"fields": {"samples": None}}, {"fields": {"precision": "@/etc/passwd"}},
            {"fields": {"noise": 0}}, {"fields": {"noise": 2}}, {"fields": {"recompute": "yes"}},
            {"fields": {"optimizers.G.lr": [1]}}, {"minutes": 0}, {"minutes": "3"}, {"fields": [1]}, {"recipe": 3},
        ],
        "data.not_found": [{"data": {"set": "/etc"}}, {"data": "digits"}, {"data": {"path": "a", "set": "digits"}}],
        "web.not_found": [{"data": {"path": "../runs"}}, {"data": {"path": "/etc"}}, {"data": {"path": "none"}}],
        "recipe.unknown": [{"recipe": "../evil.yaml"}, {"recipe": "nothing"}, {"recipe": "--help"}],
    }  # fmt: skip
    for code, bodies in refused.items():
        for body in bodies:
            said = asking("/api/runs", {"recipe": "demo", "beside": True, **body})
            assert said.error == code, body
    assert [path.name for path in studio.jobs.folders()] == ["0001-demo"]


def test_the_form_of_a_start_can_be_opened_again(asking, studio):
    write_run(studio.runs.root, "0001-a")
    entered = {"recipe": "demo", "data": {"set": "digits"}, "fields": {"samples": 13}, "kinds": {"task.net": "wide"}}
    name = asking("/api/runs", {**entered, "minutes": 3, "beside": True}).json["name"]
    until(lambda: asking(f"/api/runs/{name}").json["problem"] == "samples=13: an unlucky number")
    assert asking(f"/api/runs/{name}").json["form"] is True
    assert asking(f"/api/runs/{name}/form").json == {**entered, "minutes": 3}
    assert asking("/api/runs/0001-a").json["form"] is False
    assert asking("/api/runs/0001-a/form").error == "studio.no_form"
    assert asking(f"/api/runs/{name}/trash", {}).status == 200
    assert not (studio.runs.root / name).exists()


def test_data_of_a_start(asking, studio):
    def words(body) -> list[str]:
        name = asking("/api/runs", {"recipe": "demo", "beside": True, **body}).json["name"]
        output = studio.runs.root / name / "studio.log"
        until(lambda: output.read_text().endswith("\n"))
        return output.read_text().split()[2:-2]

    photos = studio.data.root / "photos"
    assert words({"data": {"path": "photos"}}) == [f"data={photos}"]
    assert words({"data": {"set": "digits"}}) == ["data=digits"]
    chosen = {"data": {"path": "photos"}, "advised": True}
    assert words(chosen) == [f"data={photos}", "task.augment=ada", "samples=1000"]
    kept = words({**chosen, "fields": {"samples": 1000, "noise": 0.5}})  # both as in the recipe, one of them advised
    assert kept == [f"data={photos}", "task.augment=ada", "samples=1000", "samples=1000"]


def test_components_of_other_kinds(asking, studio):
    def form(**kinds) -> dict:
        return asking(f"/api/recipes/demo?kinds={quote(json.dumps(kinds))}").json

    usual = {one["path"]: one for one in form()["components"]}
    assert set(usual) == {"task.net", "task.side", "task.parts", "optimizers.G", "optimizers.D"}
    assert usual["task.net"]["choices"] == {
        "small": "A small net.",
        "wide": "A wide net.",
    }  # and none that reads a file
    assert (usual["task.parts"]["many"], usual["task.side"]["optional"]) == (True, True)
    other = form(**{"task.net": "wide", "task.side": "small", "task.parts": ["wide", "small"]})
    values = {field["path"]: field["value"] for field in other["fields"]}
    assert "task.net.width" not in values
    expected = {"task.net.depth": 0.5, "task.side.width": 8, "task.parts.0.depth": 0.5, "task.parts.1.width": 3}
    assert values.items() >= expected.items()
    assert {one["path"]: one["now"] for one in other["components"]}["task.parts"] == ["wide", "small"]

    kinds = {"task.net": "wide", "task.parts": ["small", "wide"], "optimizers.G": "adam"}
    begun = asking("/api/runs", {"recipe": "demo", "kinds": kinds, "fields": {"task.parts.1.depth": 2, "samples": 9}})
    output = studio.runs.root / begun.json["name"] / "studio.log"
    until(lambda: output.read_text().endswith("\n"))
    words = output.read_text().removeprefix("words demo ").partition(" --run-dir")[0]
    assert words == (
        'task.net={"kind": "wide", "depth": 0.5} '
        'task.parts=[{"kind": "small", "width": 3}, {"kind": "wide", "depth": 2}] samples=9'
    )
    refused = {
        "studio.field": [{"data": "path"}, {"task": "synthesis"}, {"signal": "x"}, {"task.parts.0": "wide"}],
        "studio.value": [
            {"task.net": "read"}, {"task.net": None}, {"task.net": ["wide"]}, {"task.parts": "wide"},
            {"task.parts": ["small"] * 9}, {"task.parts": [{"kind": "read", "weights": "/etc/passwd"}]},
            {"task.net": {"kind": "wide", "depth": "x"}},
        ],
    }  # fmt: skip
    for code, asked in refused.items():
        for one in asked:
            assert asking("/api/runs", {"recipe": "demo", "beside": True, "kinds": one}).error == code, one
            assert asking(f"/api/recipes/demo?kinds={quote(json.dumps(one))}").error == code, one
    for wrong in ("[]", "x"):
        assert asking(f"/api/recipes/demo?kinds={wrong}").error == "studio.value"


def test_stop_resume_trash_and_restore(asking, studio):
    name = asking("/api/runs", {"recipe": "demo"}).json["name"]
    assert asking("/api/runs", {"recipe": "demo"}).error == "studio.training"
    until(lambda: asking(f"/api/runs/{name}").json["samples"] == 1000)
    assert asking(f"/api/runs/{name}/stop", {}).json == {"name": name}
    until(lambda: studio.jobs.alive(studio.runs.root / name) is None)
    for wrong in ({"samples": 0}, {"samples": "1"}, {"minutes": -1}):
        assert asking(f"/api/runs/{name}/resume", wrong).error == "studio.value"
    assert asking(f"/api/runs/{name}/resume", {"samples": 9000}).status == 200
    output = studio.runs.root / name / "studio.log"
    until(lambda: output.read_text().endswith("\n"))
    assert output.read_text().split()[1:] == ["--resume", str(studio.runs.root / name), "samples=9000"]
    until(lambda: '"resume"' in (studio.runs.root / name / "events.jsonl").read_text())
    asking(f"/api/runs/{name}/stop", {})
    until(lambda: studio.jobs.alive(studio.runs.root / name) is None)
    assert asking(f"/api/runs/{name}/trash", {}).json == {"name": name, "trashed": name}
    assert asking("/api/runs").json["runs"] == []
    assert asking("/api/trash").json == {"names": [name]}
    assert asking(f"/api/trash/{name}/restore", {}).status == 200
    assert [row["name"] for row in asking("/api/runs").json["runs"]] == [name]


def test_of_two_deleted_runs_of_one_name_each_comes_back(asking, studio):
    for lr in (0.1, 0.2):
        write_run(studio.runs.root, "a", lr=lr)
        trashed = asking("/api/runs/a/trash", {}).json["trashed"]
    assert trashed.startswith("a.")
    assert asking("/api/trash").json == {"names": ["a", trashed]}
    for name, lr in ((trashed, "0.2"), ("a", "0.1")):
        assert asking(f"/api/trash/{name}/restore", {}).status == 200
        assert lr in asking(f"/api/runs/{name}/recipe").text
    assert asking("/api/trash").json == {"names": []}
    (studio.runs.root / ".trash" / "link").symlink_to(studio.runs.root / "a")
    assert asking("/api/trash").json == {"names": []}
    assert asking("/api/trash/link/restore", {}).status == 404


@pytest.mark.parametrize("path", POSTS)
def test_what_changes_something_is_a_post_with_a_token_from_this_page(asking, studio, path):
    write_run(studio.runs.root, "a")
    assert asking(path).status in (404, 405)
    assert asking(path, {}, token="").status == 401
    assert asking(path, [1]).error == "web.not_json"
    assert (studio.runs.root / "a").is_dir()


def test_recipes_and_the_form_of_one(asking):
    found = asking("/api/recipes").json
    assert found["sets"] == ["digits"]
    assert [one["name"] for one in found["recipes"]] == ["demo", "dcgan"]
    fields = {field["path"]: field for field in asking("/api/recipes/demo").json["fields"]}
    assert set(fields) == {
        "samples", "limit", "precision", "recompute", "noise", "optimizers.G.lr", "optimizers.D.lr.start",
        "terms.0.momentum", "task.net.width", "task.parts.0.width", "task.roles",
    }  # fmt: skip
    assert fields["limit"]["optional"]
    assert fields["precision"]["choices"] == ["fp32", "bf16"]
    assert (fields["noise"]["above"], fields["noise"]["most"]) == (0, 1)
    assert [path for path, field in fields.items() if field["first"]] == ["samples", "precision", "optimizers.G.lr"]
    assert asking("/api/recipes/none").error == "recipe.unknown"


def test_data_is_listed_and_inspected_below_its_folder(asking, studio):
    root = studio.data.root
    (root / "a.csv").write_text("x\n1\n")
    (root / ".hidden").write_text("")
    (root / "out").symlink_to(root.parent)
    (root / "broken").mkdir()
    (root / "crash").mkdir()
    found = asking("/api/data").json
    assert [entry["name"] for entry in found["entries"]] == ["broken", "crash", "photos", "a.csv"]
    assert found["entries"][3]["bytes"] == 4
    for name in ("..", "/etc", "out", ".hidden", "photos/../.."):
        assert asking(f"/api/data?path={name}").error == "web.not_found"
        assert asking("/api/data/inspect", {"path": name}).error == "web.not_found"
    facts = asking("/api/data/inspect", {"path": "photos"})
    assert facts.json["facts"]["name"] == "photos"
    assert str(root) not in facts.text
    assert asking("/api/data/inspect", {"path": "photos"}).json["asked"] == facts.json["asked"]  # remembered
    assert asking("/api/data/inspect", {"path": "photos", "again": True}).json["asked"] > facts.json["asked"]
    broken = asking("/api/data/inspect", {"path": "broken"})
    assert broken.json["error"] == {"code": "data.not_found", "message": "broken: nothing here"}
    assert asking("/api/data/inspect", {"path": "crash"}).error == "studio.child"
    assert asking("/api/data/inspect", {"set": "imagenet"}).error == "data.not_found"
    assert asking("/api/data/inspect", {"path": ["x"]}).error == "data.not_found"


def report(folder, results) -> None:
    (folder / "evaluation").mkdir()
    (folder / "evaluation" / "report.html").write_text("<script>1</script>")
    (folder / "evaluation" / "report.json").write_text(json.dumps({"ganforge": "0", "results": results}))


def test_comparison_puts_side_by_side_what_was_measured_alike(asking, studio):
    alike, other = {"n": 1000, "real": "digits"}, {"n": 500, "real": "digits"}
    for k, (name, lr, protocol) in enumerate((("a", 0.1, alike), ("b", 0.2, alike), ("c", 0.1, other)), 1):
        folder = write_run(studio.runs.root, name, lr=lr)
        own = {"fake": f"runs/{name}", "model": f"hash of {name}", "samples": 1000 * k, "ema": lr}  # of no protocol
        weights = "small@1" if k < 3 else "small@2"
        results = [
            {"run": name, "name": "fd", "value": float(k), "protocol": protocol | own},
            {"run": name, "name": f"kid[{weights}]", "value": 0.1, "protocol": {"weights": weights} | own},
        ]
        report(folder, results)
    found = asking("/api/compare?run=a&run=b&run=c").json
    assert found["fields"] == {"optimizers.G.lr": [0.1, 0.2, 0.1]}
    assert [(row["name"], row["values"], row["differs"]) for row in found["metrics"]] == [
        ("fd", [1.0, 2.0, None], {"n": 1000}),
        ("fd", [None, None, 3.0], {"n": 500}),
        ("kid[small@1]", [0.1, 0.1, None], {"weights": "small@1"}),
        ("kid[small@2]", [None, None, 0.1], {"weights": "small@2"}),
    ]
    assert len(found["runs"][2]["curves"]["ticks"]["samples"]) == 3
    assert asking("/api/compare").error == "run.too_few"
    assert asking("/api/compare?" + "&".join(f"run=r{k}" for k in range(9))).error == "run.too_few"
    assert asking("/api/compare?run=a&run=none").status == 404


def test_a_report_runs_in_a_frame_without_access(asking, studio):
    report(write_run(studio.runs.root, "a"), [])
    write_run(studio.runs.root, "b")
    assert [row["name"] for row in asking("/api/reports").json["reports"]] == ["a"]
    page = asking("/api/runs/a/report")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert asking("/api/runs/b/report").error == "studio.no_report"


def test_no_answer_names_folders_of_this_machine_or_the_token(asking, studio):
    write_run(studio.runs.root, "a")
    for path in ("/api/runs", "/api/data", "/api/recipes", "/api/reports", "/api/compare?run=a", "/api/runs/none"):
        text = asking(path).text
        assert str(studio.runs.root.parent) not in text, path
        assert TOKEN not in text
