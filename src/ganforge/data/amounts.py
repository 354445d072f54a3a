"""Numbers as people write them: money, percent, thousands separators, decimal commas; read, and written back so.

    $1,234.50    1.234,50 €    -1 234,5    12.5%    (99.00)    1'000    12,34,567

A form says what stands around a number and within it; all values of a column share it. What a number counts stays as
it is written: 12.5% is 12.5.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ganforge.core import scratch
from ganforge.data import long_columns

AT_LEAST = 0.9  # of the texts must be numbers of one form, for the rest to count as missing
PROBED = 200  # texts, evenly spaced, that most columns of text are told by
CODES = "USD EUR GBP JPY CNY INR CHF SEK NOK DKK PLN CZK HUF RUB BRL CAD AUD NZD MXN ZAR KRW SGD HKD TRY ILS THB RMB"
MARK = r"(?:(?:US|R|C|A|HK|NT|S|NZ|CA|AU|MX)?\$|[€£¥₹₽₩₺₴₫฿₪%‰]|kr\.?|Rs\.?|zł|Kč|Ft|" + "|".join(CODES.split()) + ")"
GAPS = " \u00a0\u202f\u2009"
WHOLE = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+−]?)(?P<prefix>{MARK}[{GAPS}]?)?(?P<inner>[-−]?)"
    rf"(?P<body>[0-9.,'’{GAPS}]*[0-9][.]?(?:[eE][-+]?\d+)?)(?P<suffix>[{GAPS}]?{MARK})?(?P<after>-)?(?P<close>\))?"
)
SEPARATORS = (
    ("", "."), (",", "."), (".", ","), ("", ","), *((gap, ",") for gap in GAPS), *((gap, ".") for gap in GAPS),
    ("'", "."), ("’", "."),
)  # fmt: skip
"""(thousands, decimal), the likelier of two that fit first."""
CODE = re.compile(r"[-+]?0\d+|\+\d{5,}")
"""Digits that are no number: 01234, +4712345678."""


def find(texts: Sequence[str], decimal_comma: bool = False) -> dict[str, Any] | None:
    """The form of different texts, of which nearly all are numbers; None where they are not.

    Args:
        decimal_comma: what the rest of the table says of texts such as 1,234.
    """
    at: list[int] = np.linspace(0, len(texts) - 1, min(len(texts), PROBED)).astype(int).tolist() if texts else []
    probe = [texts[k] for k in at]
    if sum(WHOLE.fullmatch(text.strip()) is not None for text in probe) < AT_LEAST / 2 * max(len(probe), 1):
        return None
    found = [m for text in texts if (m := WHOLE.fullmatch(text.strip())) is not None]
    if len(found) < AT_LEAST * len(texts):
        return None
    prefix, suffix = (Counter(m[part] or "" for m in found).most_common(1)[0][0] for part in ("prefix", "suffix"))
    same = [m for m in found if (m["prefix"] or "", m["suffix"] or "") == (prefix, suffix)]
    bodies = [m["body"] for m in same]
    if not (prefix or suffix) and any(CODE.fullmatch((m["sign"] or "") + m["body"]) for m in same):
        return None
    fits = []
    for thousands, decimal in SEPARATORS:
        body = _body(thousands, decimal)
        fits.append((sum(body.fullmatch(b) is not None for b in bodies), thousands, decimal))
    best = max(count for count, _, _ in fits)
    if best < AT_LEAST * len(texts):
        return None
    ways = [(t, d) for count, t, d in fits if count == best]
    thousands, decimal = ways[0]
    both = ("", ",") in ways and (",", ".") in ways
    guessed = both and all("," in b for b in bodies)  # 1,234 and nothing that says which it is
    if guessed and (decimal_comma or any(re.match(r"0\d*,", b) for b in bodies)):
        thousands, decimal, guessed = "", ",", False
    places = {len(b.rpartition(decimal)[2]) if decimal in b else 0 for b in bodies}
    exponents = any("e" in b.lower() for b in bodies)
    return {
        "prefix": prefix,
        "suffix": suffix,
        "thousands": thousands if any(thousands and thousands in b for b in bodies) else "",
        "decimal": decimal,
        "decimals": places.pop() if len(places) == 1 and not exponents else None,
        "negative": _negative(same),
        "plus": all(m["sign"] == "+" for m in same if not _is_negative(m)) and any(m["sign"] == "+" for m in same),
        "indian": thousands == "," and any(re.search(r"\d,\d\d,\d{3}", b) for b in bodies),
        "guessed": guessed,
    }


def is_plain(form: dict[str, Any]) -> bool:
    """Whether a form is that of any program: 1234.5."""
    return not (form["prefix"] or form["suffix"] or form["thousands"]) and form["decimal"] == "."


def said(form: dict[str, Any]) -> str:
    """A form in words: `thousands ',', decimal '.', '$'`."""
    around = ", ".join(repr(form[part].strip()) for part in ("prefix", "suffix") if form[part])
    inside = ([f"thousands {form['thousands']!r}"] if form["thousands"] else []) + [f"decimal {form['decimal']!r}"]
    return ", ".join([*inside, *([around] if around else [])])


def read(values: Any, form: dict[str, Any]) -> Any:
    """Texts as numbers, whole ones as integers; what is no number of this form is missing. Numbers stay."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return values
    body = _body(form["thousands"], form["decimal"])
    found = Numbers()
    for part in scratch.pieces(len(values)):
        codes, seen = distinct_texts(values.iloc[part])
        found.add([_number(str(text), form, body) for text in seen], codes)
    return found.column()


def distinct_texts(values: Any) -> tuple[np.ndarray, Any]:
    """The place of each value [N] among the different ones, −1 for a missing one, and these in order of appearance."""
    import pandas as pd

    return pd.factorize(values if long_columns.is_mapped_text(values.dtype) else values.astype(object))


class Numbers:
    """Numbers that are added piece by piece, as a column of the narrowest type that is exact for all of them."""

    def __init__(self) -> None:
        self.values, self.gone = scratch.Growing(), scratch.Growing()
        self.whole, self.gaps = True, False
        self.low: int | None = None
        self.high: int | None = None

    def add(self, made: Sequence[int | float | None], codes: np.ndarray) -> None:
        """Adds different numbers (None: none) at their places [n], −1 for a missing one."""
        present = [number for number in made if number is not None]
        unknown = np.array([*(number is None for number in made), True])[codes]
        kind = _kind(present)
        self.whole &= kind != "float64"
        if self.whole and present:
            self.low = min(present) if self.low is None else min(self.low, *present)  # type: ignore[type-var]
            self.high = max(present) if self.high is None else max(self.high, *present)  # type: ignore[type-var]
        filled = [0 if number is None else number for number in made]
        made_of = np.array([*(filled if kind != "float64" else map(float, filled)), 0], kind)
        self.values.add(made_of[codes])
        self.gone.add(unknown)
        self.gaps |= bool(unknown.any())

    def column(self) -> Any:
        """All of them as a column of integers, or of floats; NaN where nothing is a number."""
        import pandas as pd

        kind = ""
        if self.whole and self.low is not None and self.high is not None:
            kind = _of_range(self.low, self.high)
        if kind:
            values = self.values.whole(np.dtype(kind))
            return long_columns.masked(values, self.gone.whole(bool)) if self.gaps else pd.Series(values, copy=False)
        floats = self.values.whole(np.dtype(np.float64))
        if self.gaps:
            gone = self.gone.whole(bool)
            for part in scratch.pieces(len(floats)):
                floats[part][gone[part]] = np.nan
        return pd.Series(floats, copy=False)


def _kind(numbers: Sequence[int | float]) -> str:
    """The type of some numbers: int64, uint64 or float64; int64 of none."""
    if not all(isinstance(number, int) for number in numbers):
        return "float64"
    return _of_range(min(numbers, default=0), max(numbers, default=0)) or "float64"  # type: ignore[arg-type]


def _of_range(low: int, high: int) -> str:
    """The integer type that holds a range; "" where none does."""
    return "int64" if low >= -(2**63) and high < 2**63 else "uint64" if low >= 0 and high < 2**64 else ""


def write(x: np.ndarray, form: dict[str, Any], decimals: int | None) -> list[str]:
    """Numbers [N] as texts of a form.

    Args:
        decimals: of the column's grid, for a form with as many as each number needs; None: as a float has.
    """
    swap = str.maketrans({",": form["thousands"], ".": form["decimal"]})
    return [_text(number, form, decimals, swap) for number in x.tolist()]


def _body(thousands: str, decimal: str) -> re.Pattern[str]:
    d, t = re.escape(decimal), re.escape(thousands)
    after = rf"(?:{d}\d*)?"
    plain = (
        rf"(?:\d+{after}|{d}\d+)(?:[eE][-+]?\d+)?" if not thousands and decimal == "." else rf"(?:\d+{after}|{d}\d+)"
    )
    if not thousands:
        return re.compile(plain)
    groups = rf"\d{{1,3}}(?:{t}\d{{3}})+" + (rf"|\d{{1,2}}(?:{t}\d\d)*{t}\d{{3}}" if thousands == "," else "")
    return re.compile(rf"(?:(?:{groups}){after}|{plain})")


def _is_negative(found: re.Match[str]) -> bool:
    return (
        found["sign"] in ("-", "−") or bool(found["inner"] or found["after"]) or bool(found["open"] and found["close"])
    )


def _negative(found: list[re.Match[str]]) -> str:
    """How the negative ones are marked: `#` is the number with what stands around it, `~` what follows its prefix."""
    marks = Counter(
        "(#)" if m["open"] else "#-" if m["after"] else f"{m['inner']}~" if m["inner"] else f"{m['sign']}#"
        for m in found
        if _is_negative(m)
    )
    return marks.most_common(1)[0][0] if marks else "-#"


def _number(text: str, form: dict[str, Any], body: re.Pattern[str]) -> int | float | None:
    found = WHOLE.fullmatch(text.strip())
    if found is None or bool(found["open"]) != bool(found["close"]) or body.fullmatch(found["body"]) is None:
        return None
    if ((found["prefix"] or "").strip(), (found["suffix"] or "").strip()) != (
        form["prefix"].strip(),
        form["suffix"].strip(),
    ):
        return None
    digits = found["body"]
    if form["thousands"]:
        digits = digits.replace(form["thousands"], "")
    digits = digits.replace(form["decimal"], ".")
    number = int(digits) if digits.isdecimal() else float(digits)
    return -number if _is_negative(found) else number


def _text(number: float, form: dict[str, Any], decimals: int | None, swap: dict[int, str]) -> str:
    size = abs(number)
    if form["decimals"] is not None:
        digits = f"{size:,.{form['decimals']}f}" if form["decimals"] else f"{round(size):,}"
    elif isinstance(number, int) or decimals == 0:
        digits = f"{round(size):,}"
    elif decimals is not None:
        digits = f"{size:,.{decimals}f}".rstrip("0").rstrip(".")
    else:
        digits = np.format_float_positional(size, trim="-")
    if form["indian"]:
        whole, dot, rest = digits.replace(",", "").partition(".")
        digits = (
            re.sub(r"(?<=\d)(?=(?:\d\d)+$)", ",", whole[:-3])
            + ("," if len(whole) > 3 else "")
            + whole[-3:]
            + dot
            + rest
        )
    digits = digits.translate(swap)
    around = f"{form['prefix']}{digits}{form['suffix']}"
    if number < 0 and any(digit in "123456789" for digit in digits):
        style = form["negative"]
        if style.endswith("~"):
            return f"{form['prefix']}{style[:-1]}{digits}{form['suffix']}"
        return style.replace("#", around)
    return f"+{around}" if form["plus"] else around
