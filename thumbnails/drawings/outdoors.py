"""Landscapes and what grows in them."""

from __future__ import annotations

import math

from thumbnails.drawings.canvas import HEIGHT, WIDTH, Sheet, wave


def mountains() -> Sheet:
    sheet = Sheet("#f7c59f", "#e8745b")
    sheet.circle(930, 230, 95, "#fff1d0", 0.95)
    for tops, fill in (
        ([430, 250, 390, 180, 400, 260, 430, 220, 410], "#a8506a"),
        ([560, 420, 520, 330, 500, 560, 420, 520, 470], "#6d3b63"),
        ([640, 560, 650, 520, 620, 560, 660, 600, 540], "#3d2a4f"),
    ):
        sheet.below(tops, fill)
    sheet.shape([(480, 180), (408, 272), (452, 258), (484, 290), (520, 250), (548, 275)], "#fff1d0")
    return sheet


def sea() -> Sheet:
    sheet = Sheet("#bfe9f2", "#eaf8f5")
    sheet.circle(320, 190, 80, "#ffd166")
    for index, fill in enumerate(("#5ec2cf", "#2f9fb8", "#1b7a99", "#125a78", "#0c3f59")):
        sheet.below(wave(300 + index * 88, 26, 420 - index * 22, index * 1.3), fill)
    sheet.shape([(820, 330), (1010, 330), (975, 378), (858, 378)], "#7a3b2e")
    sheet.shape([(910, 128), (910, 318), (1015, 318)], "#fffaf0")
    sheet.shape([(896, 160), (896, 318), (820, 318)], "#ff7f51")
    return sheet


def night_sky() -> Sheet:
    sheet = Sheet("#0b1033", "#3b2f7f", seed=7)
    for _ in range(130):
        x, y = sheet.random.uniform(0, WIDTH), sheet.random.uniform(0, 560)
        sheet.circle(x, y, sheet.random.choice((1.6, 2.2, 3.2)), "#ffffff", 0.85)
    sheet.circle(900, 240, 118, "#f6e7b4")
    for x, y, r in ((860, 210, 22), (930, 280, 30), (945, 195, 14), (880, 300, 12)):
        sheet.circle(x, y, r, "#dcc98a")
    sheet.line([(150, 330), (330, 210), (470, 290), (560, 150), (700, 230)], "#9fb4ff", 3, 0.7)
    for x, y in ((150, 330), (330, 210), (470, 290), (560, 150), (700, 230)):
        sheet.circle(x, y, 9, "#ffffff")
    sheet.below(wave(640, 22, 900, 0.6), "#151238")
    sheet.below(wave(680, 14, 520, 2.0), "#0c0a24")
    return sheet


def sunrise() -> Sheet:
    sheet = Sheet("#ff9a5a", "#ffd79a")
    for index in range(18):
        angle, width = math.pi + math.pi * index / 17.5, math.pi / 70
        far = [
            (640 + 1100 * math.cos(angle + turn), 520 + 1100 * math.sin(angle + turn))
            for turn in (-width, width)
        ]
        sheet.shape([(640, 520), *far], "#fff3c4", 0.45)
    sheet.circle(640, 520, 190, "#fff3c4")
    sheet.circle(640, 520, 150, "#ffbf3f")
    sheet.below(wave(530, 20, 1280, 0.2), "#d9534f")
    sheet.below(wave(600, 24, 860, 1.9), "#a83a55")
    sheet.below(wave(665, 16, 640, 0.4), "#6e2750")
    return sheet


def forest() -> Sheet:
    sheet = Sheet("#dff0d8", "#a9d6b8", seed=4)
    sheet.circle(1010, 170, 80, "#fff7d6", 0.9)
    for base, high, fill, gap in (
        (520, 230, "#7fb99a", 92), (600, 300, "#4b8f73", 128), (720, 380, "#22594a", 186),
    ):  # fmt: skip
        sheet.box(0, base - 40, WIDTH, HEIGHT, fill)
        for x in range(-20, WIDTH + gap, gap):
            tall = high * sheet.random.uniform(0.75, 1.1)
            for level in range(3):
                top = base - tall + level * tall * 0.24
                half = tall * (0.16 + level * 0.075)
                sheet.shape(
                    [(x, top), (x - half, top + tall * 0.42), (x + half, top + tall * 0.42)], fill
                )
    return sheet


def dunes() -> Sheet:
    sheet = Sheet("#8ec5d6", "#f6e3c0")
    sheet.circle(260, 180, 70, "#fff8e1")
    for base, swing, length, phase, fill in (
        (420, 46, 1100, 0.3, "#e9b872"), (480, 60, 980, 2.2, "#d9974e"),
        (560, 54, 1300, 4.0, "#c07a37"), (640, 46, 1000, 0.9, "#8f5326"),
    ):  # fmt: skip
        sheet.below(wave(base, swing, length, phase), fill)
    for x, y, tall in ((905, 415, 120), (985, 425, 84)):
        sheet.line([(x, y), (x, y - tall)], "#3f7d58", 22)
        sheet.line(
            [(x, y - tall * 0.35), (x + 34, y - tall * 0.45), (x + 34, y - tall * 0.75)],
            "#3f7d58",
            13,
        )
        sheet.line(
            [(x, y - tall * 0.25), (x - 30, y - tall * 0.35), (x - 30, y - tall * 0.6)],
            "#3f7d58",
            13,
        )
    return sheet


def leaf() -> Sheet:
    sheet = Sheet("#f3f8e8", "#cfe6bd")
    for x, y, size, turn, fill, vein in (
        (300, 470, 300, -70, "#9ccc84", "#7fb566"), (980, 470, 300, -112, "#7fbf7b", "#66a763"),
        (640, 560, 470, -90, "#3f8f4f", "#2b6f3c"),
    ):  # fmt: skip
        _leaf(sheet, (x, y), size, turn, (fill, vein))
    return sheet


def _leaf(
    sheet: Sheet, at: tuple[float, float], size: float, turn: float, fills: tuple[str, str]
) -> None:
    angle = math.radians(turn)
    along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))

    def spot(share: float, side: float) -> tuple[float, float]:
        return (
            at[0] + size * (along[0] * share + across[0] * side),
            at[1] + size * (along[1] * share + across[1] * side),
        )

    shares = [step / 30 for step in range(31)]
    edge = [0.3 * math.sin(math.pi * share**0.8) for share in shares]
    right = [spot(share, side) for share, side in zip(shares, edge, strict=True)]
    left = [spot(share, -side) for share, side in zip(shares, edge, strict=True)]
    sheet.shape([*right, *reversed(left)], fills[0])
    sheet.line([spot(-0.2, 0), spot(0.94, 0)], fills[1], size * 0.022)
    for step in range(1, 6):
        share = step / 7
        for side in (1, -1):
            reach = 0.2 * math.sin(math.pi * (share + 0.1) ** 0.8)
            sheet.line([spot(share, 0), spot(share + 0.14, side * reach)], fills[1], size * 0.012)


def city() -> Sheet:
    sheet = Sheet("#22315c", "#f0a07a", seed=12)
    sheet.circle(1000, 330, 120, "#ffd9a0", 0.9)
    for base, fill, lit, low in ((360, "#4a4a7d", "", 150), (470, "#2b2f5b", "#ffd27d", 200)):
        x = -20.0
        while x < WIDTH:
            wide = sheet.random.choice((76, 92, 112, 130))
            tall = sheet.random.uniform(low * 0.5, low * 1.45)
            top = base + 100 - tall
            sheet.box(x, top, wide, HEIGHT, fill)
            if lit:
                _windows(sheet, x, top, wide, lit)
            x += wide + sheet.random.choice((2, 10))
    return sheet


def _windows(sheet: Sheet, x: float, top: float, wide: float, lit: str) -> None:
    for row in range(int(top) + 18, HEIGHT, 34):
        for column in range(int(x) + 12, int(x + wide) - 16, 24):
            if sheet.random.random() < 0.45:
                sheet.box(column, row, 11, 16, lit, r=2, alpha=0.9)
