"""What the races race: two acts on one world, what each may be refused with, what must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.db.models.functions import Now

from recordings import trash
from recordings.editing import finals
from recordings.holds import hold_owner, hold_recording
from recordings.ledger import publish
from recordings.ledger.exceptions import Held, Lost, QuotaExceeded
from recordings.ledger.models import Account, Hold, Receipt, StoredFile
from recordings.ledger.names import Kind
from recordings.ledger.purge import purge
from recordings.models import Recording, RecordingFile
from recordings.transfer import transfer
from tests.conftest import assert_clean, store
from tests.proofs.scenes import (
    CONTENT,
    World,
    begin,
    check_all_or_none,
    check_nothing_left,
    check_published_or_not,
    empty,
    erased,
    full,
    in_trash,
    left_half_written,
    make_owner,
    put,
    two_owners,
)

GONE = (Held, Recording.DoesNotExist, get_user_model().DoesNotExist)
REFUSED = (IntegrityError, ProtectedError, Recording.DoesNotExist)


@dataclass(frozen=True)
class Pair:
    name: str
    prepare: Callable[[], World]
    one: Callable[[World], object]
    two: Callable[[World], object]
    allowed: tuple[type[BaseException], ...]
    check: Callable[[World], None]


def assert_settled(pair: Pair, world: World) -> None:
    """After recovery the pair's own claim holds, no hold was passed by, the audit is clean."""
    held_files_stand()
    publish.recover()
    purge()
    purge()
    pending = StoredFile.objects.exclude(state=StoredFile.State.READY)
    assert not pending.exists(), list(pending.values())
    held_files_stand()
    pair.check(world)
    assert_clean()


def held_files_stand() -> None:
    """Nothing of what a hold covers was condemned, or purged, after the hold was placed."""
    for hold in Hold.objects.all():
        what = {"recording_id": hold.recording_id} if hold.recording_id else {}
        what = what or {"owner_id": hold.owner_id}
        assert not StoredFile.objects.filter(condemned_at__gte=hold.placed_at, **what).exists()
        assert not Receipt.objects.filter(released_at__gte=hold.placed_at, **what).exists()


def erase(world: World) -> None:
    trash.erase([world.recording.pk], by="anna")


def sweep(world: World) -> None:
    """Erase what is in the trash and due, deciding again under the lock, as the policy does."""
    with trash.locked([world.recording.pk]) as found:
        due = [recording for recording in found if recording.trashed_at is not None]
        trash.erase_locked(due, by="policy", reason=StoredFile.Reason.POLICY)


def delete_one_file(world: World) -> None:
    RecordingFile.objects.filter(recording=world.recording).order_by("pk")[0].delete()


def delete_recording(world: World) -> None:
    for recording in Recording.objects.filter(pk=world.recording.pk):
        recording.delete()


def delete_user(world: World) -> None:
    get_user_model().objects.get(pk=world.owner.pk).delete()


def hold(world: World) -> None:
    hold_recording(world.recording.pk, reason="court", by="anna")


def hold_all(world: World) -> None:
    hold_owner(world.owner.pk, reason="court", by="anna")


def restore(world: World) -> None:
    trash.restore([world.recording.pk])


def move_to_trash(world: World) -> None:
    trash.move_to_trash([world.recording.pk], by="anna")


def release_all(world: World) -> None:
    trash.erase([world.recording.pk, world.others[0].pk], by="anna")


def release_all_backwards(world: World) -> None:
    trash.erase([world.others[0].pk, world.recording.pk], by="anna")


def upload(world: World) -> None:
    """A new recording of the owner, from its row to its file."""
    recording = Recording.objects.create(
        owner_id=world.owner.pk, title="new", state=Recording.State.READY
    )
    put(World(world.owner, recording))


def abandon(world: World) -> None:
    publication = begin(world, Kind.ORIGINAL)
    publication.write(CONTENT)
    publication.finish()
    publication.abandon()


def give_away(world: World) -> None:
    transfer([world.recording.pk], to=world.others[0].owner, by="anna")


def hold_receiver(world: World) -> None:
    hold_owner(world.others[0].owner_id, reason="court", by="anna")


def writing() -> World:
    """A writer of this process stands ready to settle, its lease over."""
    world = empty()
    publication = begin(world, Kind.ORIGINAL)
    publication.write(CONTENT)
    publication.finish()
    StoredFile.objects.update(lease_until=Now() - timedelta(seconds=1))
    world.publication = publication
    return world


def settle(world: World) -> None:
    publication = world.publication
    assert publication is not None
    with transaction.atomic():
        stored = publication.settle()
        RecordingFile.objects.create(recording=world.recording, kind=Kind.ORIGINAL, stored=stored)


def recover(world: World) -> None:
    publish.recover()


def tight() -> World:
    """Room for one of two uploads."""
    world = empty()
    Account.objects.filter(owner_id=world.owner.pk).update(
        uses_default_limit=False, own_limit=len(CONTENT) + 10
    )
    return world


def nothing() -> World:
    owner = make_owner()
    return World(owner, Recording(owner=owner))


def check_whole(world: World) -> None:
    check_all_or_none(World(world.owner, world.recording))


def check_file_gone(world: World) -> None:
    assert StoredFile.objects.count() == RecordingFile.objects.count() >= 2


def check_trash(world: World) -> None:
    for recording in Recording.objects.all():
        trashed = recording.trashed_at is not None
        sizes = StoredFile.objects.filter(trashed=True).values_list("size", flat=True)
        assert world.account.in_trash == sum(sizes)
        assert not (sizes and not trashed)


def check_both_gone(world: World) -> None:
    assert StoredFile.objects.count() == Recording.objects.count() == 0
    assert Receipt.objects.count() == 6


def check_restored_or_gone(world: World) -> None:
    check_whole(world)
    assert not Recording.objects.filter(trashed_at__isnull=False).exists()


def check_user(world: World) -> None:
    if not get_user_model().objects.filter(pk=world.owner.pk).exists():
        assert StoredFile.objects.count() == Recording.objects.count() == 0


def check_one_upload(world: World) -> None:
    assert StoredFile.objects.count() == 1
    assert world.account.used == len(CONTENT)


def with_final() -> World:
    """Two owners, and a final video of the first one's recording."""
    world = two_owners()
    store(world.recording, Kind.FINAL, CONTENT, session_id=7)
    return world


def remove_final(world: World) -> None:
    for file in RecordingFile.objects.filter(recording=world.recording.pk, kind=Kind.FINAL):
        finals.remove(file, by="olga", of=world.owner.pk)


def check_paid(world: World) -> None:
    for recording in Recording.objects.all():
        owners = StoredFile.objects.filter(recording_id=recording.pk).values_list("owner_id")
        assert set(owners) == {(recording.owner_id,)}


def check_owner_pays(world: World) -> None:
    check_paid(world)
    for account in Account.objects.all():
        assert account.used in {0, 3003, 6006}


def check_nothing_wrong(world: World) -> None:
    """The audit says it all."""


def put_at_once(world: World) -> None:
    """Ask for all the room at the beginning, so that one of two gets it."""
    put(world, size=len(CONTENT))


def empty_trash(world: World) -> None:
    purge()


PAIRS = [
    Pair("hold or erase", full, hold, erase, GONE, check_whole),
    Pair("hold the owner or erase", full, hold_all, erase, GONE, check_whole),
    Pair("hold or delete a file", full, hold, delete_one_file, GONE, check_file_gone),
    Pair("hold or cascade", full, hold, delete_recording, GONE, check_whole),
    Pair("hold the owner or cascade", full, hold_all, delete_recording, GONE, check_whole),
    Pair("hold or delete the user", in_trash, hold_all, delete_user, GONE, check_whole),
    Pair("hold or trash", full, hold, move_to_trash, GONE, check_trash),
    Pair("restore or erase", in_trash, restore, erase, (), check_restored_or_gone),
    Pair("restore or sweep", in_trash, restore, sweep, (), check_restored_or_gone),
    Pair("erase twice", full, erase, erase, (), check_whole),
    Pair("two owners", two_owners, release_all, release_all_backwards, (), check_both_gone),
    Pair("upload or delete the user", nothing, upload, delete_user, REFUSED, check_user),
    Pair("upload or trash", empty, put, move_to_trash, (), check_trash),
    Pair("upload or erase", empty, put, erase, REFUSED, check_nothing_wrong),
    Pair("room for one", tight, put_at_once, put_at_once, (QuotaExceeded,), check_one_upload),
    Pair("purge twice", erased, empty_trash, empty_trash, (), check_nothing_left),
    Pair("purge or abandon", empty, empty_trash, abandon, (), check_nothing_left),
    Pair("purge or recover", left_half_written, empty_trash, recover, (), check_nothing_left),
    Pair("settle or recover", writing, settle, recover, (Lost,), check_published_or_not),
    Pair("recover twice", left_half_written, recover, recover, (), check_nothing_left),
    Pair("transfer or erase", two_owners, give_away, erase, (), check_owner_pays),
    Pair("transfer or delete a file", two_owners, give_away, delete_one_file, (), check_paid),
    Pair("hold or remove a final", with_final, hold, remove_final, GONE, check_paid),
    Pair("transfer or remove a final", with_final, give_away, remove_final, GONE, check_paid),
    Pair("erase or remove a final", with_final, erase, remove_final, GONE, check_paid),
    Pair("transfer or hold", two_owners, give_away, hold_receiver, (), check_owner_pays),
]
