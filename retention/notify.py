"""retention/notify.py: mails and webhook calls, written down first and sent by a worker.

Whoever has something to say inserts a row in the transaction of what it is about; the tick has it
sent within seconds. A row is claimed by one conditional UPDATE before anything leaves. A mail is
tried again only when it is known that nobody took it: no connection, or a refusal in words. So it
arrives at most once; one whose sender died in between, or whose connection broke half-way, stays
claimed with what is known of it and is not repeated. A webhook call carries its key as `id`, so one
whose answer got lost is repeated, and the other side can tell.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from http.client import HTTPException
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any, ClassVar, Final, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage, get_connection
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from recordings.ledger import leases
from recordings.ledger.permissions import ADMINISTER

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 500  # at one turn; the next tick goes on
FAILURES: Final = 3
TURN: Final = "notices"  # the name of the lease
FIRST_WAIT: Final = timedelta(minutes=1)  # four times as long with every failure
WEBHOOK_TIMEOUT: Final = 5  # seconds
OPEN_FOR: Final = timedelta(minutes=10)  # longer than any sending
KEPT: Final = timedelta(days=400)  # then the key may be used again

PRINTED: Final = "django.core.mail.backends.console.EmailBackend"


def mails_go_out() -> bool:
    """Whether mails leave the site: without EMAIL_URL they are printed to its log."""
    return bool(settings.EMAIL_BACKEND != PRINTED)


class NotTaken(Exception):
    """Nobody has the notice, so it can be sent again."""


class NoticeQuerySet(models.QuerySet["Notice"]):
    def due(self) -> Self:
        return self.filter(
            sent_at=None, claimed_at=None, not_before__lte=Now(), attempts__lt=Notice.ATTEMPTS
        )

    def lost(self) -> Self:
        """Notices that were given up, or of which nobody knows whether they arrived."""
        given_up = Q(attempts__gte=Notice.ATTEMPTS, claimed_at=None)
        return self.filter(given_up | Q(claimed_at__lt=Now() - OPEN_FOR), sent_at=None)


class Notice(models.Model):
    """One mail or webhook call: waits, is claimed, then sent, tried again later, or given up."""

    class Kind(models.TextChoices):
        MAIL = "mail", "mail"
        WEBHOOK = "webhook", "webhook"

    ATTEMPTS: ClassVar[int] = 5

    key = models.CharField(max_length=200, unique=True)  # what makes it the same notice
    kind = models.CharField(max_length=8, choices=Kind)
    to = models.CharField(max_length=254, blank=True)  # an address; the webhook's is a setting
    subject = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Read by send_due() on every tick; what was sent, the many, is not in it.
            models.Index(
                fields=["id"], condition=Q(sent_at=None, claimed_at=None), name="notice_due"
            ),
            # Read by forget().
            models.Index(fields=["created_at"], name="notice_created"),
        ]

    def __str__(self) -> str:
        return self.key


def mail(*, key: str, to: str, subject: str, body: str) -> bool:
    """Have a mail sent once; False when a notice of this key was written before."""
    first_line = " ".join(subject.split())[:200]
    return _write(Notice(key=key, kind=Notice.Kind.MAIL, to=to, subject=first_line, body=body))


def webhook(*, key: str, payload: Mapping[str, Any]) -> bool:
    """Have the site's webhook called once; False without one, or when it was written before."""
    if not settings.WEBHOOK_URL:
        return False
    body = json.dumps({"id": key, **payload}, cls=DjangoJSONEncoder)
    return _write(Notice(key=key, kind=Notice.Kind.WEBHOOK, body=body))


def _write(notice: Notice) -> bool:
    if Notice.objects.filter(key=notice.key).exists():
        return False
    try:
        with transaction.atomic():
            notice.save(force_insert=True)
    except IntegrityError:
        return False  # another process wrote it just now
    return True


def send_due() -> int:
    """Send what is due, longest waiting first; return how many went.

    One process at a time and no longer than FAILURES in a row: a server that hangs keeps one
    thread of one worker busy, and the rest of the upkeep goes on.
    """
    if not Notice.objects.due().exists() or (token := leases.take(TURN, OPEN_FOR)) is None:
        return 0
    went = failures = 0
    try:
        due = Notice.objects.due().order_by("pk").values_list("pk", flat=True)
        for pk in list(due[:BATCH_SIZE]):
            sent = send(pk)
            went, failures = went + sent, 0 if sent else failures + 1
            if failures == FAILURES:
                break
    finally:
        leases.give(TURN, token)
    return went


def send(pk: int) -> bool:
    """Send one notice if it is ours to send; False when it was not, or did not go."""
    if not Notice.objects.due().filter(pk=pk).update(claimed_at=Now(), attempts=F("attempts") + 1):
        return False
    notice = Notice.objects.get(pk=pk)
    try:
        _deliver(notice)
    except NotTaken as error:
        _put_back(notice, error)
        return False
    except Exception as error:
        logger.exception("whether notice %s arrived is not known", notice)
        Notice.objects.filter(pk=pk).update(last_error=str(error) or type(error).__name__)
        return False
    Notice.objects.filter(pk=pk).update(sent_at=Now(), last_error="")
    return True


def _put_back(notice: Notice, error: NotTaken) -> None:
    wait = FIRST_WAIT * 4 ** (notice.attempts - 1)
    last = notice.attempts >= Notice.ATTEMPTS
    logger.warning("notice %s did not go%s: %s", notice, ", and is given up" if last else "", error)
    Notice.objects.filter(pk=notice.pk).update(
        claimed_at=None, not_before=Now() + wait, last_error=str(error)
    )


def _deliver(notice: Notice) -> None:
    """Raises NotTaken, and whatever leaves it open."""
    if notice.kind == Notice.Kind.MAIL:
        _mail(notice)
    else:
        _call(notice)


def _mail(notice: Notice) -> None:
    connection = get_connection()
    try:
        connection.open()
    except Exception as error:
        raise NotTaken(f"The mail server cannot be reached: {error}") from error
    message = EmailMessage(notice.subject, notice.body, to=[notice.to], connection=connection)
    try:
        message.send()
    except (SMTPResponseException, SMTPRecipientsRefused) as error:
        raise NotTaken(f"The mail server refused it: {error}") from error
    finally:
        connection.close()


def _call(notice: Notice) -> None:
    if not settings.WEBHOOK_URL:
        raise NotTaken("The site has no WEBHOOK_URL any more.")
    request = Request(  # noqa: S310 - settings.py takes http and https only
        settings.WEBHOOK_URL,
        data=notice.body.encode(),
        headers={"Content-Type": "application/json", "User-Agent": "mediasite"},
    )
    try:
        with urlopen(request, timeout=WEBHOOK_TIMEOUT):  # noqa: S310
            return
    except HTTPError as error:
        raise NotTaken(f"The webhook answered {error.code}.") from error
    except (URLError, HTTPException, OSError) as error:
        raise NotTaken(f"The webhook cannot be reached: {error}") from error


def forget() -> int:
    """Drop notices of long ago, a batch at a time; return how many."""
    old = Notice.objects.filter(created_at__lt=Now() - KEPT)
    pks = list(old.order_by("created_at").values_list("pk", flat=True)[:BATCH_SIZE])
    return Notice.objects.filter(pk__in=pks).delete()[0]


def administrators() -> list[str]:
    """Where those who administer retention are reached by mail."""
    backend = "django.contrib.auth.backends.ModelBackend"
    users = get_user_model()._default_manager.with_perm(ADMINISTER, backend=backend)
    found = users.filter(is_active=True).exclude(email="").values_list("email", flat=True)
    return sorted(set(found))
