"""Which refusals of an upload the page offers to try again, asked of its module under node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.web import node

pytestmark = node.needs_node

SCENE = """
const { STATUS, BODY } = process.env;
globalThis.window = { tus: { Upload: class {} } };
const { Transfer } = await import("./transfer.js");
const heard = [];
const listener = {
  failed: (sentence, { hopeless }) => heard.push(sentence, hopeless),
  lost: () => heard.push("lost"),
};
const transfer = new Transfer({}, { listener });
const originalResponse = { getStatus: () => Number(STATUS), getBody: () => BODY };
await transfer.failed({ originalResponse });
console.log(JSON.stringify(heard));
"""


def refused(folder: Path, status: int, code: str) -> list[object]:
    body = json.dumps({"detail": "No.", "code": code})
    heard: list[object] = node.run(
        folder, SCENE, beside=("transfer.js",), STATUS=str(status), BODY=body
    )
    return heard


@pytest.mark.parametrize(
    ("status", "code"), [(415, "not_media"), (413, "too_large"), (400, "empty_file")]
)
def test_file_that_is_never_taken_is_not_offered_again(
    tmp_path: Path, status: int, code: str
) -> None:
    assert refused(tmp_path, status, code) == ["No.", True]


@pytest.mark.parametrize(("status", "code"), [(400, "invalid"), (413, "quota_exceeded")])
def test_file_that_may_be_taken_later_is_offered_again(
    tmp_path: Path, status: int, code: str
) -> None:
    assert refused(tmp_path, status, code) == ["No.", False]


def test_site_that_is_unwell_is_a_lost_connection(tmp_path: Path) -> None:
    assert refused(tmp_path, 503, "busy") == ["lost"]
