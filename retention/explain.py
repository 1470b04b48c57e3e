"""What becomes of one recording: which policy takes it, when, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from recordings.ledger.wording import moment
from recordings.models import Recording, ResumableUpload
from retention import schedule, unfinished, words
from retention.choices import Action
from retention.clock import database_now
from retention.decide import Decision, decide
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import Work
from retention.targets.recordings import Recordings
from retention.targets.trash import Trash


@dataclass(frozen=True, slots=True)
class Explanation:
    """When a recording leaves its owner's sight (one in the trash: for ever), and why.

    `leaves_at` is None where no date can be told; `policy` is a slug.
    """

    leaves_at: datetime | None
    policy: str | None
    action: str | None
    blocked_by: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one policy has in mind for the recording."""

    policy: RetentionPolicy
    decision: Decision
    leaves_at: datetime | None  # the policy's first run from when it can go
    refusal: str = ""  # why that run would not act


def explain(recording: Recording, *, at: datetime | None = None) -> Explanation:
    """Say which policy removes a recording and when; of several, the soonest."""
    at = at or database_now()
    if recording.state == Recording.State.UPLOADING:
        return _of_upload(recording, at)
    prospects = list(_prospects(recording, at))
    dated = [p for p in prospects if p.leaves_at is not None]
    if not prospects:
        sentence = " ".join(filter(None, (_none(recording), _file_alone(recording))))
        return Explanation(None, None, None, _blocked_anyway(recording, at), sentence)
    chosen = min(
        dated or prospects,
        key=lambda p: p.leaves_at or p.decision.met_at or datetime.max.replace(tzinfo=at.tzinfo),
    )
    stopped = schedule.stopped()
    blocked = [*chosen.decision.blocked_by, *filter(None, (chosen.refusal, stopped))]
    leaves_at = None if stopped else chosen.leaves_at
    return Explanation(
        leaves_at=leaves_at,
        policy=chosen.policy.slug,
        action=chosen.policy.action,
        blocked_by=tuple(blocked),
        sentence=" ".join(
            filter(None, (_sentence(chosen, leaves_at, blocked, at), _file_alone(recording)))
        ),
    )


def _of_upload(recording: Recording, at: datetime) -> Explanation:
    ending = unfinished.endings([recording], at).get(recording.pk)
    if ending is None:
        sentence = _("It is still being uploaded. If that breaks off, nothing of it is kept.")
        if ResumableUpload.objects.filter(recording=recording).exists():
            sentence = _("All of it has come in; it is a recording as soon as it is stored.")
        return Explanation(None, None, None, _blocked_anyway(recording, at), sentence)
    said = {
        "date": moment(ending.leaves_at),
        "because": ending.policy and _because(ending.policy),
    }
    if ending.policy is None:
        sentence = _(
            "It is still being uploaded. If nothing more comes of it, it is deleted for ever on "
            "%(date)s."
        )
    else:
        sentence = _(
            "It is still being uploaded. If nothing more comes of it, it is deleted for ever on "
            "%(date)s, because of %(because)s."
        )
    return Explanation(
        leaves_at=ending.leaves_at,
        policy=ending.policy.slug if ending.policy else None,
        action=Action.DELETE,
        blocked_by=(),
        sentence=sentence % said,
    )


def _prospects(recording: Recording, at: datetime) -> Iterator[Prospect]:
    """Ask every policy in force that the recording is in the scope of and has a date for."""
    target = Recordings() if recording.trashed_at is None else Trash()
    policies = RetentionPolicy.objects.in_force().filter(target=target.slug)
    for policy in policies.exclude(action=Action.REPORT):
        refusal = target.refusal(policy, at)
        mine = library.scoped(policy, Recording.objects.filter(pk=recording.pk))
        work = Work(policy=policy, keys=[recording.pk], at=at, under_way=False)
        for facts in target.now(work, list(mine)):
            decision = decide(policy.rules(), facts, at)
            if decision.met_at is not None:
                leaves_at = None if refusal else _leaves_at(policy, decision, at)
                yield Prospect(policy, decision, leaves_at, refusal)


def _leaves_at(policy: RetentionPolicy, decision: Decision, at: datetime) -> datetime | None:
    if decision.at is None:
        return None
    return schedule.first_run(policy, max(decision.at, at))


def _blocked_anyway(recording: Recording, at: datetime) -> tuple[str, ...]:
    found = library.blockers([recording])[recording.pk]
    return tuple(one.sentence for one in found if one.until is None or one.until > at)


def _none(recording: Recording) -> str:
    if recording.trashed_at is not None:
        return _("It is in the trash, and no policy empties the trash by itself.")
    return _("No policy removes this recording.")


def _file_alone(recording: Recording) -> str:
    """Say when a source rule takes the original of which processing has made nothing."""
    if recording.trashed_at is not None or recording.state != Recording.State.FAILED:
        return ""
    going = recording.files.current().filter(leaves_at__isnull=False).order_by("leaves_at").first()
    if going is None or going.leaves_at is None or recording.holds().exists():
        return ""
    return _("Its file goes on %(date)s all the same, because nothing was made of it.") % {
        "date": moment(going.leaves_at)
    }


def _sentence(
    chosen: Prospect, leaves_at: datetime | None, blocked: list[str], at: datetime
) -> str:
    because = _because(chosen.policy)
    if leaves_at is None and blocked:
        if chosen.decision.matched:
            sentence = _("It stays: %(why)s Otherwise %(because)s would remove it.")
        else:
            sentence = _("It stays: %(why)s Later on, %(because)s may remove it.")
        return sentence % {"why": " ".join(blocked), "because": because}
    if leaves_at is None and chosen.policy.rules().is_relative and not chosen.decision.due:
        return _("%(why)s So no date can be told: %(because)s looks at it again each time.") % {
            "why": _why_not(chosen.decision, at),
            "because": because,
        }
    if leaves_at is None:
        return _("%(because)s removes it when someone starts it.") % {
            "because": because[:1].upper() + because[1:]
        }
    said = {"date": _turn(chosen.decision.at, leaves_at, at), "because": because}
    if chosen.policy.action == Action.TRASH:
        sentence = _("It goes to the trash on %(date)s, because of %(because)s.") % said
    elif chosen.policy.action == Action.ARCHIVE:
        sentence = _("It goes to the archive on %(date)s, because of %(because)s.") % said
    else:
        sentence = _("It is deleted for ever on %(date)s, because of %(because)s.") % said
    return " ".join([sentence, *blocked])


def _why_not(decision: Decision, at: datetime) -> str:
    """Say why it is not due, with a date as the pages write it."""
    if decision.met_at is None or decision.met_at <= at:
        return decision.sentence
    return _("It is not due before %(date)s.") % {"date": moment(decision.met_at)}


def _turn(due: datetime | None, leaves_at: datetime, at: datetime) -> str:
    """Say when a policy takes it, and since when it may where hours lie between the two."""
    turn = moment(leaves_at)
    if due is None or due <= at or moment(due) == turn:
        return turn
    said = {"turn": turn, "due": moment(due)}
    return _("%(turn)s (the first turn of the policy after %(due)s)") % said


def _because(policy: RetentionPolicy) -> str:
    return _("the policy “%(name)s” (%(what)s)") % {
        "name": policy.name,
        "what": f"{words.subject(policy)}{words.terms(policy)}",
    }
