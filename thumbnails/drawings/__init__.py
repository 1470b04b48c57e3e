"""The templates that ship, drawn by these few modules; no picture of anybody else is in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from thumbnails.drawings import outdoors, rooms, science
from thumbnails.drawings.canvas import Sheet


@dataclass(frozen=True, slots=True)
class Drawing:
    slug: str
    name: str
    draw: Callable[[], Sheet]

    def png(self) -> bytes:
        """Draw it: 1280 by 720, the same bytes each time with the same Pillow."""
        return self.draw().png()


ALL: Final = (
    Drawing("blue-board", "Blue board", rooms.blue_board),
    Drawing("blackboard", "Blackboard", rooms.blackboard),
    Drawing("books", "Books", rooms.books),
    Drawing("columns", "Columns", rooms.columns),
    Drawing("meeting", "Meeting", rooms.meeting),
    Drawing("sound", "Sound", rooms.sound),
    Drawing("code", "Code", science.code),
    Drawing("circuit", "Circuit", science.circuit),
    Drawing("network", "Network", science.network),
    Drawing("bars", "Bars", science.bars),
    Drawing("curve", "Curves", science.curve),
    Drawing("atom", "Atom", science.atom),
    Drawing("molecule", "Molecule", science.molecule),
    Drawing("helix", "Helix", science.helix),
    Drawing("leaf", "Leaves", outdoors.leaf),
    Drawing("forest", "Forest", outdoors.forest),
    Drawing("mountains", "Mountains", outdoors.mountains),
    Drawing("sea", "Sea", outdoors.sea),
    Drawing("dunes", "Dunes", outdoors.dunes),
    Drawing("sunrise", "Sunrise", outdoors.sunrise),
    Drawing("night-sky", "Night sky", outdoors.night_sky),
    Drawing("city", "City", outdoors.city),
)
