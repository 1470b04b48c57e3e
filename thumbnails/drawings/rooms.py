"""Boards, books, halls and the people in them."""

from __future__ import annotations

import math

from thumbnails.drawings.canvas import HEIGHT, WIDTH, Sheet, around


def blue_board() -> Sheet:
    sheet = Sheet("#1f4e8c", "#163a6b")
    for x in range(0, WIDTH + 1, 40):
        sheet.line([(x, 0), (x, HEIGHT)], "#ffffff", 1.5, 0.16 if x % 200 == 0 else 0.07)
    for y in range(0, HEIGHT + 1, 40):
        sheet.line([(0, y), (WIDTH, y)], "#ffffff", 1.5, 0.16 if y % 200 == 0 else 0.07)
    sheet.ring(640, 330, 220, "#ffffff", 6)
    corners = around(640, 330, 220, 3, -90)
    sheet.line([*corners, corners[0]], "#ffd166", 8)
    for corner in corners:
        sheet.circle(*corner, 14, "#ffffff")
    sheet.line([(640, 110), (640, 440)], "#9cc4f2", 5)
    sheet.line([(640, 330), corners[1]], "#9cc4f2", 5)
    sheet.circle(640, 330, 10, "#ffffff")
    return sheet


def blackboard() -> Sheet:
    sheet = Sheet("#a56a3a", "#7d4a24")
    sheet.box(36, 36, WIDTH - 72, HEIGHT - 72, "#23493b", r=10)
    sheet.box(36, 36, WIDTH - 72, 16, "#1a382d", r=8)
    chalk = "#eef3e6"
    sheet.line([(150, 480), (660, 480)], chalk, 7)
    sheet.line([(190, 520), (190, 130)], chalk, 7)
    sheet.shape([(660, 480), (636, 468), (636, 492)], chalk)
    sheet.shape([(190, 124), (178, 150), (202, 150)], chalk)
    points = [(190 + t * 4.3, 470 - 0.031 * (t - 12) ** 2 * 1.05) for t in range(0, 104, 2)]
    sheet.line(points, "#ffd166", 8)
    sheet.ring(950, 270, 120, chalk, 7)
    sheet.line([(950, 270), (1054, 210)], "#ff9f80", 7)
    sheet.circle(950, 270, 10, chalk)
    for y, wide in ((450, 250), (500, 180)):
        sheet.line([(840, y), (840 + wide, y)], chalk, 9)
    sheet.box(500, 660, 280, 20, "#5e3718", r=6)
    sheet.box(540, 648, 70, 14, "#ffffff", r=7)
    sheet.box(640, 648, 50, 14, "#ffd166", r=7)
    return sheet


def books() -> Sheet:
    sheet = Sheet("#f6ead7", "#e7d2b2", seed=5)
    fills = ("#b23a48", "#2a6f97", "#e09f3e", "#335c67", "#7a306c", "#588157", "#bc6c25")
    for base in (330, 660):
        x, index = 90.0, base
        while x < 1140:
            wide = sheet.random.choice((44, 56, 70, 84))
            tall = sheet.random.uniform(190, 265)
            fill = fills[index % 7]
            if x + wide > 1180:
                break
            sheet.box(x, base - tall, wide, tall, fill, r=5)
            sheet.box(x, base - tall + 26, wide, 9, "#fff4dc", alpha=0.85)
            sheet.box(x, base - 46, wide, 9, "#fff4dc", alpha=0.85)
            x += wide + 5
            index += sheet.random.choice((1, 2, 3))
        sheet.box(50, base, 1180, 26, "#7f4f24", r=6)
    return sheet


def columns() -> Sheet:
    sheet = Sheet("#cfe0ee", "#f7ead9")
    stone, shade, dark = "#f3ead8", "#d8c6a4", "#b49b70"
    sheet.shape([(640, 60), (190, 210), (1090, 210)], stone)
    sheet.shape([(640, 100), (320, 196), (960, 196)], shade)
    sheet.circle(640, 158, 26, stone)
    sheet.box(190, 206, 900, 44, shade)
    sheet.box(190, 244, 900, 10, dark)
    for index in range(6):
        x = 228 + index * 156
        sheet.box(x - 14, 256, 72, 18, stone, r=6)
        sheet.box(x, 272, 44, 270, stone)
        for flute in (8, 20, 32):
            sheet.box(x + flute, 276, 5, 262, shade)
        sheet.box(x - 14, 540, 72, 18, shade, r=4)
    for index, fill in enumerate((stone, shade, dark, "#8c7750")):
        sheet.box(190 - index * 46, 558 + index * 42, 900 + index * 92, 44, fill)
    return sheet


def sound() -> Sheet:
    sheet = Sheet("#ff5d8f", "#7b2ff7")
    for index in range(41):
        x = 80 + index * 28
        share = (index - 20) / 20
        tall = 60 + 330 * math.exp(-3 * share**2) * abs(math.sin(index * 1.7) * 0.65 + 0.45)
        sheet.box(x - 8, 330 - tall / 2, 16, tall, "#ffffff", r=8, alpha=0.92)
    sheet.circle(640, 330, 128, "#2d1160", 0.94)
    sheet.box(600, 236, 80, 126, "#ffffff", r=40)
    arc = [
        (640 + 66 * math.cos(t / 20 * math.pi), 340 + 62 * math.sin(t / 20 * math.pi))
        for t in range(21)
    ]
    sheet.line(arc, "#ffffff", 11)
    sheet.line([(640, 402), (640, 428)], "#ffffff", 11)
    return sheet


def meeting() -> Sheet:
    sheet = Sheet("#e6f4f1", "#b9ded6")
    people = (
        (250, 330, "#ef476f", "#8d5524"), (430, 250, "#118ab2", "#f1c27d"),
        (640, 220, "#ffd166", "#c68642"), (850, 250, "#06a77d", "#ffdbac"),
        (1030, 330, "#8338ec", "#8d5524"),
    )  # fmt: skip
    for x, y, shirt, skin in people:
        sheet.box(x - 84, y + 62, 168, 260, shirt, r=80)
        sheet.circle(x, y, 62, skin)
        sheet.cap(x, y - 4, 66, "#3a2a23")
    table = [
        (640 + 590 * math.cos(t / 45 * math.pi), 560 + 150 * math.sin(t / 45 * math.pi))
        for t in range(91)
    ]
    sheet.shape([(x, y + 26) for x, y in table], "#5b3a29")
    sheet.shape(table, "#9c6644")
    for x, y in ((380, 520), (640, 486), (900, 520)):
        sheet.shape([(x - 66, y), (x + 66, y), (x + 84, y + 52), (x - 84, y + 52)], "#fffaf3")
        sheet.line([(x - 44, y + 18), (x + 36, y + 18)], "#c9bfae", 6)
        sheet.line([(x - 52, y + 34), (x + 18, y + 34)], "#c9bfae", 6)
    return sheet
