"""Dates written as text, or as whole numbers such as 20240531: in which form, read and written back in it.

A form is a `strptime` format with a few codes more: `%-d %-m %-H %-I` without a leading zero, `%3f` (any digit) for so
many digits of a second's fraction, `%^b` in capitals, `%P` for am and pm in small letters. It is found from the shape
of the texts (digits, words, signs) and by reading all of them; a time zone that all share stands in it as written.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.data import long_columns

if TYPE_CHECKING:
    import pandas as pd

AT_LEAST = 0.9  # of the texts must be dates of one form, for the rest to count as missing
SHAPED = 200  # texts, evenly spaced, whose shape is looked at
YEARS = (1800, 2200)  # of forms that other numbers have as well
WHOLE = re.compile(
    r"(?P<date>.+?)(?:(?P<gap>,? |T)(?P<time>\d{1,2}:\d\d(?::\d\d)?)(?P<fraction>[.,]\d{1,9})?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"
)
DATES: dict[str, tuple[str, ...]] = {
    "9999-9-9": ("%Y-%m-%d",), "9999/9/9": ("%Y/%m/%d",), "9999.9.9": ("%Y.%m.%d",), "99999999": ("%Y%m%d",),
    "9/9/9999": ("%d/%m/%Y", "%m/%d/%Y"), "9-9-9999": ("%d-%m-%Y", "%m-%d-%Y"), "9.9.9999": ("%d.%m.%Y",),
    "9/9/9": ("%d/%m/%y", "%m/%d/%y"), "9-9-9": ("%y-%m-%d", "%d-%m-%y", "%m-%d-%y"), "9.9.9": ("%d.%m.%y",),
    "9-a-9999": ("%d-%b-%Y",), "9 a 9999": ("%d %b %Y",), "9. a 9999": ("%d. %b %Y",), "9-a-9": ("%d-%b-%y",),
    "9 a 9": ("%d %b %y",), "9/a/9999": ("%d/%b/%Y",), "a 9, 9999": ("%b %d, %Y",), "a 9 9999": ("%b %d %Y",),
    "a-9-9999": ("%b-%d-%Y",), "9999-a-9": ("%Y-%b-%d",), "a, 9 a 9999": ("%a, %d %b %Y",), "9999-9": ("%Y-%m",),
    "a 9999": ("%b %Y",), "a-9999": ("%b-%Y",),
    "9999年9月9日": ("%Y年%m月%d日",), "9999年9月": ("%Y年%m月",), "9999年9月9号": ("%Y年%m月%d号",),
    "9999년 9월 9일": ("%Y년 %m월 %d일",), "9999년 9월": ("%Y년 %m월",),
}  # fmt: skip
TIMES = {"9:9": "%H:%M", "9:9:9": "%H:%M:%S"}
LIKE_OTHER_NUMBERS = ("%Y%m%d", "%Y-%m")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CODE = re.compile(r"%(?:[-^]?[A-Za-z]|\df|%)")
OWN_CODES = re.compile(r"%(?:-|\^|\d|P|z)")
"""Codes that `strftime` does not know, or writes otherwise on other systems."""


@dataclass(frozen=True)
class Form:
    """How a column writes dates.

    Attributes:
        format: the form, in the codes above.
        other: the same dates can be read in this one too, so that `format` is a guess; "" where they cannot.
        offset: that most of them have, where `format` ends in `%z` and they differ: "+02:00".
    """

    format: str
    other: str = ""
    offset: str = ""


def find(texts: Sequence[str], usual: str = "") -> Form | None:
    """The form of different texts, of which nearly all are dates; None where they are not.

    Args:
        usual: a day-month order that the rest of the table has ("%d" or "%m" first), for texts that allow both.
    """
    shapes = Counter(_shape(texts[k]) for k in _spread(len(texts)))
    (shape, often), *_ = shapes.most_common(1) or [(None, 0)]
    if shape is None or often * 2 < shapes.total():
        return None
    date, rest = shape
    parts = [found for text in texts if (found := WHOLE.fullmatch(text.strip())) is not None]
    zones = Counter((p["zone"] or "").strip() for p in parts)
    ending = _ending(zones)
    shares = []
    long = any(len(word) > 3 for p in parts for word in re.findall(r"[A-Za-z]+", p["date"])[-1:])
    for form in DATES[date]:
        whole = (form.replace("%b", "%B") if long else form) + _time(rest, parts) + ending
        shares.append((_share(texts, whole), whole))
    best = max(share for share, _ in shares)
    if best < AT_LEAST:
        return None
    fits = [_dressed(form, parts) for share, form in shares if share == best]
    chosen = next((form for form in fits if usual and form.lstrip("%-").startswith(usual.lstrip("%"))), fits[0])
    other = next((form for form in fits if form != chosen), "")
    return Form(chosen, other, _offset(zones) if ending.endswith("%z") else "")


def read(values: Any, form: str) -> Any:
    """Texts (or whole numbers) as dates; what is no date of this form is missing."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values
    return long_columns.piecewise(lambda part: _read(part, form), values)


def _read(values: pd.Series, form: str) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        values = values.astype("Int64").astype(object).map(str, na_action="ignore")
    texts = values.astype(object).map(lambda text: str(text).strip(), na_action="ignore")
    return pd.to_datetime(texts, format=_plain(form), errors="coerce", utc=form.endswith("%z"))


def write(times: pd.Series, form: str, offset: str = "") -> list[str | None]:
    """Dates as texts of a form, None where they are missing."""
    import pandas as pd

    if form.endswith("%z"):
        away = pd.Timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[-2:]))
        times = times.dt.tz_localize(None) + away
    if OWN_CODES.search(form) or not form.isascii():  # strftime reads other letters by the locale of the system
        codes, seen = pd.factorize(times)
        made = np.array([*(_text(time, form, offset) for time in seen), None], object)
        return made[codes].tolist()
    told = times.dt.strftime(form).astype(object)
    return told.where(told.notna(), None).tolist()


def stamp(text: str, form: str | None) -> Any:
    """One date that a user wrote, in the column's form or as 2024-05-31 (13:45:00); None where it is neither."""
    import pandas as pd

    if form is not None:
        found = read(pd.Series([text], dtype=object), form)[0]
        if not pd.isna(found):
            return found
    try:
        return pd.to_datetime(text, format="ISO8601")
    except ValueError:
        return None


def order(form: str) -> str:
    """Which of day and month a form of numbers writes first: "%d", "%m", or "" where it says the month by its name or
    begins with the year."""
    codes = [code.replace("-", "") for code in CODE.findall(form)[:2]]
    return codes[0] if set(codes) == {"%d", "%m"} else ""


def _shape(text: str) -> tuple[str, str] | None:
    """(shape of the date, shape of the time) of a text, where there are such forms."""
    found = WHOLE.fullmatch(text.strip())
    if found is None:
        return None
    date = re.sub(
        r"[A-Za-z]+", "a", re.sub(r"\d+", lambda m: "9" if len(m[0]) <= 2 else "9" * len(m[0]), found["date"])
    )
    if date not in DATES:
        return None
    time = found["time"]
    return date, "" if time is None else re.sub(r"\d+", "9", time)


def _spread(n: int) -> list[int]:
    return np.linspace(0, n - 1, min(n, SHAPED)).round().astype(int).tolist() if n else []


def _time(shape: str, parts: list[re.Match[str]]) -> str:
    """What stands after the date in a form, but for the zone: the gap, the time, its fraction, am or pm."""
    timed = [p for p in parts if p["time"]]
    if not shape or not timed:
        return ""
    gap = Counter(p["gap"] for p in timed).most_common(1)[0][0]
    time = TIMES[shape]
    half = Counter(p["half"] or "" for p in timed).most_common(1)[0][0]
    if half:
        code = "%p" if half.strip().isupper() else "%P"
        time = time.replace("%H", "%I")
        half = half.replace(half.strip(), code)
    fractions = {p["fraction"] or "" for p in timed}
    fraction = ""
    if "" not in fractions:
        sign, digits = next(iter(fractions))[0], {len(f) - 1 for f in fractions}
        fraction = sign + ("%f" if len(digits) > 1 or digits == {6} else f"%{digits.pop()}f")
    return gap + time + fraction + half


def _ending(zones: Counter[str]) -> str:
    """The zone as it stands in a form: as it is written where all share it."""
    if set(zones) <= {""}:
        return ""
    return next(iter(zones)) if len(zones) == 1 else "%z"


def _offset(zones: Counter[str]) -> str:
    zone = Counter({z: n for z, n in zones.items() if z}).most_common(1)[0][0]
    digits = zone.replace(":", "")
    return f"{digits[:3]}:{digits[3:]}" if digits[0] in "+-" else "+00:00"


def _share(texts: Sequence[str], form: str) -> float:
    import pandas as pd

    some = pd.Series([texts[k] for k in _spread(len(texts))], dtype=object)
    if read(some, form).notna().mean() < AT_LEAST / 2:
        return 0.0  # quickly told of other orders of day and month
    times = read(pd.Series(list(texts), dtype=object), form)
    fits = times.notna()
    if form in LIKE_OTHER_NUMBERS:
        fits &= times.dt.year.between(*YEARS)
    return float(fits.mean())


def _dressed(form: str, parts: list[re.Match[str]]) -> str:
    """A form with what its texts leave open: leading zeros, the length and the case of names of months."""
    codes = CODE.findall(form)
    of_date = list(itertools.takewhile(lambda code: code not in ("%H", "%I"), codes))
    numbers = [code for code in of_date if code not in ("%b", "%B", "%a")]
    for k, code in enumerate(numbers):
        runs = [found[k] for p in parts if len(found := re.findall(r"\d+", p["date"])) == len(numbers)]
        if code in ("%d", "%m") and any(len(run) == 1 for run in runs) and not any(run[0] == "0" for run in runs):
            form = form.replace(code, f"%-{code[1]}", 1)
    hours = [p["time"].split(":")[0] for p in parts if p["time"]]
    if any(len(hour) == 1 for hour in hours) and not any(hour[0] == "0" and len(hour) > 1 for hour in hours):
        form = form.replace("%H", "%-H").replace("%I", "%-I")
    if "%b" in codes or "%B" in codes:
        words = [re.findall(r"[A-Za-z]+", p["date"])[-1] for p in parts if re.search(r"[A-Za-z]", p["date"])]
        form = re.sub(r"%([bB])", r"%^\1", form) if all(word.isupper() for word in words) else form
    return form


def _plain(form: str) -> str:
    """The form as pandas reads it, which takes numbers with and without a leading zero, and names in any case."""
    form = re.sub(r"%\df", "%f", form)
    return re.sub(r"%[-^]", "%", form).replace("%P", "%p")


def _text(time: Any, form: str, offset: str) -> str:
    """One date in a form."""
    half = "AM" if time.hour < 12 else "PM"
    nanoseconds = f"{time.microsecond * 1000 + time.nanosecond:09d}"
    hour = time.hour % 12 or 12

    def code(found: re.Match[str]) -> str:
        name = found[0][1:]
        if name[0].isdigit():
            return nanoseconds[: int(name[0])]
        bare = name.lstrip("-^")
        number = {"d": time.day, "m": time.month, "H": time.hour, "I": hour, "M": time.minute, "S": time.second}
        if bare in number:
            return str(number[bare]) if name[0] == "-" else f"{number[bare]:02d}"
        words = {
            "Y": f"{time.year:04d}", "y": f"{time.year % 100:02d}", "f": nanoseconds[:6], "p": half, "P": half.lower(),
            "b": MONTHS[time.month - 1][:3], "B": MONTHS[time.month - 1], "a": DAYS[time.weekday()][:3],
            "A": DAYS[time.weekday()], "j": f"{time.day_of_year:03d}", "z": offset, "%": "%",
        }  # fmt: skip
        word = words.get(bare)
        if word is None:
            return time.strftime(found[0])
        return word.upper() if name[0] == "^" else word

    return CODE.sub(code, form)
