"""A report as one HTML file that needs nothing beside itself: no script, no font, no image from elsewhere."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.media import Media
from ganforge.core.plot import drawing
from ganforge.core.version import __version__
from ganforge.evaluation.report import charts
from ganforge.evaluation.report.content import Finding, Panel, Report
from ganforge.evaluation.report.words import meaning_of

STYLE = Path(__file__).with_name("style.css")
LEVELS = {"bad": "Wrong", "warn": "Doubtful", "note": "Note", "good": "Good"}
ORDER = list(LEVELS)


def render(report: Report) -> str:
    """The page."""
    parts = [
        f"<h1>{text(report.title)}</h1>",
        f'<p class="lead">{text(report.lead)}</p>' if report.lead else "",
        facts(report.facts),
        findings(report.findings),
        figures(report.figures),
        panels(report.panels),
        plots(report.plots),
        wall("Class by class", [charts.bars(b) for b in report.bars]),
        wall("How training went", [charts.lines(c) for c in report.charts]),
        again(report.command),
    ]
    return page(report.title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """A whole HTML file around some parts."""
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)} · ganforge</title>\n"
        f"<style>\n{STYLE.read_text(encoding='utf-8')}{drawing.STYLE}\n</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n<footer>Made by ganforge {text(__version__)}. "
        "Figures can be compared only where their stamps agree.</footer>\n</main>\n</body>\n</html>\n"
    )


def text(value: Any) -> str:
    return html.escape(str(value))


def facts(items: Mapping[str, str]) -> str:
    if not items:
        return ""
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in items.items())
    return f'<dl class="facts">{rows}</dl>'


def findings(items: Sequence[Finding], title: str = "") -> str:
    """What is wrong, worst first; under a title of its own, or as the output on a run."""
    parts = [f"<h2>{text(title or 'What is wrong, if something is')}</h2>"]
    if not title and not any(item.level in ("bad", "warn") for item in items):
        parts.append("<p>Nothing in the figures below points to a fault.</p>")
    for item in sorted(items, key=lambda item: ORDER.index(item.level)):
        advice = f'<p class="advice">{text(item.advice)}</p>' if item.advice else ""
        parts.append(
            f'<div class="finding {item.level}"><b>{LEVELS[item.level]}: {text(item.title)}</b>'
            f"<p>{text(item.why)}</p>{advice}</div>"
        )
    return "\n".join(parts)


def figures(results: Sequence[Mapping[str, Any]]) -> str:
    """Names, values and stamps. What all stamps share stands once, above."""
    if not results:
        return ""
    common = shared([result["protocol"] for result in results])
    rows = []
    for result in results:
        meaning = meaning_of(result["name"])
        own = {key: value for key, value in result["protocol"].items() if key not in common}
        remarks = "".join(
            f'<div class="remark">{text(note)}</div>' for note in result.get("detail", {}).get("notes", ())
        )
        better = f'<span class="better">{text(meaning.better)}</span>' if meaning.better else ""
        baseline = result.get("detail", {}).get("baseline")
        if baseline:
            better = f'<span class="better">{text(baseline["of"])}: {number(baseline["value"])}</span>{better}'
        rows.append(
            f'<tr><td><div class="name">{text(result["name"])}</div>'
            f'<div class="said">{text(meaning.text)}</div>{remarks}</td>'
            f'<td class="value">{number(result["value"])}{better}</td><td>{provenance(own)}</td></tr>'
        )
    head = "<thead><tr><th>figure</th><th style='text-align:right'>value</th><th>how it was made</th></tr></thead>"
    said = f"<p class='quiet'>All of them:</p>{provenance(common)}<p></p>" if common else ""
    return f'<h2>Figures</h2>{said}<div class="scroll"><table class="figures">{head}{"".join(rows)}</table></div>'


def provenance(protocol: Mapping[str, Any]) -> str:
    items = "".join(
        f'<li title="{text(plain(value))}">{text(key)} <b>{text(short_hash(plain(value)))}</b></li>'
        for key, value in protocol.items()
        if value != ""  # such as the weights of an extractor that has none
    )
    return f'<ul class="stamp">{items}</ul>' if items else ""


def shared(protocols: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries that all of some protocols have alike; none of a single one, whose stamp stays whole."""
    if len(protocols) < 2:
        return {}
    first = protocols[0]
    return {key: v for key, v in first.items() if all(key in p and p[key] == v for p in protocols)}


def panels(items: Sequence[Panel]) -> str:
    """What there is to see or to hear; headed by what most of it is."""
    if not items:
        return ""
    images = all(media.mime.startswith("image/") for item in items for media in item.media)
    title = "Images" if images else "Samples"
    return f'<h2>{title}</h2><div class="wall">' + "".join(panel(item) for item in items) + "</div>"


def panel(item: Panel) -> str:
    shown = "".join(medium(one, item.title) for one in item.media)
    if item.rows:
        names = "".join(f"<li>{text(name)}</li>" for name in item.rows)
        shown = f'<div class="rows"><ol>{names}</ol>{shown}</div>'
    return (
        f'<figure class="{"" if item.half else "wide"}"><figcaption><strong>{text(item.title)}</strong> '
        f"<span>{text(item.caption)}</span></figcaption>{shown}</figure>"
    )


def medium(media: Media, title: str) -> str:
    """One medium as the page shows it. Nothing in it is run: pages of HTML stand in a frame that allows no scripts."""
    named = text(media.caption or title)
    data = f"data:{media.mime};base64,{base64.b64encode(media.data).decode()}"
    said = f'<div class="quiet">{text(media.caption)}</div>' if media.caption else ""
    if media.mime.startswith("image/"):
        return f'<img alt="{named}" src="{data}">{said}'
    if media.mime.startswith(("audio/", "video/")):
        player = media.mime.partition("/")[0]
        return f'<{player} controls title="{named}" src="{data}"></{player}>{said}'
    if media.mime == "text/html":
        return f'<iframe sandbox title="{named}" srcdoc="{text(media.data.decode())}"></iframe>{said}'
    if media.mime.startswith("text/"):
        return f"<pre>{text(media.data.decode())}</pre>{said}"
    return f'<a download="{named}{media.ending}" href="{data}">{named}{media.ending}</a>'


def plots(items: Sequence[Mapping[str, str]]) -> str:
    """What metrics drew, part by part, in the order in which they come."""
    parts: dict[str, list[str]] = {}
    for drawn in items:
        parts.setdefault(drawn.get("under", "More figures"), []).append(plot(drawn))
    return "\n".join(wall(title, shown) for title, shown in parts.items())


def plot(drawn: Mapping[str, str]) -> str:
    """A figure that a metric drew. An SVG is shown as an image, so that nothing in it is run."""
    kind, data = (
        ("png", drawn["png"]) if "png" in drawn else ("svg+xml", base64.b64encode(drawn["svg"].encode()).decode())
    )
    return (
        f"<figure><figcaption><strong>{text(drawn['title'])}</strong></figcaption>"
        f'<img class="smooth" alt="{text(drawn["title"])}" src="data:image/{kind};base64,{data}"></figure>'
    )


def wall(title: str, items: Sequence[str]) -> str:
    shown = "".join(items)
    return f'<h2>{text(title)}</h2><div class="wall">{shown}</div>' if shown else ""


def again(command: str) -> str:
    if not command:
        return ""
    return f"<h2>Reproduce</h2><p>One seed gives the same digits.</p><pre>{text(command)}</pre>"


def number(value: Any) -> str:
    """A figure with as many digits as mean something; nothing that is not finite passes for a number."""
    if value is None or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "–"
    if isinstance(value, int) or (value == int(value) and abs(value) >= 1000):
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"


def short_hash(value: str) -> str:
    """A long hash by its first letters, as in the names of figures; report.json has it whole."""
    is_hash = len(value) >= 40 and all(c in "0123456789abcdef" for c in value)
    return value[:8] if is_hash else value


def plain(value: Any) -> str:
    """A protocol's entry in few characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return "–" if value is None else str(value)
