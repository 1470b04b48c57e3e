"""Objects in storage that no row knows, moved to quarantine once two scans agree."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db.models import Count, Min

from recordings.ledger import identity, quarantine
from recordings.ledger.exceptions import LedgerError, Lost, NotOurs
from recordings.ledger.findings import APART
from recordings.ledger.models import Scan, Sighting, StoredFile
from recordings.ledger.names import Parsed, parse
from recordings.ledger.scan import scan
from recordings.models import Recording
from retention import words
from retention.choices import Action, Clock, Outcome
from retention.decide import Blocker, Facts, decide
from retention.exceptions import Stopped
from retention.models import RetentionPolicy
from retention.targets import library
from retention.targets.base import GONE, Result, Target, Work, age_of

BREATH: Final = 5.0  # seconds; the run keeps its lease while the scan goes on


def storages() -> list[str]:
    """Every storage that files are, or will be, in."""
    used = StoredFile.objects.values_list("storage", flat=True).distinct()
    return sorted({settings.MEDIA_STORAGE, *used})


def blockers_by_name(names: Collection[str]) -> dict[str, tuple[Blocker, ...]]:
    """Find holds on the recording that each name says it belongs to, and on whose that is or was.

    A name keeps its first owner's number when the recording is given to somebody else.
    """
    parsed = {name: found for name in names if (found := parse(name))}
    recordings = {found.recording_id for found in parsed.values() if found.recording_id}
    owners = dict(Recording.objects.filter(pk__in=recordings).values_list("pk", "owner_id"))
    given = [
        replace(found, owner_id=owners[found.recording_id])
        for found in parsed.values()
        if found.recording_id in owners
    ]
    holds = quarantine.holds_on([*parsed.values(), *given])
    return {
        name: tuple(
            Blocker(hold.sentence, until=hold.until)
            for hold in holds
            if (hold.recording_id and hold.recording_id == found.recording_id)
            or (hold.owner_id and hold.owner_id in _people(found, owners))
        )
        for name, found in parsed.items()
    }


def _people(found: Parsed, owners: Mapping[int, int]) -> set[int | None]:
    return {found.owner_id, owners.get(found.recording_id or 0)}


def _is_unmarked(alias: str) -> bool:
    try:
        return identity.is_unmarked(alias)
    except LedgerError:  # the storage is not there, which the refusal says
        return False


class Orphans(Target):
    slug = "orphans"
    noun = "orphans"
    removes = (
        "Files in storage that no row knows, of a shape that this site makes, seen so by two scans "
        "a day apart. They go to quarantine, from where they can be put back; never anything of "
        "another shape, which is reported and stays."
    )
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    verb = "quarantined"
    does = {Action.DELETE: "go to quarantine"}
    afterwards = {Action.DELETE: "What goes to quarantine can be put back from there."}
    in_database = False

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        """Ask of each storage whether it is ours; one never marked is for the scan to look at."""
        marked = (alias for alias in storages() if not _is_unmarked(alias))
        return next(filter(None, map(identity.refusal, marked)), "")

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        """Scan every storage, then yield what the scans saw."""
        for alias in storages():
            yield from self._scan(alias, at)
            yield from self._seen(alias)

    def known(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        """Yield what the last scans saw."""
        for alias in storages():
            yield from self._seen(alias)

    def _seen(self, alias: str) -> Iterator[list[Facts]]:
        for sightings in library.batches(Sighting.objects.filter(storage=alias)):
            yield self.facts(sightings)

    def _scan(self, alias: str, at: datetime) -> Iterator[list[Facts]]:
        """Yield nothing now and then, for whoever runs us to see that we live."""
        breath = time.monotonic()
        try:
            for _ in scan(alias, at):
                if time.monotonic() - breath > BREATH:
                    yield []
                    breath = time.monotonic()
        except Lost as error:
            raise Stopped(str(error)) from error
        except LedgerError as error:
            raise Stopped(f"The scan stopped: {error}") from error

    def facts(self, sightings: Sequence[Sighting]) -> list[Facts]:
        blockers = blockers_by_name([sighting.name for sighting in sightings])
        return [self._facts(one, blockers.get(one.name, ())) for one in sightings]

    def _facts(self, sighting: Sighting, blockers: tuple[Blocker, ...]) -> Facts:
        parsed = parse(sighting.name)
        if not sighting.is_sure:
            once = "It takes two scans a day apart to be sure that no row knows it."
            blockers = (*blockers, Blocker(once, passing=True))
        return Facts(
            name=sighting.name,
            id=sighting.pk,
            recording_id=parsed.recording_id if parsed else None,
            owner_id=parsed.owner_id if parsed else None,
            size=sighting.size,
            counted_from=sighting.modified,
            blockers=blockers,
        )

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        found = Sighting.objects.in_bulk([int(key) for key in work.keys])
        self._refuse({sighting.storage for sighting in found.values()})
        facts = {facts.id: facts for facts in self.facts(list(found.values()))}
        return {
            key: self._remove(found[int(key)], facts[int(key)], work)
            if key in found
            else Result(Outcome.SKIPPED, GONE)
            for key in work.keys
        }

    def _refuse(self, aliases: Collection[str]) -> None:
        """Raise Stopped where a storage is not ours any more: it may have been swapped."""
        try:
            for alias in aliases:
                identity.refuse(alias)
        except NotOurs as error:
            raise Stopped(str(error)) from error

    def _remove(self, sighting: Sighting, facts: Facts, work: Work) -> Result:
        decision = decide(work.policy.rules(), facts, work.at)
        if not decision.due:
            return Result(Outcome.SKIPPED, decision.sentence)
        try:
            why_not = quarantine.set_aside(sighting, at=work.at, by=work.by)
        except (LedgerError, OSError) as error:
            return Result(Outcome.FAILED, f"It could not be moved to quarantine: {error}")
        if why_not:
            return Result(Outcome.SKIPPED, why_not)
        return Result(Outcome.DELETED, "In quarantine.", age=age_of(facts, work.at))

    def batch_size(self, policy: RetentionPolicy) -> int:
        """Few at a time: in a bucket each is copied, and the run's lease waits for a batch."""
        return 10

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        aged = words.aged(policy, f"orphans{of} in storage")
        return f"{aged}{' and' if policy.max_age_seconds else ''} seen by two scans a day apart"

    def remark(self) -> str:
        """Say what the last scans saw and cannot tell yet."""
        scans = filter(None, map(Scan.objects.newest, storages()))
        young = sum(one.young for one in scans)
        sightings = Sighting.objects.unsure()
        unsure = sightings.aggregate(number=Count("pk"), first=Min("first_seen"))
        said = []
        if young:
            said.append(f"{words.counted(young, 'file')} too young to judge")
        if unsure["number"]:
            again = f"{unsure['first'] + APART:%Y-%m-%d %H:%M} UTC"
            once = words.counted(unsure["number"], "file")
            said.append(f"{once} seen once, judged again from {again}")
        return f"{'; '.join(said)}." if said else ""
