"""Editing sessions that nobody went on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from django.db.models import QuerySet

from recordings.editing import cleaning
from recordings.editing.exceptions import CannotEdit, NoSession
from recordings.editing.models import EditingSession
from recordings.ledger import names
from recordings.ledger.exceptions import LedgerError
from recordings.ledger.names import Kind
from recordings.models import Job, Recording
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Blocker, Facts, decide
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import GONE, Result, Target, Work, age_of

IN_USE: Final = Blocker("Somebody is editing it at this moment.", passing=True)
BUSY: Final = Blocker("Its recording is being processed or rendered.", passing=True)
TRASHED: Final = Blocker("Its recording is in the trash and comes back with it.")


class Sessions(Target):
    """An item for each session, known by its row, and one for its sound, known by its name."""

    slug = "sessions"
    noun = "editing sessions"
    removes = (
        "Editing sessions idle for so long, with the sound extracted for them; never the "
        "recording. Captions that were changed are saved first, as a draft version of the "
        "subtitles."
    )
    spares = "except those in use"
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    scopes = frozenset({"owners", "groups"})
    in_database = False  # a draft is stored before the transaction that shows it

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        rows = in_scope(policy).filter(touched_at__lte=library.cutoff(policy, at))
        for batch in library.batches(rows):
            yield [facts for pair in gather(batch, at).values() for facts in pair]

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        """Take the sound before the session, so that each item says what became of it."""
        by_key = {key: session_of(key) for key in work.keys}
        rows = in_scope(work.policy).filter(pk__in=[pk for pk in by_key.values() if pk])
        seen = {session.pk: session for session in rows}
        known = gather(list(seen.values()), work.at)
        results: dict[int | str, Result] = {}
        for key in sorted(work.keys, key=lambda key: isinstance(key, int)):
            session, pair = seen.get(by_key[key] or 0), known.get(by_key[key] or 0, ())
            facts = next((one for one in pair if key in (one.id, one.name)), None)
            if session is None or facts is None:
                results[key] = Result(Outcome.SKIPPED, GONE)
            elif isinstance(key, int):
                results[key] = carry_out(work, facts, partial(cleaning.remove, session))
            else:
                results[key] = carry_out(work, facts, partial(cleaning.remove_sound, session.pk))
        return results

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        return words.aged(policy, f"editing sessions{of}")


def carry_out(work: Work, facts: Facts, take: Callable[..., int]) -> Result:
    """Decide about one item again and take it, if it is due and nobody has begun to use it."""
    decision = decide(work.policy.rules(), facts, work.at)
    if not decision.due:
        return Result(Outcome.SKIPPED, decision.sentence)
    try:
        freed = take(by=work.by)
    except NoSession:
        return Result(Outcome.SKIPPED, GONE)
    except CannotEdit as reason:
        return Result(Outcome.SKIPPED, str(reason))
    except LedgerError as error:
        return Result(Outcome.FAILED, f"It stays, for its changes could not be saved: {error}")
    return Result(Outcome.DELETED, freed=freed, age=age_of(facts, work.at))


def session_of(key: int | str) -> int | None:
    """Return the session that an item is about."""
    if isinstance(key, int):
        return key
    found = names.parse(key)
    return found.session_id if found and found.kind == Kind.SESSION_AUDIO else None


def in_scope(policy: RetentionPolicy) -> QuerySet[EditingSession]:
    recordings = Recording.objects.filter(library.owners_in_scope(policy))
    rows = EditingSession.objects.filter(recording__in=recordings)
    return rows.select_related("recording", "audio__stored")


def gather(sessions: Sequence[EditingSession], at: datetime) -> dict[int, tuple[Facts, ...]]:
    """Gather what decides about sessions and their sound, in one query."""
    recordings = [session.recording_id for session in sessions]
    busy = set(
        Job.objects.open().filter(recording__in=recordings).values_list("recording_id", flat=True)
    )
    return {
        session.pk: tuple(_facts(session, at, busy=session.recording_id in busy))
        for session in sessions
    }


def _facts(session: EditingSession, at: datetime, *, busy: bool) -> Iterator[Facts]:
    blockers = tuple(_blockers(session, at, busy=busy))
    common = partial(
        Facts,
        recording_id=session.recording_id,
        owner_id=session.recording.owner_id,
        counted_from=session.touched_at,
        blockers=blockers,
    )
    if session.audio is not None:
        stored = session.audio.stored
        yield common(name=str(stored.file.name), size=stored.size)
    yield common(name=f"session {session.pk}", id=session.pk)


def _blockers(session: EditingSession, at: datetime, *, busy: bool) -> Iterator[Blocker]:
    if session.used_until is not None and session.used_until > at:
        yield IN_USE
    if busy:
        yield BUSY
    if session.recording.trashed_at is not None:
        yield TRASHED
