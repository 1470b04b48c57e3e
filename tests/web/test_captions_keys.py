"""The keys of the caption editor, whatever letters are printed on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web import node

pytestmark = node.needs_node

SCENE = """
import { chosen } from "./keys.js";
const names = ["undo", "redo", "merge", "save", "toggle", "start-here", "end-here", "split-cursor",
  "insert-after", "remove", "former", "next", "leave"];
const acts = Object.fromEntries(names.map((name) => [name, name]));
const { where, ...pressed } = JSON.parse(process.env.PRESSED);
// The selectors that this place answers to.
const matches = {
  text: ["textarea"], field: ["input:not("], search: ["[data-search]", "input:not("],
  select: ["select"], button: ["button"], page: [],
}[where];
const target = { closest: (asked) => matches.some((one) => asked.includes(one)) };
const none = { shiftKey: false, altKey: false, ctrlKey: false, metaKey: false };
const event = { ...none, target, ...pressed };
const of = () => (where === "text" ? 7 : null);
console.log(JSON.stringify(chosen(event, { acts, of, search: "search" }) ?? null));
"""


def chosen(tmp_path: Path, where: str = "text", **pressed: Any) -> Any:
    return node.run(tmp_path, SCENE, PRESSED=json.dumps({"where": where, **pressed}))


@pytest.mark.parametrize(
    ("layout", "key", "code", "act"),
    [
        ("English", "z", "KeyZ", "undo"),
        ("German", "z", "KeyY", "undo"),
        ("German", "y", "KeyZ", "redo"),
        ("French", "z", "KeyW", "undo"),
        ("Russian", "я", "KeyZ", "undo"),
        ("Russian", "н", "KeyY", "redo"),
        ("Bengali", "য", "KeyZ", "undo"),
        ("English", "[", "BracketLeft", "start-here"),
        ("Brazilian", "[", "BracketRight", "start-here"),
        ("Brazilian", "]", "Backslash", "end-here"),
        ("Russian", "ъ", "BracketRight", "end-here"),
        ("English", "j", "KeyJ", "merge"),
        ("Russian", "о", "KeyJ", "merge"),
        ("English", "Enter", "Enter", "split-cursor"),
        ("English", " ", "Space", "toggle"),
    ],
)
def test_key_does_what_it_shows_on_any_keyboard(
    tmp_path: Path, layout: str, key: str, code: str, act: str
) -> None:
    assert chosen(tmp_path, key=key, code=code, ctrlKey=True) == act


@pytest.mark.parametrize(
    ("where", "pressed", "act"),
    [
        ("text", {"key": " ", "code": "Space"}, None),
        ("page", {"key": " ", "code": "Space"}, "toggle"),
        ("button", {"key": " ", "code": "Space"}, None),
        ("field", {"key": "z", "code": "KeyZ", "ctrlKey": True}, None),
        ("page", {"key": "Z", "code": "KeyZ", "ctrlKey": True, "shiftKey": True}, "redo"),
        ("page", {"key": "z", "code": "KeyZ", "metaKey": True}, "undo"),
        ("page", {"key": "f", "code": "KeyF", "ctrlKey": True}, "search"),
        ("search", {"key": "f", "code": "KeyF", "ctrlKey": True}, None),
        ("page", {"key": "Enter", "code": "Enter", "ctrlKey": True}, None),
        ("text", {"key": "ArrowDown", "code": "ArrowDown", "altKey": True}, "next"),
        ("select", {"key": "ArrowDown", "code": "ArrowDown", "altKey": True}, None),
        ("text", {"key": "Escape", "code": "Escape"}, "leave"),
        ("text", {"key": "a", "code": "KeyA", "ctrlKey": True}, None),
        # AltGr, with which letters and brackets are written
        ("text", {"key": "[", "code": "Digit8", "ctrlKey": True, "altKey": True}, None),
    ],
)
def test_keys_leave_to_a_field_what_is_its_own(
    tmp_path: Path, where: str, pressed: Any, act: str | None
) -> None:
    assert chosen(tmp_path, where, **pressed) == act
