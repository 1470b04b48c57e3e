"""The commands purge, audit and create_token: what they print and how they end."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from recordings.ledger.models import Account, Receipt
from recordings.models import ApiToken
from recordings.trash import erase
from tests.ledger.strays import put

pytestmark = pytest.mark.django_db(transaction=True)


def run(*args):
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue().strip()


def test_purge_says_what_went_and_seals_the_receipts(recording):
    erase([recording.pk], by="olga")

    assert run("purge") == "5 deleted, 0 failed, 4.9\xa0KB freed"
    assert not Receipt.objects.filter(sequence=None).exists()


def test_purge_as_json(recording):
    erase([recording.pk], by="olga")

    assert json.loads(run("purge", "--json")) == {"deleted": 5, "failed": 0, "bytes_freed": 5010}


def test_audit_of_clean_books_says_ok_line_by_line(recording):
    lines = run("audit").splitlines()

    assert lines[0] == "I1 accounts add up: ok"
    assert all(line.endswith(": ok") and line.count(" ") > 2 for line in lines)
    numbers = [int(re.match(r"I(\d+)", line)[1]) for line in lines]
    assert numbers == sorted(numbers)


def test_audit_says_how_many_files_are_too_young_to_judge(recording):
    put("user_3/audio/98_processed.mp3")

    shown = run("audit")

    assert "I2 everything in storage has its row: ok\n    1 file too young to judge\n" in shown


def test_audit_as_json_has_the_promised_shape(recording):
    report = json.loads(run("audit", "--json", "--hash"))

    assert report["ok"] is True
    assert {"id": "I1", "ok": True, "count": 0, "samples": []} in report["checks"]


def test_audit_fails_on_drift_and_repairs_it_when_asked(recording, owner):
    Account.objects.filter(owner_id=owner.pk).update(used=7000)
    out = StringIO()

    with pytest.raises(CommandError, match=r"1 of \d+ checks failed"):
        call_command("audit", "--json", stdout=out)
    sample = json.loads(out.getvalue())["checks"][0]["samples"][0]
    assert "used 7000 should be 5010" in sample

    run("audit", "--repair")
    assert "I1 accounts add up: ok" in run("audit")


def test_audit_without_its_media_folder_says_so(recording, settings):
    settings.MEDIA_ROOT.rename(settings.MEDIA_ROOT.with_name("elsewhere"))

    with pytest.raises(CommandError, match="is its disk mounted"):
        run("audit")


def test_created_token_opens_the_account(owner):
    key = run("create_token", "olga", "--name", "backup script")

    token = ApiToken.objects.get(digest=ApiToken.hash(key))
    assert (token.user, token.name) == (owner, "backup script")


def test_token_for_an_unknown_user_is_refused_in_words(db):
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        run("create_token", "nobody")


def test_token_for_a_closed_account_is_refused(make_user):
    make_user(is_active=False)

    with pytest.raises(CommandError, match="closed"):
        run("create_token", "olga")


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_token_needs_a_name_that_fits(owner, name):
    with pytest.raises(CommandError, match="1 to 100"):
        run("create_token", "olga", "--name", name)
