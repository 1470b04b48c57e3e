"""Notices: written with what they are about, sent once, tried again only when nobody has them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import transaction
from django.db.models import F

from recordings.ledger import leases
from retention import health, notify
from retention.models import Notice
from tests.retention.conftest import ago

pytestmark = pytest.mark.django_db

HERE = "tests.retention.test_notify"


class Refusing(EmailBackend):
    def send_messages(self, messages):
        raise SMTPRecipientsRefused({"mara@example.org": (550, b"who?")})


class Closed(EmailBackend):
    def open(self):
        raise ConnectionRefusedError("nobody listens")


class Breaking(EmailBackend):
    def send_messages(self, messages):
        super().send_messages(messages)
        raise TimeoutError("the line went dead")


@pytest.fixture
def hook(settings) -> Iterator[list]:
    """A server that takes webhook calls; the first answer is its `status`."""
    calls: list = []

    class Handler(BaseHTTPRequestHandler):
        statuses = [503, 204]

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            calls.append(json.loads(self.rfile.read(length)))
            self.send_response(self.statuses[min(len(calls), 2) - 1])
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hook"
    yield calls
    server.shutdown()
    thread.join()
    server.server_close()


def write(key="digest 1"):
    return notify.mail(key=key, to="mara@example.org", subject="Two\nleave", body="Soon.")


def wait_is_over():
    Notice.objects.update(not_before=ago(seconds=1))


def test_notice_is_sent_once_however_often_it_is_written():
    assert [write(), write()] == [True, False]

    assert [notify.send_due(), notify.send_due()] == [1, 0]

    (sent,) = mail.outbox
    assert (sent.to, sent.subject, sent.body) == (["mara@example.org"], "Two leave", "Soon.")
    assert write() is False


def test_notice_of_what_was_rolled_back_is_not_sent():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        write()
        raise ZeroDivisionError

    assert notify.send_due() == 0


@pytest.mark.parametrize("backend", ["Refusing", "Closed"])
def test_mail_that_nobody_took_is_tried_again_later_and_then_given_up(settings, backend):
    write()
    right, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{HERE}.{backend}"

    assert notify.send_due() == 0
    notice = Notice.objects.get()
    assert (notice.attempts, notice.claimed_at, notice.sent_at) == (1, None, None)
    assert notice.last_error
    settings.EMAIL_BACKEND = right
    assert notify.send_due() == 0, "it waits first"
    wait_is_over()
    assert notify.send_due() == 1

    write("digest 2")
    settings.EMAIL_BACKEND = f"{HERE}.{backend}"
    for _ in range(7):
        wait_is_over()
        notify.send_due()
    assert Notice.objects.get(key="digest 2").attempts == Notice.ATTEMPTS
    assert Notice.objects.lost().get().key == "digest 2"
    assert health.health().status != "ok"


def test_mail_that_may_have_arrived_is_not_repeated(settings):
    write()
    settings.EMAIL_BACKEND = f"{HERE}.Breaking"

    for _ in range(3):
        wait_is_over()
        notify.send_due()

    assert len(mail.outbox) == 1
    assert not Notice.objects.lost().exists(), "its sender may still be at it"
    Notice.objects.update(claimed_at=F("claimed_at") - timedelta(hours=1))
    assert Notice.objects.lost().get().last_error == "the line went dead"


def test_claimed_notice_is_left_to_who_claimed_it():
    write()
    Notice.objects.update(claimed_at=ago(days=1))

    assert notify.send_due() == 0


def test_webhook_is_called_until_it_answers_well(hook):
    notify.webhook(key="run 7", payload={"event": "run", "deleted": 3})

    assert notify.send_due() == 0
    assert Notice.objects.get().last_error == "The webhook answered 503."
    wait_is_over()
    assert notify.send_due() == 1

    assert hook == [{"id": "run 7", "event": "run", "deleted": 3}] * 2


def test_webhook_that_is_down_does_not_stop_the_mails(settings):
    settings.WEBHOOK_URL = "http://127.0.0.1:9/hook"
    notify.webhook(key="run 7", payload={})
    write()

    assert notify.send_due() == 1

    assert "cannot be reached" in Notice.objects.get(key="run 7").last_error


def test_server_that_is_down_is_not_asked_for_every_notice(settings):
    for number in range(5):
        write(f"digest {number}")
    settings.EMAIL_BACKEND = f"{HERE}.Closed"

    assert notify.send_due() == 0

    assert Notice.objects.filter(attempts=1).count() == notify.FAILURES


def test_one_process_sends_at_a_time():
    write()
    token = leases.take("notices", timedelta(minutes=1))

    assert notify.send_due() == 0
    leases.give("notices", token)

    assert notify.send_due() == 1


def test_site_without_a_webhook_writes_nothing(settings):
    settings.WEBHOOK_URL = ""

    assert notify.webhook(key="run 7", payload={}) is False
    assert not Notice.objects.exists()


def test_notices_of_long_ago_are_forgotten():
    write()
    Notice.objects.update(created_at=ago(days=401))
    write("digest 2")

    assert notify.forget() == 1
    assert Notice.objects.get().key == "digest 2"
