"""Random libraries as rows alone, for runs over them that are rolled back: no byte is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from recordings.holds import hold_recording
from recordings.ledger import names
from recordings.ledger.models import Account, StoredFile
from recordings.ledger.names import Kind
from recordings.models import Job, Recording, RecordingFile
from recordings.trash import restore
from tests.retention.conftest import ago

quickly = settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip

ages = st.integers(0, 9)
recordings = st.fixed_dictionaries({
    "owner": st.integers(0, 1),
    "days": ages,
    "trashed": st.booleans(),
    "keep": st.sampled_from([False] * 5 + [True]),
    "state": st.sampled_from(["ready"] * 4 + ["uploading", "failed"]),
    "kinds": st.sets(st.sampled_from([Kind.ORIGINAL, Kind.TRIMMED, Kind.AUDIO, Kind.TRANSCRIPT])),
    "size": st.integers(1, 9),
    "held": st.sampled_from([False] * 4 + [True]),
    "busy": st.sampled_from([False] * 5 + [True]),
})  # fmt: skip
changes = st.lists(
    st.tuples(
        st.sampled_from(["keep", "hold", "restore", "delete", "young", "old", "busy", "new"]),
        st.integers(0, 8),
        recordings,
    ),
    max_size=5,
)


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def add(owner: Any, spec: Mapping[str, Any]) -> Recording:
    at = ago(days=spec["days"], minutes=1)
    recording = Recording.objects.create(
        owner=owner, title="x", state=spec["state"], keep=spec["keep"], width=640,
        created_at=at, processed_at=at if spec["state"] == "ready" else None,
        trashed_at=at if spec["trashed"] else None,
        purge_after=at + timedelta(days=4) if spec["trashed"] else None,
    )  # fmt: skip
    for kind in sorted(spec["kinds"]):
        add_file(recording, kind, spec["size"])
    if spec["held"]:
        hold_recording(recording.pk, reason="case", by="anna")
    if spec["busy"]:
        Job.objects.create(recording=recording, owner_id=owner.pk)
    return recording


def add_file(recording: Recording, kind: Kind, size: int) -> None:
    place = (recording.owner_id, recording.pk)
    name = names.original(*place, "mp4") if kind == Kind.ORIGINAL else names.of_kind(kind, *place)
    stored = StoredFile.objects.create(
        storage="disk", file=name, kind=kind, owner_id=recording.owner_id,
        recording_id=recording.pk, size=size, sha256="0" * 64, state="ready",
        ready_at=timezone.now(), trashed=recording.trashed_at is not None,
    )  # fmt: skip
    RecordingFile.objects.create(recording=recording, kind=kind, stored=stored)


def build(owners: Sequence[Any], library: Sequence[Mapping[str, Any]]) -> list[Recording]:
    made = [add(owners[spec["owner"]], spec) for spec in library]
    for owner in owners:
        Account.objects.of(owner.pk)
        ready = StoredFile.objects.ready().filter(owner_id=owner.pk)
        sizes = list(ready.values_list("size", "trashed"))
        Account.objects.filter(owner_id=owner.pk).update(
            used=sum(size for size, _ in sizes),
            in_trash=sum(size for size, trashed in sizes if trashed),
        )
    return made


def change(
    owners: Sequence[Any],
    made: Sequence[Recording],
    what: str,
    index: int,
    spec: Mapping[str, Any],
) -> None:
    """Do to one of the recordings what people do between a plan and its run."""
    recording = made[index % len(made)]
    rows = Recording.objects.filter(pk=recording.pk)
    if what == "new":
        add(owners[spec["owner"]], {**spec, "kinds": set(), "held": False})
    elif not rows.exists():
        return
    elif what == "hold":
        hold_recording(recording.pk, reason="case", by="anna")
    elif what == "restore":
        restore([recording.pk])
    elif what == "delete" and not rows.get().holds().exists():
        rows.get().delete()
    elif what == "busy" and not Job.objects.open().filter(recording=recording).exists():
        Job.objects.create(recording=recording, owner_id=recording.owner_id)
    elif what in {"keep", "young", "old"}:
        moment = ago(days=0 if what == "young" else 99)
        rows.update(**({"keep": True} if what == "keep" else {"created_at": moment}))
