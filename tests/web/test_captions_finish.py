"""What the caption editor offers under *Finish* once its session has ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web import node

pytestmark = node.needs_node

SCENE = """
const element = (more = {}) => ({
  hidden: false, addEventListener() {}, focus() {}, querySelector: () => element(), ...more,
});
const parts = {};
const root = {
  querySelector: (asked) => (parts[asked] ??= element()),
  querySelectorAll: () => [root.querySelector("[data-render-form]"), parts.publish],
};
parts.publish = element();
const words = { dataset: {}, content: { querySelector: () => null } };
globalThis.document = {
  documentElement: { lang: "en" },
  cookie: "",
  querySelector: (asked) => (asked.startsWith("template") ? words : element()),
};
globalThis.fetch = async () => ({ ok: true, status: 200, headers: new Headers(), json: async () =>
  ({ files: [{ id: 1, kind: "final", url: "/media/final.mp4" }] }) });
const { Render } = await import("./render.js");
const session = { end: () => render.over() };
const render = new Render({ root, session, words: { recordingApi: "/", job: "/0" }, lock() {} });
render.follow({ id: 1, state: process.env.STATE, progress: 100, error: "" });
await new Promise((resolve) => setTimeout(resolve, 20));
const hidden = (name) => Boolean(root.querySelector(name).hidden);
console.log(JSON.stringify([
  hidden("publish"), hidden("[data-render-form]"), hidden("[data-render-done]"),
]));
"""


def finish(folder: Path, state: str) -> Any:
    return node.run(folder, SCENE, STATE=state)


def test_nothing_but_the_video_is_offered_after_it_was_made(tmp_path: Path) -> None:
    assert finish(tmp_path, "succeeded") == [True, True, False]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_captions_can_be_used_after_a_video_that_was_not_made(tmp_path: Path, state: str) -> None:
    assert finish(tmp_path, state)[:2] == [False, False]
