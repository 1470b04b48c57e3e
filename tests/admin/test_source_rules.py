"""Source rules in the admin: spans in words, refused in sentences, told before and after saving."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from recordings.models import SourceRule
from tests.admin.conftest import said

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(db):
    SourceRule.objects.all().delete()
    return SourceRule.objects.create(
        event=SourceRule.Event.FAILED, action="delay", delay=timedelta(days=7)
    )


@pytest.fixture
def save(desk, rule):
    """Send the form of the rule; returns the page that follows."""
    address = reverse("admin:recordings_sourcerule_change", args=[rule.pk])

    def save(**values):
        form = {"action": "delay", "delay": "7 days", "cut_delay": "0", "enabled": "on", **values}
        return desk.post(address, form, follow=True)

    return save


def errors(page):
    return page.context["adminform"].form.errors


def test_delay_is_shown_and_taken_in_words(desk, rule, save):
    address = reverse("admin:recordings_sourcerule_change", args=[rule.pk])
    assert 'value="7 days"' in desk.get(address).content.decode()

    save(delay="2 weeks")

    rule.refresh_from_db()
    assert rule.delay == timedelta(days=14)


@pytest.mark.parametrize(
    ("delay", "sentence"),
    [
        ("14", "Name the unit: 14 days, 14 hours, 14 minutes or 14 seconds."),
        ("-5 days", "Give a span such as 7 days or 24 hours."),
        ("soon", "Give a span such as 7 days or 24 hours."),
        ("7 00:00:00", "Give a span such as 7 days or 24 hours."),
        ("3 moons", "“moons” is no unit: use days, hours, minutes or seconds."),
        ("200 years", "That is longer than 100 years: give a shorter span, or keep the original."),
        ("0", "Say how long it stays, such as 7 days, or let the original go at once."),
        ("", "Say how long it stays, such as 7 days, or let the original go at once."),
    ],
)
def test_delay_that_could_be_a_mistake_is_refused_in_a_sentence(save, rule, delay, sentence):
    page = save(delay=delay)

    assert errors(page) == {"delay": [sentence]}
    rule.refresh_from_db()
    assert rule.delay == timedelta(days=7)


@pytest.mark.parametrize(
    ("cut", "sentence"),
    [
        ({"cut_percent": "-5"}, "Give a share from 0 to 100 percent."),
        ({"cut_percent": "101"}, "Give a share from 0 to 100 percent."),
        ({"cut_seconds": "-1"}, "Give seconds from 0 to 360000."),
    ],
)
def test_cut_that_cannot_be_is_refused_at_its_field(save, rule, cut, sentence):
    page = save(**cut)

    assert errors(page) == {name: [sentence] for name in cut}
    rule.refresh_from_db()
    assert (rule.cut_seconds, rule.cut_percent) == (None, None)


def test_delay_that_was_refused_is_not_also_called_missing(save, rule):
    SourceRule.objects.update(action="delete", delay=timedelta(0))

    page = save(delay="14")

    assert len(errors(page)["delay"]) == 1


def test_rule_that_removes_nothing_later_needs_no_delay(save, rule):
    save(action="delete", delay="")

    rule.refresh_from_db()
    assert (rule.action, rule.delay) == ("delete", timedelta(0))


def test_rule_says_what_it_does_before_and_after_saving(desk, rule, save):
    address = reverse("admin:recordings_sourcerule_change", args=[rule.pk])
    before = "When processing fails, the original file is removed 7 days later."
    assert before in desk.get(address).content.decode()

    assert (
        "From now on: When processing fails, the original file is removed 2 days later. "
        "Originals that have their date already keep it." in said(save(delay="2 days"))
    )
    assert "From now on: Processing failed: the original file stays." in said(save(action="keep"))


def test_new_rule_is_made_and_told(desk, rule):
    form = {"event": "processing_cancelled", "action": "delete", "cut_delay": "0", "enabled": "on"}

    page = desk.post(reverse("admin:recordings_sourcerule_add"), form, follow=True)

    assert "When it is cancelled, the original file is removed at once." in said(page)
