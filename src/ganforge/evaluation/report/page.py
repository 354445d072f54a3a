"""A report as one HTML file that needs nothing beside itself: no font and no image from elsewhere, and no script.

Only interactive media (`Media.interactive`) run scripts, in frames of their own.
"""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.language import LANGUAGES, Phrase, joined, named, phrase, sentences, translated
from ganforge.core.media import Media
from ganforge.core.plot import charts, drawing
from ganforge.core.plot.charts import Chart
from ganforge.core.plot.drawing import Drawing
from ganforge.core.plot.text import short
from ganforge.core.version import __version__
from ganforge.evaluation.report.content import Bars, Finding, Panel, Report
from ganforge.evaluation.report.values import number, plain, shared, short_hash, spread, uncertainty
from ganforge.evaluation.report.words import meaning_of

STYLE = Path(__file__).with_name("style.css")
LEVELS = {"bad": phrase("Wrong"), "warn": phrase("Doubtful"), "note": phrase("Note"), "good": phrase("Good")}
ORDER = list(LEVELS)
BREAKS = re.compile(r"(?<=[\[@_(/])")
"""Where a long name may go on in the next line."""
UNCERTAINTY = phrase(
    "±: the standard error of a mean over samples; for kid, is and detection the spread over blocks, splits or folds."
)
SIDE = 150
"""Width in px of an image that stands beside others of the same sample."""
NAMED = 12
"""Bars that a chart's text names, for readers who cannot see it."""


def render(report: Report, language: str = "en") -> str:
    """The page of one evaluation."""
    page = Page(language)
    return page.whole(
        report.title,
        [
            f"<h1>{raw(report.title)}</h1>",
            f'<p class="lead">{page.text(report.lead)}</p>' if report.lead else "",
            page.facts(report.facts),
            page.findings(report.findings),
            page.scores(report.results),
            page.panels(report.panels),
            page.plots(report.plots),
            page.wall(phrase("Class by class"), [page.bars(one) for one in report.bars]),
            page.wall(phrase("How training went"), [page.lines(one) for one in report.charts]),
            page.again(report.command),
        ],
    )


def raw(value: Any) -> str:
    """A name or a number, as it is in every language."""
    return html.escape(str(value))


def breakable(name: str) -> str:
    """The name of a metric or a run; where it has to go on in a second line, it does so after a sign, not anywhere."""
    return "<wbr>".join(raw(part) for part in BREAKS.split(name) if part)


class Page:
    """The parts of a page in one language. Text of people or files is escaped, and nothing is run outside of frames."""

    def __init__(self, language: str = "en"):
        self.language = language

    def text(self, value: str) -> str:
        """A sentence in the page's language."""
        return html.escape(translated(value, self.language))

    def whole(self, title: str, parts: Sequence[str]) -> str:
        """A whole HTML file around some parts."""
        body = "\n".join(part for part in parts if part)
        made = phrase("Made by ganforge {version}.", version=__version__)
        compare = phrase("Values can be compared only where their protocols agree.")
        return (
            f'<!doctype html>\n<html lang="{LANGUAGES[self.language]}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{self.fact(title)} · ganforge</title>\n"
            f"<style>\n{STYLE.read_text(encoding='utf-8')}{drawing.STYLE}\n</style>\n</head>\n"
            f"<body>\n<main>\n{body}\n<footer>{self.text(sentences([made, compare]))}</footer>\n</main>\n</body>\n"
            "</html>\n"
        )

    def facts(self, items: Mapping[str, str]) -> str:
        rows = "".join(
            f"<div><dt>{self.text(name)}</dt><dd>{self.fact(value)}</dd></div>" for name, value in items.items()
        )
        return f'<dl class="facts">{rows}</dl>' if rows else ""

    def fact(self, value: str) -> str:
        """A sentence in the page's language; a name or a number stays as it is."""
        return self.text(value) if isinstance(value, Phrase) else raw(value)

    def findings(self, items: Sequence[Finding], title: str = "") -> str:
        """What is wrong, worst first; under a title of its own, or as the output on a run."""
        parts = [f"<h2>{self.text(title or phrase('Findings'))}</h2>"]
        if not title and not any(item.level in ("bad", "warn") for item in items):
            parts.append(f"<p>{self.text(phrase('Nothing in the values below points to a fault.'))}</p>")
        for item in sorted(items, key=lambda item: ORDER.index(item.level)):
            head = phrase("{level}: {title}", level=LEVELS[item.level], title=named(item.title))
            advice = f'<p class="advice">{self.text(item.advice)}</p>' if item.advice else ""
            body = f"<b>{self.text(head)}</b><p>{self.text(item.why)}</p>{advice}"
            parts.append(f'<div class="finding {item.level}">{body}</div>')
        return "\n".join(parts)

    def scores(self, results: Sequence[Mapping[str, Any]]) -> str:
        """Names, values and protocols. What all protocols share stands once, above."""
        if not results:
            return ""
        common = shared([result["protocol"] for result in results])
        heads = [phrase("metric"), phrase("value")]
        if any(result["protocol"].keys() - common.keys() for result in results):
            heads.append(phrase("how it was measured"))
        head = "".join(f"<th scope='col'>{self.text(name)}</th>" for name in heads)
        rows = "".join(self.figure_row(result, common) for result in results)
        alike = self.text(phrase("The same for all of them:"))
        said = f'<p class="quiet">{alike}</p>{protocol(common)}' if common else ""
        below = ""
        if any(uncertainty(result.get("detail", {})) is not None for result in results):
            below = f'<p class="quiet under">{self.text(UNCERTAINTY)}</p>'
        return (
            f'<h2>{self.text(phrase("Metrics"))}</h2>{said}<div class="scroll"><table class="figures"><thead><tr>{head}'
            f"</tr></thead><tbody>{rows}</tbody></table></div>{below}"
        )

    def figure_row(self, result: Mapping[str, Any], common: Mapping[str, Any]) -> str:
        meaning, detail = meaning_of(result["name"]), result.get("detail", {})
        own = {key: value for key, value in result["protocol"].items() if key not in common}
        remarks = "".join(f'<div class="remark">{self.text(note)}</div>' for note in detail.get("notes", ()))
        better = [meaning.better] if meaning.better else []
        if baseline := detail.get("baseline"):
            better.insert(0, phrase("{of}: {value}", of=named(baseline["of"]), value=number(baseline["value"])))
        below = "".join(f'<span class="better">{self.text(one)}</span>' for one in better)
        return (
            f'<tr><td><div class="name">{breakable(result["name"])}</div>'
            f'<div class="said">{self.text(meaning.text)}</div>{remarks}</td>'
            f'<td class="value">{number(result["value"])} <small>{spread(detail)}</small>{below}</td>'
            f"<td>{protocol(own)}</td></tr>"
        )

    def panels(self, items: Sequence[Panel]) -> str:
        """What there is to see or to hear; headed by what most of it is."""
        if not items:
            return ""
        images = all(media.mime.startswith("image/") for item in items for media in item.media)
        title = phrase("Images") if images else phrase("Samples")
        return f'<h2>{self.text(title)}</h2><div class="wall">{"".join(map(self.panel, items))}</div>'

    def panel(self, item: Panel) -> str:
        title, caption = translated(item.title, self.language), translated(item.caption, self.language)
        parts = [f"{title}: {caption}" if caption else title]
        if item.columns:
            parts.append(translated(phrase("Columns: {names}.", names=joined(item.columns)), self.language))
        if item.rows:
            parts.append(translated(phrase("Rows: {names}.", names=joined(item.rows)), self.language))
        shown = "".join(self.medium(one, " ".join(parts), title) for one in item.media)
        if item.columns:
            heads = "".join(f"<span>{self.fact(name)}</span>" for name in item.columns)
            shown = f'<div class="heads" aria-hidden="true">{heads}</div>{shown}'
            width = f"min(100%, {SIDE * len(item.columns)}px)"
            shown = f'<div class="shown compared-images" style="width: {width}">{shown}</div>'
        else:
            shown = f'<div class="shown">{shown}</div>'
        if item.rows:
            names = "".join(f"<li>{self.fact(name)}</li>" for name in item.rows)
            space = ' class="below-heads"' if item.columns else ""
            shown = f'<div class="rows"><ol{space} aria-hidden="true">{names}</ol>{shown}</div>'
        return (
            f'<figure class="{"" if item.half else "wide"}"><figcaption><strong>{html.escape(title)}</strong> '
            f"<span>{html.escape(caption)}</span></figcaption>{shown}</figure>"
        )

    def medium(self, media: Media, description: str, title: str) -> str:
        """One medium as the page shows it; `description` says what it shows to readers who cannot see it.

        Pages of HTML stand in a frame that allows no scripts, or, of interactive ones, no access to the page around it.
        """
        caption = translated(media.caption, self.language)
        name = raw(caption or description)
        data = f"data:{media.mime};base64,{base64.b64encode(media.data).decode()}"
        said = f'<div class="quiet">{raw(caption)}</div>' if caption else ""
        if media.mime.startswith("image/"):
            return f'<img alt="{name}" src="{data}">{said}'
        if media.mime.startswith(("audio/", "video/")):
            player = media.mime.partition("/")[0]
            return f'<{player} controls title="{name}" src="{data}"></{player}>{said}'
        if media.mime == "text/html":
            allowed = '="allow-scripts" class="interactive"' if media.interactive else ""
            return f'<iframe sandbox{allowed} title="{name}" srcdoc="{raw(media.data.decode())}"></iframe>{said}'
        if media.mime.startswith("text/"):
            return f"<pre>{raw(media.data.decode())}</pre>{said}"
        file = raw(caption or title) + media.ending
        return f'<a download="{file}" href="{data}">{file}</a>'

    def plots(self, items: Sequence[Mapping[str, Any]]) -> str:
        """What metrics drew, part by part, in the order in which they come."""
        parts: dict[str, list[str]] = {}
        for drawn in items:
            parts.setdefault(drawn.get("under", phrase("More charts")), []).append(self.plot(drawn))
        return "\n".join(
            self.wall(title, shown, "flow" if len(shown) > 1 else "wall") for title, shown in parts.items()
        )

    def plot(self, drawn: Mapping[str, Any]) -> str:
        """What a metric drew. A drawing is written into the page; SVG of anybody else is shown as an image, so that
        nothing in it is run."""
        title = drawn["title"]
        if isinstance(drawn.get("drawing"), Drawing):
            return self.chart(title, "", drawn["drawing"], title)
        kind, data = (
            ("png", drawn["png"]) if "png" in drawn else ("svg+xml", base64.b64encode(drawn["svg"].encode()).decode())
        )
        return (
            f"<figure><figcaption><strong>{self.text(title)}</strong></figcaption>"
            f'<img class="smooth" alt="{self.text(title)}" src="data:image/{kind};base64,{data}"></figure>'
        )

    def lines(self, chart: Chart) -> str:
        """A chart over the samples seen; empty where it has no finite point."""
        drawn = charts.lines(chart)
        if drawn is None:
            return ""
        last = [(name, points[-1]) for name, points in chart.series.items() if points]
        values = [phrase("{name} {value}", name=name, value=short(y)) if name else short(y) for name, (_, y) in last]
        description = phrase(
            "{title}, line chart over {count} real samples seen; at the end: {values}",
            title=named(chart.title), count=short(last[0][1][0]), values=joined(values),
        )  # fmt: skip
        return self.chart(chart.title, chart.unit, drawn, description)

    def bars(self, chart: Bars) -> str:
        """One bar a value, in the order of the classes, as people look for them; empty without a finite value."""
        values = {name: value for name, value in chart.values.items() if math.isfinite(value)}
        if not values:
            return ""
        some = joined([f"{name} {short(value)}" for name, value in list(values.items())[:NAMED]])
        description = phrase("{title}, bar chart: {values}", title=named(chart.title), values=some)
        drawn = charts.bars(list(values), {"fake": list(values.values())})
        return self.chart(chart.title, chart.caption, drawn, description)

    def chart(self, title: str, caption: str, drawn: Drawing, description: str) -> str:
        """A drawing as a part of the page, so that its colors follow the page's."""
        drawn.label = description
        head = f"<figcaption><strong>{self.text(title)}</strong> <span>{self.text(caption)}</span></figcaption>"
        return f'<figure class="chart">{head}{drawn.svg(whole=False, language=self.language)}</figure>'

    def wall(self, title: str, items: Sequence[str], kind: str = "wall") -> str:
        shown = "".join(items)
        return f'<h2>{self.text(title)}</h2><div class="{kind}">{shown}</div>' if shown else ""

    def again(self, command: str) -> str:
        if not command:
            return ""
        said = phrase("The same seed on the same machine gives the same values.")
        title = phrase("Run this evaluation again")
        return f"<h2>{self.text(title)}</h2><p>{self.text(said)}</p><pre>{raw(command)}</pre>"


def protocol(entries: Mapping[str, Any]) -> str:
    """Entries of a protocol as a row of small tags, named as in report.json."""
    items = "".join(
        f'<li title="{raw(plain(value))}">{raw(key)} <b>{raw(short_hash(plain(value)))}</b></li>'
        for key, value in entries.items()
        if value != ""  # such as the weights of an extractor that has none
    )
    return f'<ul class="protocol">{items}</ul>' if items else ""
