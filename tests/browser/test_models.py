"""The pages with models, in Chromium, with workers that really compute: Explore and Translate."""

from __future__ import annotations

import base64
import csv
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser.conftest import SECONDS, Site, serving
from browser.test_pages import CONTRAST, NAMELESS, REACHABLE, by_view
from ganforge.cli.main import main
from ganforge.modalities.video.example import write_example as write_films
from ganforge.web.studio.context import Studio
from processes import server
from serve.conftest import trained  # noqa: F401  a fixture
from web.asking import TOKEN

GOLDEN = Path(__file__).parents[1] / "golden"
PAGES = {
    "explore": ("explore?model=digits", "img.sample[src^='blob:']"),
    "around": ("explore?model=digits&tab=around", "button.tile"),
    "directions": ("explore?model=digits&tab=directions", ".sliders.two .slider"),
    "films": ("explore?model=digits&tab=films", "[role=tabpanel] .use >> visible=true"),
    "projection": ("explore?model=digits&tab=projection", ".drop >> visible=true"),
    "dragging": ("explore?model=digits&tab=dragging", ".points img[src^='blob:']"),
    "table": ("explore?model=people", ".use"),
    "complete": ("explore?model=people&tab=file", ".drop >> visible=true"),
    "translate": ("translate?model=denoise", ".drop"),
    "forecast": ("translate?model=ahead", ".drop"),
    "gaps": ("translate?model=gaps", ".drop"),
    "next": ("translate?model=next", ".drop"),
    "styles": ("translate?model=styles", ".drop"),
    "classes": ("translate?model=classes", ".drop"),
}
"""Name → address, and what is there when the page is complete."""
PARTS = "nav|ui|models|use|explore|around|films|directions|dragging|points|projection|samples|file|drop|translate"
WORDS = rf"\b({PARTS})\.[a-z]\w+"
"""What a page shows where a word of it is missing."""
FAST = """async (seeds) => {
  const [slider, image] = [document.querySelector('.explorer input[type=range]'), document.querySelector('img.sample')];
  for (const seed of seeds) {
    slider.value = seed;
    slider.dispatchEvent(new Event('input'));
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  const last = JSON.stringify([seeds.at(-1), 0]);
  while (image.dataset.shown !== last) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 60));
  const pixels = (drawn) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const context = canvas.getContext('2d');
    context.drawImage(drawn, 0, 0);
    return [...context.getImageData(0, 0, 8, 8).data];
  };
  const own = pixels(image);
  const label = document.querySelector('.explorer select:not([aria-label])').value;
  const body = JSON.stringify({ seed: seeds.at(-1), label });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch('/api/models/digits/view', { method: 'POST', headers, body });
  const wanted = pixels(await createImageBitmap(await answer.blob()));
  return own.length === wanted.length && own.every((value, k) => value === wanted[k]);
}"""


@pytest.fixture(scope="module")
def site(trained: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:  # noqa: F811
    """A studio with the models of the tests of the server, and one that fills holes."""
    root, photos = Path(trained["digits"]).parent, tmp_path_factory.mktemp("photos")
    for k in range(8):
        Image.fromarray(picture(k, 32)).save(photos / f"{k}.png")
    for k in range(8):
        folder = photos.parent / "two" / "ab"[k % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(k, 16)).save(folder / f"{k}.png")
    (photos.parent / "films").mkdir(exist_ok=True)
    hours, films = f"data={GOLDEN / 'hours.csv'}", f"data={write_films(photos.parent / 'films', 8)}"
    short = ["samples=8", "batch=4", "callbacks=[]"]
    small = ["task.channels=8", "task.discriminator.channels=8"]
    star = ["signal.size=16", "task.translator.channels=4", "task.translator.blocks=1", "task.discriminator.channels=4"]
    for name, words in {
        "fill": ["inpaint-small", f"data={photos}", "signal.size=32"],
        "ahead": ["forecast", hours, "signal.window=40", "task.future=8", *small],
        "gaps": ["impute", hours, "signal.window=24", "task.longest=8", *small],
        "next": ["predict-video", films, *small],
        "styles": ["text-style-small", f"data={GOLDEN / 'styles.jsonl'}", "task.latent=8", "task.units=8"],
        "classes": ["stargan-small", f"data={photos.parent / 'two'}", *star],
    }.items():
        with pytest.raises(SystemExit) as ended:
            main(["train", *words, *short, "--run-dir", str(root / name), "-q"])
        assert ended.value.code in (0, None), name
    studio = Studio.of(root, photos)
    studio.models.context = server()
    with serving(studio) as found:
        yield found
    for worker in studio.models.workers.values():
        if worker.process is not None:
            worker.process.kill()
            worker.process.join()


def picture(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8)


def uploaded(seed: int, size: int, name: str) -> dict:
    data = io.BytesIO()
    Image.fromarray(picture(seed, size)).save(data, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": data.getvalue()}


def gif_of(frames: int) -> bytes:
    data, images = io.BytesIO(), [Image.fromarray(picture(k, 16)) for k in range(frames)]
    images[0].save(data, "GIF", save_all=True, append_images=images[1:], duration=80)
    return data.getvalue()


def opened(guest, site, address, complete):
    guest.page.goto(site.address(address))
    guest.page.wait_for_selector(complete)
    return guest.page


@pytest.mark.timeout(1800)
def test_the_image_follows_the_slider(guest, site):
    page = opened(guest, site, *PAGES["explore"])
    draws = np.random.default_rng(0)
    for _ in range(100):
        assert page.evaluate(FAST, draws.permutation(999)[:15].tolist())  # the last one is new
    assert guest.errors == []


@pytest.mark.timeout(1800)
def test_steps_directions_and_a_projection_lead_to_other_samples(guest, site):
    page = opened(guest, site, *PAGES["around"])
    image = page.locator("img.sample")
    before = image.get_attribute("src")
    page.get_by_role("button", name="Go to sample 3").click()
    page.get_by_text("Steps to samples nearby: 1.").wait_for()
    assert image.get_attribute("src") != before
    page.get_by_role("button", name="One step back").click()
    page.get_by_text("Steps to samples nearby").wait_for(state="detached")
    page.get_by_role("tab", name="Directions").click()
    slider = page.get_by_label("Direction 1", exact=True)
    slider.wait_for()
    before = image.get_attribute("src")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("src => document.querySelector('img.sample').src !== src", arg=before)
    page.get_by_text("Use this in Python").first.click()
    page.get_by_text("ganforge explore directions").wait_for()
    page.get_by_role("tab", name="Project an image").click()
    page.get_by_label("Steps of the search").fill("3")
    page.locator("input[type=file]").first.set_input_files(uploaded(1, 8, "mine.png"))
    page.get_by_role("button", name="Explore from here").click()
    page.get_by_text("From a projected image.").wait_for()
    page.get_by_role("tab", name="Nearest training samples").click()
    page.get_by_role("button", name="Find the nearest").click()
    page.get_by_text("Of 40 training samples").wait_for()
    page.get_by_text("Use this in Python").last.click()
    page.get_by_text("ganforge explore neighbors").wait_for()
    page.get_by_role("tab", name="Film").click()
    page.get_by_label("Frames", exact=True).fill("4")
    page.get_by_role("button", name="Make the film").click()
    page.locator("img.film").wait_for()
    assert guest.errors == []


@pytest.mark.timeout(1800)
def test_points_are_dragged_with_the_pointer_and_with_the_keys(guest, site, screenshots):
    page = opened(guest, site, *PAGES["dragging"])
    image, go = page.locator(".pointing img"), page.get_by_role("button", name="Move the points")
    assert go.is_disabled()
    box = image.bounding_box()
    side = box["width"] / 8  # of a pixel
    image.click(position={"x": 2.5 * side, "y": 3.5 * side})
    page.get_by_text("Now click where this point is to go.").wait_for()
    image.click(position={"x": 4.5 * side, "y": 3.5 * side})
    assert go.is_enabled()
    dot = page.get_by_role("button", name="Target of point 1 at 4, 3")
    dot.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    page.get_by_role("button", name="Target of point 1 at 5, 2").wait_for()
    page.get_by_role("button", name="Add a point").click()
    page.locator(".pointing .pin:focus").wait_for()
    page.keyboard.press("Shift+ArrowLeft")  # the new point has the focus, and stays in the image
    page.get_by_role("button", name="Point 2 at 0, 4").wait_for()
    page.keyboard.press("Delete")
    page.wait_for_function("document.querySelectorAll('.pointing .pin').length === 2")
    page.get_by_role("button", name="Point 1 at 2, 3").hover()  # waits until nothing moves any more
    box = image.bounding_box()
    page.mouse.down()
    image.evaluate("image => { const again = image.src; image.src = ''; image.src = again; return image.decode(); }")
    page.mouse.move(box["x"] + 1.5 * side, box["y"] + 5.5 * side, steps=3)
    page.mouse.up()
    page.get_by_role("button", name="Point 1 at 1, 5").wait_for()
    page.get_by_label("Steps, at most").fill("4")
    page.get_by_text("Only a part may change").click()
    page.locator(".painter canvas").focus()
    page.keyboard.press("Space")
    page.get_by_text("Use this in Python").last.click()
    page.get_by_text("--point 1,5:5,2 --mask mask.png --steps 4").wait_for()
    go.click()
    page.get_by_text("Point 1 is").wait_for()
    page.screenshot(path=screenshots / "dragged-en-1200.png", full_page=True)
    frames = page.get_by_label("Frames on the way")
    frames.focus()
    page.keyboard.press("Home")
    assert frames.get_attribute("aria-valuetext") == "1 of 5"
    with page.expect_download() as download:
        page.get_by_role("button", name="Save drag.gif").click()
    with Image.open(download.value.path()) as film:
        assert film.format == "GIF"
    page.get_by_role("button", name="Explore from here").click()
    page.get_by_text("From a sample whose points were dragged.").wait_for()
    assert guest.errors == []


@pytest.mark.timeout(1800)
def test_rows_are_asked_for_shown_and_saved(guest, site):
    page = opened(guest, site, *PAGES["table"])
    page.get_by_label("Number of samples").fill("30")
    page.get_by_label("age: at least").fill("20")
    page.get_by_role("button", name="Show").click()
    page.locator("tbody tr").first.wait_for()
    heads = page.locator("thead th").all_inner_texts()
    ages = page.locator(f"tbody tr > :nth-child({heads.index('age') + 1})").all_inner_texts()
    assert 0 < len(ages) <= 30
    assert all(float(age) >= 20 for age in ages)
    page.get_by_label("File format").select_option("csv")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    assert download.value.suggested_filename == "samples.csv"


@pytest.mark.timeout(1800)
def test_missing_cells_are_filled_in_and_marked(guest, site, screenshots):
    page = opened(guest, site, *PAGES["complete"])
    rows = {"name": "my rows.csv", "mimeType": "text/csv", "buffer": b"age,note\n20,\n31,\n,\n"}
    file = page.locator("input[type=file]").first
    file.set_input_files(rows)
    page.locator(".note.bad").get_by_text("note").wait_for()  # no column of the model
    file.set_input_files(rows | {"buffer": b'age\n20\n31\n""\n'})
    page.get_by_text("3 rows;").wait_for()
    page.screenshot(path=screenshots / "completed-en-1200.png", full_page=True)
    heads = page.locator("thead th").all_inner_texts()
    ages = page.locator(f"tbody tr > :nth-child({heads.index('age') + 1})")
    assert ages.all_inner_texts()[:2] == ["20", "31"]
    assert [ages.nth(k).locator("mark").count() for k in range(3)] == [0, 0, 1]
    with page.expect_download() as download:
        page.get_by_role("link", name="Save my rows.completed.csv").click()
    assert download.value.suggested_filename == "my rows.completed.csv"
    assert len(Path(download.value.path()).read_text().splitlines()) == 4
    assert len(guest.errors) == 1  # the browser's own note of what was refused


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("guest", [{"width": 1200}], indirect=True)
@pytest.mark.parametrize(
    ("name", "setting", "saved", "shows"),
    [
        ("forecast", "Steps", "mine.forecast.csv", ".medium img"),
        ("gaps", "Fillings", "mine.filled.csv", ".medium img"),
        ("next", "Frames", "mine.next.", ".medium video, .medium img"),
    ],
)
def test_what_a_model_makes_of_a_file_is_shown_and_saved(guest, site, screenshots, name, setting, saved, shows):
    page = opened(guest, site, *PAGES[name])
    page.get_by_text("Use this in Python").click()
    page.locator(".copy code").first.wait_for()
    lines = (GOLDEN / "hours.csv").read_text().splitlines()
    if name == "gaps":
        lines[20:24] = [f"{line.split(',')[0]},,{line.split(',', 2)[2]}" for line in lines[20:24]]
    rows = {"name": "mine.csv", "mimeType": "text/csv", "buffer": ("\n".join(lines) + "\n").encode()}
    film = {"name": "mine.gif", "mimeType": "image/gif", "buffer": gif_of(12)}
    page.locator("input[type=file]").first.set_input_files(film if name == "next" else rows)
    page.locator(shows).first.wait_for()
    page.screenshot(path=screenshots / f"{name}-used-en-1200.png", full_page=True)
    page.get_by_label(setting, exact=True).fill("5")
    page.get_by_text({"forecast": "of 5 steps", "gaps": "filled, 5 times", "next": "then 5 new ones"}[name]).wait_for()
    page.locator(".copy code", has_text=" 5 ").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save mine.").click()
    assert download.value.suggested_filename.startswith(saved)
    if name == "gaps":
        assert page.locator("mark").count() > 0
        with Path(download.value.path()).open(newline="") as file:
            assert all(row["temperature"] for row in csv.DictReader(file))
    page.locator("input[type=file]").first.set_input_files(
        {**rows, "buffer": b"a\n1\n"} if name != "next" else {**film, "buffer": b"GIF"}
    )
    page.locator(".note.bad").wait_for()
    assert len(guest.errors) == 1  # the browser's own note of what was refused


@pytest.mark.timeout(1800)
def test_models_with_classes_ask_for_one(guest, site):
    page = opened(guest, site, *PAGES["styles"])
    choice = page.get_by_label("Class", exact=True)
    assert choice.locator("option").all_inner_texts()[0]  # no "any": something has to be asked for
    chosen = choice.locator("option").last.get_attribute("value")
    choice.select_option(chosen)
    page.get_by_text("Use this in Python").click()
    page.get_by_text(f"--where label={chosen}").wait_for()
    texts = {"name": "mine.txt", "mimeType": "text/plain", "buffer": b"the old cat sees one house.\n"}
    page.locator("input[type=file]").first.set_input_files(texts)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save mine.translated.txt").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 1
    page = opened(guest, site, *PAGES["classes"])
    page.get_by_label("Class", exact=True).select_option("b")
    page.locator("input[type=file]").first.set_input_files(uploaded(1, 16, "mine.png"))
    page.get_by_label("Before and after").wait_for()
    assert guest.errors == []


@pytest.mark.timeout(1800)
def test_files_are_translated_one_by_one_and_together(guest, site):
    page = opened(guest, site, *PAGES["translate"])
    page.locator("input[type=file]").first.set_input_files(uploaded(1, 24, "my photo.png"))
    slider = page.get_by_label("Before and after")
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator(".before-after img").last.evaluate("e => e.style.clipPath") == "inset(0px 0px 0px 0%)"
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my photo.translated.png").click()
    with Image.open(download.value.path()) as image:
        assert image.size == (24, 24)
    several = [uploaded(k, 16, "same.png") for k in range(2)]
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"no image"}
    page.locator("input[type=file]").first.set_input_files([*several, broken])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save all 2 as a zip").click()
    with zipfile.ZipFile(download.value.path()) as files:
        assert files.testzip() is None
        assert files.namelist() == ["same.translated.png", "2-same.translated.png"]
    assert page.locator(".badge.failed").count() == 1


GIVE = """([selector, how, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], how === 'paste' ? 'image.png' : 'dropped.png', { type: 'image/png' }));
  const options = { bubbles: true, cancelable: true };
  const event = how === 'paste' ? new ClipboardEvent('paste', { ...options, clipboardData: transfer })
    : new DragEvent('drop', { ...options, dataTransfer: transfer });
  document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.mark.timeout(1800)
def test_images_are_dropped_pasted_and_taken_with_a_camera(guest, site):
    page = opened(guest, site, *PAGES["translate"])
    data = base64.b64encode(uploaded(1, 24, "")["buffer"]).decode()
    assert page.get_by_text("Take a photo").count() == 0  # a computer has no camera to hold
    for how, name in (("drop", "dropped"), ("paste", "image")):
        page.evaluate(GIVE, [".drop" if how == "drop" else "body", how, data])
        page.get_by_role("button", name=f"Save {name}.translated.png").wait_for()
    context = guest.page.context.browser.new_context(
        has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}
    )
    phone = context.new_page()
    phone.set_default_timeout(SECONDS)
    phone.goto(f"{site.url}/?token={TOKEN}")
    phone.goto(site.address(PAGES["translate"][0]))
    phone.get_by_text("Take a photo").wait_for()
    camera = phone.locator("input[capture=environment]")
    assert camera.get_attribute("accept") == "image/*"
    camera.set_input_files(uploaded(2, 24, "photo.png"))
    phone.get_by_role("button", name="Save photo.translated.png").wait_for()
    context.close()
    assert guest.errors == []


@pytest.mark.timeout(1800)
def test_only_what_is_painted_changes(guest, site, screenshots):
    page = opened(guest, site, "translate?model=fill", ".drop")
    page.locator("input[type=file]").first.set_input_files(uploaded(3, 64, "holes.png"))
    go = page.get_by_role("button", name="Translate", exact=True)
    canvas = page.locator("canvas")
    canvas.wait_for()
    assert go.is_disabled()
    canvas.focus()
    page.keyboard.press("Space")
    assert go.is_enabled()
    page.get_by_role("button", name="Undo").click()
    assert go.is_disabled()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3, steps=4)
    page.mouse.up()
    go.click()
    page.get_by_label("Before and after").wait_for()
    page.screenshot(path=screenshots / "mask-en-1200.png", full_page=True)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save holes.translated.png").click()
    with Image.open(download.value.path()) as image:
        changed = (np.asarray(image.convert("RGB")) != picture(3, 64)).any(2)
    assert changed[10:26, 10:26].any()
    assert not changed[40:, :].any()
    assert not changed[:, 40:].any()


@pytest.mark.timeout(1800)
def test_a_mask_of_four_megapixels_leaves_what_is_outside(guest, site):
    page = opened(guest, site, "translate?model=fill", ".drop")
    page.locator("input[type=file]").first.set_input_files(uploaded(4, 2048, "large.png"))
    canvas = page.locator("canvas")
    canvas.wait_for()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2, steps=2)
    page.mouse.up()
    page.get_by_role("button", name="Translate", exact=True).click()
    page.get_by_label("Before and after").wait_for(timeout=600_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save large.translated.png").click()
    with Image.open(download.value.path()) as image:
        changed = (np.asarray(image.convert("RGB")) != picture(4, 2048)).any(2)
    assert changed[1000:1048, 1000:1048].any()
    changed[700:1348, 700:1348] = False
    assert not changed.any()


@pytest.mark.timeout(1800)
def test_runs_are_compared_by_samples_of_the_same_seeds(guest, site):
    page = guest.page
    page.goto(site.address("compare?run=digits&run=people"))
    page.get_by_label("Number of samples").fill("4")
    page.get_by_role("button", name="Make samples").click()
    page.locator("section img.crisp").first.wait_for()
    page.locator("section tbody tr").first.wait_for()
    assert page.locator("section tbody tr").count() == 4
    assert guest.errors == []


@pytest.mark.timeout(1800)
@by_view
def test_each_page_with_a_model(guest, site, screenshots, request):
    view = request.node.callspec.id
    for name, (address, complete) in PAGES.items():
        page = opened(guest, site, address, complete)
        page.wait_for_timeout(500)
        page.screenshot(path=screenshots / f"{name}-{view}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= int(view[3:]), name
        assert page.locator("h1").count() == 1
        assert not re.search(WORDS, page.locator("main").inner_text().replace("directions.json", "")), name
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(CONTRAST) == [], name
    assert guest.errors == []
    assert guest.hosts == {site.url.removeprefix("http://")}


@pytest.mark.timeout(1800)
def test_every_control_of_a_page_with_a_model_is_reached_and_named(guest, site):
    for name, (address, complete) in PAGES.items():
        page = opened(guest, site, address, complete)
        page.wait_for_timeout(300)
        expected = page.evaluate(REACHABLE)
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        seen = set()
        for _ in range(len(expected) + 25):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("document.activeElement?.dataset?.stop ?? null"))
        assert [what for k, what in enumerate(expected) if str(k) not in seen] == [], name
        tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "link", "textbox", "combobox", "checkbox", "slider", "spinbutton", "tab", "Iframe"}
        nodes = [node for node in tree if not node.get("ignored") and node.get("role", {}).get("value") in roles]
        assert [node["role"]["value"] for node in nodes if not node.get("name", {}).get("value")] == [], name
