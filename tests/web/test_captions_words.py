"""How the caption editor writes numbers and times: as the other pages do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from tests.web import node
from tests.web.conftest import text

SCENE = """
const zone = process.env.ZONE;
const written = { dataset: { timeZone: zone } };
globalThis.document = {
  documentElement: { lang: "en" },
  querySelector: (asked) => (asked === "template[data-words]" ? written : null),
};
const { moment } = await import("./words.js");
console.log(JSON.stringify(moment("2040-09-04T21:05:00Z")));
"""


@node.needs_node
@pytest.mark.parametrize(
    ("zone", "told"),
    [("UTC", "Sep 4, 2040, 21:05"), ("Asia/Dhaka", "Sep 5, 2040, 03:05")],
)
def test_moments_are_those_of_the_site_with_24_hours(tmp_path: Path, zone: str, told: str) -> None:
    assert node.run(tmp_path, SCENE, ZONE=zone, TZ="America/New_York") == told


def test_pages_write_moments_as_the_editor_does() -> None:
    moment = datetime(2040, 9, 4, 21, 5, tzinfo=UTC)

    assert date_format(moment, "DATETIME_FORMAT") == "Sep 4, 2040, 21:05"
    assert date_format(moment, "DATE_FORMAT") == "Sep 4, 2040"


def test_editor_knows_the_zone_that_its_foot_names(
    browser: Client, make_spoken: Any, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Dhaka"
    address = f"/recordings/{make_spoken('Hello').pk}/captions"

    page = text(browser.post(address, follow=True))

    assert 'data-time-zone="Asia/Dhaka"' in page
    assert "Times are Asia/Dhaka." in page
