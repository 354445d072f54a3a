"""When a photo was taken, by its EXIF data: year, day of the year and hour."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from ganforge.modalities.image.files import BROKEN, FORMATS

EXIF = 0x8769  # the tag of the block that holds when a photo was taken
TAKEN, CHANGED = 0x9003, 0x0132
FORM = "%Y:%m:%d %H:%M:%S"


def taken(source: Path | BinaryIO) -> dict[str, float]:
    """Year, day of the year (1 to 366) and hour (0 to 24, with minutes as a fraction); empty if there is no date.

    The time is that of the camera's clock, in the time zone that it is set to.
    """
    try:
        with Image.open(source, formats=FORMATS) as image:
            found = image.getexif()
            text = found.get_ifd(EXIF).get(TAKEN) or found.get(CHANGED)
        moment = datetime.strptime(str(text).strip("\0 ")[:19], FORM)
    except BROKEN:  # no image, no date, or none that is valid
        return {}
    hour = moment.hour + moment.minute / 60
    return {"year": moment.year, "day_of_year": moment.timetuple().tm_yday, "hour": round(hour, 3)}
