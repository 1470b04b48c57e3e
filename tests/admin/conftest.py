"""A signed-in administrator and what the admin answered him."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse


@pytest.fixture
def desk(client, administrator):
    client.force_login(administrator)
    return client


@pytest.fixture
def act(desk):
    """Choose an action on a list; returns the page that follows."""

    def act(model, action, rows, **values):
        data = {"action": action, "_selected_action": [row.pk for row in rows], **values}
        return desk.post(reverse(f"admin:{model}_changelist"), data, follow=True)

    return act


def said(response):
    """The sentences on the page that was answered."""
    return " ".join(str(message) for message in response.context["messages"])


def hidden(answer):
    """What a page that asks sends along unseen, but for the rows that were ticked."""
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode())
    wanted = ("confirmed", "only_free", "seen", "select_across")
    return {name: value for name, value in found if name in wanted}
