"""What is taught of nature, numbers and machines."""

from __future__ import annotations

import math

from thumbnails.drawings.canvas import HEIGHT, WIDTH, Point, Sheet, around


def molecule() -> Sheet:
    sheet = Sheet("#123a4a", "#1f6f78")
    for x, y, r in ((120, 620, 190), (1190, 90, 210), (1080, 640, 120)):
        sheet.shape(around(x, y, r, 6, 30), "#ffffff", 0.05)
    first, second = around(530, 320, 130, 6, 30), around(755, 320, 130, 6, 30)
    for ring in (first, second):
        sheet.line([*ring, ring[0]], "#d7f3ee", 12)
    bonds = (
        (first[2], (300, 450)),
        (first[3], (310, 190)),
        (second[0], (985, 450)),
        (second[5], (980, 190)),
    )
    for start, end in bonds:
        sheet.line([start, end], "#d7f3ee", 12)
    for corner in (*first, *second):
        sheet.circle(*corner, 26, "#8fe0cf")
    for (x, y), fill in zip(
        [end for _, end in bonds], ("#ff8a5c", "#ffd166", "#ffd166", "#ff8a5c"), strict=True
    ):
        sheet.circle(x, y, 42, fill)
    return sheet


def atom() -> Sheet:
    sheet = Sheet("#2b1055", "#7a3cae")
    for r, alpha in ((320, 0.05), (240, 0.06), (160, 0.08)):
        sheet.circle(640, 330, r, "#ffffff", alpha)
    for turn, fill in ((0, "#ffd166"), (60, "#7de2d1"), (120, "#ff8fab")):
        sheet.ellipse((640, 330), (300, 105), turn, fill, 9)
    for turn, fill in ((25, "#ffd166"), (205, "#7de2d1"), (310, "#ff8fab")):
        x, y = 640 + 296 * math.cos(math.radians(turn)), 330 + 200 * math.sin(math.radians(turn))
        sheet.circle(x, y, 20, fill)
    for x, y, fill in (
        (622, 316, "#ff8a5c"),
        (660, 322, "#fff3c4"),
        (640, 350, "#ff8a5c"),
        (634, 334, "#fff3c4"),
    ):
        sheet.circle(x, y, 28, fill)
    return sheet


def helix() -> Sheet:
    sheet = Sheet("#06283d", "#1363a0")
    steps = [step / 120 for step in range(121)]

    def strand(phase: float) -> list[Point]:
        return [(60 + 1160 * s, 330 + 150 * math.sin(math.tau * 1.75 * s + phase)) for s in steps]

    one, two = strand(0.4), strand(0.4 + math.pi)
    colours = ("#ffb703", "#8ecae6", "#fb8500", "#95d5b2")
    for index in range(4, 120, 6):
        fill = colours[index // 6 % 4]
        middle = ((one[index][0] + two[index][0]) / 2, (one[index][1] + two[index][1]) / 2)
        sheet.line([one[index], middle], fill, 11)
        sheet.line([middle, two[index]], colours[(index // 6 + 2) % 4], 11)
    sheet.line(two, "#8fd3ff", 20)
    sheet.line(one, "#e9f7ff", 20)
    return sheet


def bars() -> Sheet:
    sheet = Sheet("#fdf6ec", "#f4e1cb")
    for y in range(120, 601, 120):
        sheet.line([(110, y), (1170, y)], "#d9c3a8", 3)
    values = (180, 250, 215, 330, 300, 400, 455)
    fills = ("#f4a261", "#f4a261", "#e76f51", "#f4a261", "#e76f51", "#2a9d8f", "#264653")
    for index, (value, fill) in enumerate(zip(values, fills, strict=True)):
        sheet.box(150 + index * 146, 600 - value, 96, value, fill, r=12)
        sheet.box(150 + index * 146, 588, 96, 12, fill)
    trend = [(198 + index * 146, 540 - value) for index, value in enumerate(values)]
    sheet.line(trend, "#264653", 8)
    for x, y in trend:
        sheet.circle(x, y, 15, "#264653")
        sheet.circle(x, y, 8, "#fdf6ec")
    sheet.line([(110, 600), (1170, 600)], "#264653", 6)
    return sheet


def curve() -> Sheet:
    sheet = Sheet("#101c3a", "#1d3b6e")
    for x in range(0, WIDTH + 1, 80):
        sheet.line([(x, 0), (x, HEIGHT)], "#ffffff", 2, 0.08)
    for y in range(0, HEIGHT + 1, 80):
        sheet.line([(0, y), (WIDTH, y)], "#ffffff", 2, 0.08)

    def bell(middle: float, width: float, high: float) -> list[Point]:
        return [
            (x, 560 - high * math.exp(-(((x - middle) / width) ** 2))) for x in range(0, 1281, 8)
        ]

    for middle, width, high, fill in (
        (430, 150, 300, "#4cc9f0"), (690, 210, 420, "#f72585"), (960, 130, 240, "#ffd166"),
    ):  # fmt: skip
        points = bell(middle, width, high)
        sheet.shape([*points, (1280, 560), (0, 560)], fill, 0.22)
        sheet.line(points, fill, 9)
    sheet.line([(0, 560), (1280, 560)], "#dfe8ff", 5)
    sheet.line([(160, 60), (160, 660)], "#dfe8ff", 5)
    return sheet


def network() -> Sheet:
    sheet = Sheet("#f1f5ff", "#cdd9f7", seed=21)
    spots = [
        (640, 320), (400, 190), (900, 180), (300, 420), (520, 500), (800, 490), (1030, 380),
        (180, 250), (1140, 210), (640, 110), (160, 560), (1120, 560),
    ]  # fmt: skip
    pairs = (
        (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 7), (1, 9), (2, 9), (2, 8), (3, 7),
        (3, 10), (4, 5), (6, 8), (6, 11), (5, 11), (4, 10), (1, 3), (2, 6),
    )  # fmt: skip
    for one, other in pairs:
        sheet.line([spots[one], spots[other]], "#8fa3d6", 6)
    fills = ("#3a4fb8", "#ef476f", "#06a77d", "#f5a623", "#3a86ff", "#8338ec")
    for index, (x, y) in enumerate(spots):
        r = 66 if index == 0 else 42 if index < 7 else 28
        sheet.circle(x, y, r + 9, "#ffffff")
        sheet.circle(x, y, r, fills[index % 6])
    return sheet


def circuit() -> Sheet:
    sheet = Sheet("#053b33", "#0a5a49")
    for index in range(7):
        y = 180 + index * 50
        far = 60 + (index * 97) % 260
        sheet.line([(520, y), (430, y), (380, y - 50), (far, y - 50)], "#58d6a5", 7)
        sheet.circle(far, y - 50, 15, "#ffd166")
        right = 1220 - (index * 131) % 260
        sheet.line([(760, y), (850, y), (900, y + 50), (right, y + 50)], "#58d6a5", 7)
        sheet.circle(right, y + 50, 15, "#ffd166")
    for index in range(4):
        x = 560 + index * 54
        sheet.line(
            [(x, 180), (x, 60), (x + (index - 1.5) * 50, 20), (x + (index - 1.5) * 50, -10)],
            "#58d6a5",
            7,
        )
        sheet.line(
            [(x, 500), (x, 620), (x + (index - 1.5) * 50, 670), (x + (index - 1.5) * 50, 730)],
            "#58d6a5",
            7,
        )
    sheet.box(500, 150, 280, 360, "#0b1f1b", r=18)
    sheet.box(530, 180, 220, 300, "#16352e", r=10)
    sheet.box(580, 270, 120, 120, "#58d6a5", r=10)
    sheet.circle(556, 206, 10, "#ffd166")
    return sheet


def code() -> Sheet:
    sheet = Sheet("#3c4a67", "#222b3f", seed=3)
    sheet.box(130, 80, 1020, 640, "#12161f", r=22)
    sheet.box(130, 80, 1020, 62, "#1d2331", r=22)
    sheet.box(130, 115, 1020, 30, "#1d2331")
    for middle, fill in ((172, "#ff5f57"), (212, "#febc2e"), (252, "#28c840")):
        sheet.circle(middle, 112, 12, fill)
    fills = ("#c792ea", "#82aaff", "#c3e88d", "#f78c6c", "#89ddff", "#ffcb6b")
    indents = (0, 1, 2, 2, 3, 2, 1, 0, 0, 1, 2)
    for row, indent in enumerate(indents):
        x, y = 240 + indent * 56, 176 + row * 47
        sheet.box(172, y, 30, 20, "#3a4358", r=8)
        for _ in range(sheet.random.choice((2, 3, 4))):
            wide = sheet.random.choice((60, 90, 130, 180))
            sheet.box(x, y, wide, 22, sheet.random.choice(fills), r=10)
            x += wide + 18
    return sheet
