"""How burned-in captions look: a few named values within bounds, the same for every caption."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

POSITIONS: Final = ("bottom", "middle", "top")
COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "font_size": (2, 15),
    "margin": (0, 40),
    "outline": (0, 1),
    "box_opacity": (0, 100),
}
COLOURS: Final = ("color", "outline_color", "box_color")


class BadStyle(ValueError):
    """A style that cannot be taken; `field` is what is wrong, str() a sentence."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes in percent of the picture's height, so that they fit any video."""

    font_size: float = 5.5
    position: str = "bottom"
    margin: float = 5.0  # from the edge that it stands at
    color: str = "#ffffff"
    outline: float = 0.25
    outline_color: str = "#000000"
    box: bool = False
    box_color: str = "#000000"
    box_opacity: float = 60.0  # percent

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, given: Any) -> Style:
        """Return this style with the given values instead. Raises BadStyle."""
        if not isinstance(given, Mapping):
            raise BadStyle("style", "Give the style as an object.")
        return replace(self, **{name: _value(name, value) for name, value in given.items()})

    @classmethod
    def stored(cls, values: Mapping[str, Any]) -> Style:
        """Read what `as_dict` gave; what an older version did not know is as usual."""
        return cls().changed({name: values[name] for name in cls.__slots__ if name in values})


def _value(name: Any, value: Any) -> Any:
    if name in RANGES:
        return _number(name, value)
    if name in COLOURS:
        if not isinstance(value, str) or not COLOUR.fullmatch(value.lower()):
            raise BadStyle(name, "Give a colour as #rrggbb, such as #ffcc00.")
        return value.lower()
    if name == "position":
        if value not in POSITIONS:
            raise BadStyle(name, f"Give one of {', '.join(POSITIONS)}.")
        return value
    if name == "box":
        if not isinstance(value, bool):
            raise BadStyle(name, "Give true or false.")
        return value
    known = ", ".join(Style.__slots__)
    raise BadStyle("style", f"A style has no {str(name)[:40]!r}; it has {known}.")


def _number(name: str, value: Any) -> float:
    least, most = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise BadStyle(name, f"Give a number from {least:g} to {most:g}.")
    return float(value)
