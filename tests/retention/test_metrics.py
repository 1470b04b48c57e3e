"""Metrics: names that alert rules rely on, and who may read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retention import metrics
from retention.models import Figure
from tests.api.conftest import admin_api, api  # noqa: F401  (fixtures)
from tests.retention.conftest import make_old, run

pytestmark = pytest.mark.django_db

SAMPLE = re.compile(r'^(mediasite_[a-z_]+)(?:\{((?:[a-z]+="[^"\n]*",?)+)\})? (-?[0-9.e+]+)$')
NAMES = {
    "mediasite_storage_bytes", "mediasite_scratch_bytes", "mediasite_log_bytes",
    "mediasite_orphan_bytes", "mediasite_quota_used_bytes", "mediasite_run_duration_seconds",
    "mediasite_run_items_total", "mediasite_freed_bytes_total", "mediasite_pending_purge_bytes",
    "mediasite_pending_purge_oldest_seconds", "mediasite_policy_last_success_timestamp",
}  # fmt: skip


def read(page: str) -> dict[tuple[str, str], float]:
    """Read the text format; every line is a comment or a sample."""
    found = {}
    for line in page.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match, line
            found[match[1], match[2] or ""] = float(match[3])
    return found


def test_every_promised_metric_is_there_with_help_and_type(
    admin_api,  # noqa: F811
    make_policy,
    recording,
):
    run(make_policy("recordings", action="delete", max_age_seconds=0))

    answer = admin_api.get("/metrics")

    page = answer.content.decode()
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {name for name, _labels in read(page)} >= NAMES
    for name in NAMES:
        assert f"# HELP {name} " in page
        kind = "counter" if name.endswith("_total") else "gauge"
        assert f"# TYPE {name} {kind}\n" in page


def test_every_metric_is_in_the_manual(db):
    manual = Path("docs/operations.md").read_text()

    assert [one.name for one in metrics.metrics() if f"`{one.name}" not in manual] == []


def test_figures_are_those_of_the_site(make_recording, make_policy):
    kept, going = make_recording(files=2), make_recording(files=1)
    make_old(going)
    policy = make_policy("recordings", action="delete", slug="old")
    for _ in range(2):
        run(policy)

    found = read(metrics.page())

    assert kept.files.count() == 2
    assert found["mediasite_storage_bytes", 'kind="original"'] == 1000
    assert found["mediasite_storage_bytes", 'kind="trimmed"'] == 1001
    assert found["mediasite_quota_used_bytes", ""] == 2001
    assert found["mediasite_pending_purge_bytes", ""] == 1000
    assert found["mediasite_run_items_total", 'policy="old",outcome="deleted"'] == 1
    assert found["mediasite_freed_bytes_total", 'policy="old"'] == 1000
    assert found["mediasite_run_duration_seconds", 'policy="old"'] >= 0
    assert found["mediasite_policy_last_success_timestamp", 'policy="old"'] > 1.7e9
    assert found["mediasite_health_status", 'check="beat"'] == 1


def test_totals_outlive_the_runs_they_came_from(make_policy, recording):
    make_old(recording)
    done = run(make_policy("recordings", slug="old"))

    done.delete()

    assert read(metrics.page())["mediasite_run_items_total", 'policy="old",outcome="deleted"'] == 1


def test_preview_and_run_that_waits_count_for_nothing(make_policy, recording):
    make_old(recording)
    policy = make_policy("recordings", limit_items=0)

    assert run(policy).state == "waiting"

    assert not Figure.objects.filter(name="run_items").exists()


def test_big_site_keeps_its_figures_between_two_counts(monkeypatch, make_recording):
    monkeypatch.setattr(metrics, "COUNTED", 2)
    make_recording()
    assert [metrics.measure_when_due(), metrics.measure_when_due()] == [True, False]
    make_recording()

    assert metrics.stored_files() == 5
    assert read(metrics.page())["mediasite_storage_bytes", 'kind="original"'] == 1000


def test_label_values_are_escaped():
    odd = metrics.Metric("name", "gauge", "Help.", [({"policy": 'a"b\\c\nd'}, 0.5)])

    assert list(metrics.lines(odd))[-1] == 'name{policy="a\\"b\\\\c\\nd"} 0.5\n'


def test_only_administrators_and_the_token_may_read(api, admin_api, client, settings):  # noqa: F811
    settings.METRICS_TOKEN = "scrape-me"

    def asked(header=None):
        headers = {"Authorization": header} if header else {}
        return client.get("/metrics", headers=headers).status_code

    assert api.get("/metrics").status_code == 403
    assert admin_api.get("/metrics").status_code == 200
    assert (asked(), asked("Bearer wrong"), asked("Bearer ")) == (401, 401, 401)
    assert asked("Bearer scrape-me") == 200
    settings.METRICS_TOKEN = ""
    assert (asked("Bearer "), asked("Bearer scrape-me")) == (401, 401)
