"""Which refusals of an upload the page offers to try again, asked of its module under node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.web import node

pytestmark = node.needs_node

SCENE = """
const { STATUS, BODY } = process.env;
const stored = new Set(["one"]);
const urlStorage = { removeUpload: async (key) => stored.delete(key) };
class Upload {
  async findPreviousUploads() { return [...stored].map((urlStorageKey) => ({ urlStorageKey })); }
}
globalThis.window = { tus: { Upload, defaultOptions: { urlStorage } } };
const { Transfer } = await import("./transfer.js");
const heard = [];
const listener = {
  failed: (sentence, { hopeless }) => heard.push(sentence, hopeless),
  lost: () => heard.push("lost"),
};
const transfer = new Transfer({}, { listener });
const originalResponse = { getStatus: () => Number(STATUS), getBody: () => BODY };
await transfer.failed({ originalResponse });
console.log(JSON.stringify({ heard, stored: [...stored] }));
"""


def refused(folder: Path, status: int, code: str) -> tuple[list[object], list[str]]:
    """What the page is told, and what the browser still remembers then."""
    body = json.dumps({"detail": "No.", "code": code})
    found: dict[str, list[object]] = node.run(
        folder, SCENE, beside=("transfer.js",), STATUS=str(status), BODY=body
    )
    return found["heard"], [str(one) for one in found["stored"]]


@pytest.mark.parametrize(
    ("status", "code"), [(415, "not_media"), (413, "too_large"), (400, "empty_file")]
)
def test_file_that_is_never_taken_is_not_offered_again_nor_remembered(
    tmp_path: Path, status: int, code: str
) -> None:
    assert refused(tmp_path, status, code) == (["No.", True], [])


@pytest.mark.parametrize(("status", "code"), [(400, "invalid"), (413, "quota_exceeded")])
def test_file_that_may_be_taken_later_is_offered_again(
    tmp_path: Path, status: int, code: str
) -> None:
    assert refused(tmp_path, status, code) == (["No.", False], ["one"])


def test_upload_that_the_site_let_go_is_not_remembered(tmp_path: Path) -> None:
    assert refused(tmp_path, 410, "expired") == (["No.", False], [])


def test_site_that_is_unwell_is_a_lost_connection(tmp_path: Path) -> None:
    assert refused(tmp_path, 503, "busy") == (["lost"], ["one"])
