"""Files in a folder: which go, which stay, and where no policy may look at all."""

from __future__ import annotations

import os

import pytest
from django.core.exceptions import ValidationError

from retention import folders as places
from retention import runs, sweep
from retention.choices import Mode
from retention.exceptions import UnsafeFolder
from retention.impact import impact
from retention.models import RetentionPolicy
from tests.retention.conftest import age, run

pytestmark = pytest.mark.django_db

OWN = [
    "media", "media/user_4", "scratch", "logs", "broker", "cache", "static", "backups", ".",
    "media/..", "..", "/", "/etc", "db.sqlite3", "managed/../media", "managed/to_media",
    "managed/to_media/user_4", "managed/elsewhere", "elsewhere", "\0",
]  # fmt: skip


@pytest.fixture
def marked(folders):
    """A managed folder with old files, young ones, links and a subfolder."""
    place = folders / "managed" / "marked"
    (place / "sub").mkdir(parents=True)
    for name in ("old.png", "old.txt", ".hidden.png", "sub/deep.png"):
        (place / name).write_bytes(bytes(100))
        age(place / name, days=3)
    (place / "young.png").write_bytes(bytes(100))
    (folders / "precious.png").write_text("theirs")
    age(folders / "precious.png", days=3)
    (place / "link.png").symlink_to(folders / "precious.png")
    return place


def names(place):
    return {path.relative_to(place).as_posix() for path in place.rglob("*")}


@pytest.fixture
def make_directory(make_policy):
    def make(path="managed/marked", **values):
        return make_policy("directory", path=path, **values)

    return make


def test_old_files_go_and_all_else_stays(marked, make_directory, folders):
    done = run(make_directory())

    assert names(marked) == {"young.png", ".hidden.png", "link.png", "sub", "sub/deep.png"}
    assert (folders / "precious.png").exists()
    assert (done.state, done.matched, done.deleted, done.bytes_freed) == ("succeeded", 2, 2, 200)
    assert set(done.items.values_list("name", "outcome")) == {
        ("managed/marked/old.png", "deleted"),
        ("managed/marked/old.txt", "deleted"),
    }


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"glob": "*.png"}, {"old.png"}),
        ({"glob": "*.png", "recursive": True}, {"old.png", "sub/deep.png"}),
        ({"glob": ".*"}, {".hidden.png"}),
        ({"max_age_seconds": 0, "glob": "young*"}, {"young.png"}),
        ({"max_age_seconds": 4 * 86400}, set()),
        ({"glob": "nothing"}, set()),
    ],
)
def test_name_and_depth_choose(marked, make_directory, values, gone):
    before = names(marked)

    run(make_directory(**values))

    assert names(marked) == before - gone


def test_preview_and_report_touch_nothing(marked, make_directory):
    before, policy = names(marked), make_directory()

    plan = run(policy, Mode.PLAN)
    report = run(make_directory(action="report", accepted=False))

    assert (plan.matched, report.matched, impact(policy).goes.items) == (2, 2, 2)
    assert names(marked) == before


def test_file_changed_after_the_plan_stays(marked, make_directory):
    plan = run(make_directory(), Mode.PLAN)
    (marked / "old.png").write_text("new")
    (marked / "old.txt").unlink()

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (marked / "old.png").read_text() == "new"
    assert (plan.deleted, plan.skipped, plan.failed) == (0, 2, 0)


def test_missing_folder_is_made(folders, make_directory):
    assert run(make_directory("managed/new/below")).state == "succeeded"

    assert (folders / "managed/new/below").is_dir()


def test_name_that_is_no_text_goes_like_any_other(marked, make_directory):
    odd = os.fsencode(marked) + b"/odd\xff.png"
    with open(odd, "wb"):
        pass
    os.utime(odd, (0, 0))

    done = run(make_directory(glob="odd*"))

    assert done.deleted == 1
    assert done.items.get().name == "managed/marked/odd\\xff.png"
    assert not os.path.exists(odd)


def test_name_too_long_to_be_written_down_stays_and_says_why(marked, make_directory):
    deep = marked / "/".join(["d" * 200] * 3)
    deep.mkdir(parents=True)
    age(_written(deep / "old"), days=3)

    done = run(make_directory(recursive=True, glob="old"))

    assert (deep / "old").exists()
    assert (done.deleted, done.skipped) == (0, 1)
    assert "too long" in done.items.get().detail


def test_file_that_cannot_be_removed_stops_nothing(marked, make_directory, monkeypatch):
    real = os.unlink

    def refuse_one(path, **values):
        if path == "old.png":
            raise PermissionError(13, "Permission denied")
        return real(path, **values)

    monkeypatch.setattr(os, "unlink", refuse_one)

    done = run(make_directory())

    assert (done.state, done.deleted, done.failed) == ("partial", 1, 1)
    assert "Permission denied" in done.items.get(outcome="failed").detail


def test_root_named_by_the_operator_may_be_tidied_through_a_link(
    marked, make_directory, folders, settings, tmp_path_factory
):
    real = tmp_path_factory.mktemp("exports")
    (folders / "linked").symlink_to(real)
    settings.RETENTION_ROOTS = [folders / "linked"]
    age(_written(real / "old.csv"), days=3)

    done = run(make_directory(str(folders / "linked")))

    assert (done.deleted, names(real)) == (1, set())


def test_root_that_is_not_mounted_is_no_empty_folder(folders, make_directory, settings):
    settings.RETENTION_ROOTS = [folders / "disk"]

    done = run(make_directory(str(folders / "disk/exports")))

    assert (done.state, done.message) == (
        "refused", f"{folders / 'disk'} is not there: is its disk mounted?"
    )  # fmt: skip
    assert not (folders / "disk").exists()


@pytest.fixture
def dangerous(folders, settings):
    """A site with links from its managed folder to places that nobody may tidy."""
    (folders / "media/user_4").mkdir()
    _written(folders / "media/user_4/142_original.mp4")
    (folders / "elsewhere").mkdir()
    _written(folders / "elsewhere/file")
    (folders / "managed/to_media").symlink_to(folders / "media")
    (folders / "managed/elsewhere").symlink_to(folders / "elsewhere")
    return folders


@pytest.mark.parametrize("path", OWN)
def test_dangerous_folder_is_refused_when_saved(dangerous, make_directory, path):
    with pytest.raises(ValidationError) as refused:
        make_directory(path)

    assert "path" in refused.value.message_dict


@pytest.mark.parametrize("mode", [Mode.PLAN, Mode.EXECUTE])
@pytest.mark.parametrize("path", [path for path in OWN if "\0" not in path])
def test_dangerous_folder_is_refused_when_planned_and_run(dangerous, make_directory, path, mode):
    before = names(dangerous)
    policy = make_directory("managed/marked", max_age_seconds=0, recursive=True)
    RetentionPolicy._base_manager.filter(pk=policy.pk).update(path=path)

    done = run(policy, mode)

    assert (done.state, done.matched, done.deleted) == ("refused", 0, 0)
    assert names(dangerous) == before


@pytest.mark.parametrize(
    ("root", "what"),
    [
        ("/", "the recordings"),
        ("", "the recordings"),
        ("media", "the recordings"),
        ("media/user_4", "the recordings"),
        ("managed/to_media", "the recordings"),
        ("scratch", "the scratch area"),
        ("logs", "the logs"),
        ("broker/messages", "the broker's messages"),
        ("cache", "the cache"),
        ("static/css", "the static files"),
        ("backups", "the backups"),
        ("archive", "the archive"),
        ("elsewhere", "the database"),
        ("elsewhere/data.db", "the database"),
        (".venv", "the program"),
        ("recordings", "the program"),
        (".", "the program"),
    ],
)
def test_root_of_the_operator_opens_nothing_of_the_sites_own(
    dangerous, settings, monkeypatch, root, what
):
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": dangerous / "elsewhere/data.db"}
    monkeypatch.setitem(settings.DATABASES, "default", sqlite)
    settings.ARCHIVE_ROOT = dangerous / "archive"
    place = (settings.BASE_DIR if what == "the program" else dangerous) / root
    settings.RETENTION_ROOTS = [place]

    with pytest.raises(UnsafeFolder, match=what):
        places.find(str(place))


def test_folder_mounted_at_two_places_is_known_by_both(dangerous):
    # A link that is not resolved shows the same folder as a mount of it would.
    assert places.overlapped(dangerous / "managed/to_media/user_4") == "the recordings"
    assert places.overlapped(dangerous / "managed/marked") == ""


def test_managed_folder_may_lie_in_the_program_and_no_other(dangerous, settings):
    settings.BASE_DIR = dangerous
    settings.RETENTION_ROOTS = [dangerous / "exports"]

    assert places.find("managed/marked").name == "marked"
    with pytest.raises(UnsafeFolder, match="the program"):
        places.find("exports")


def test_folder_swapped_for_a_link_during_the_run_is_left(marked, make_directory, dangerous):
    age(dangerous / "media/user_4/142_original.mp4", days=3)
    plan = run(make_directory(), Mode.PLAN)
    marked.rename(marked.with_name("away"))
    marked.symlink_to(dangerous / "media/user_4")

    runs.approve(plan, by="anna")
    sweep.execute(plan.pk)

    plan.refresh_from_db()
    assert (plan.state, plan.deleted) == ("refused", 0)
    assert (dangerous / "media/user_4/142_original.mp4").exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"path": ""}, "path"),
        ({"glob": "a/*.png"}, "glob"),
        ({"scope": {"labels": ["x"]}}, "scope"),
    ],
)
def test_misfit_is_refused_in_a_sentence(folders, make_directory, values, field):
    with pytest.raises(ValidationError) as refused:
        make_directory(**values)

    assert set(refused.value.message_dict) == {field}


def test_other_targets_take_no_path(make_policy):
    with pytest.raises(ValidationError):
        make_policy("jobs", path="managed/marked")


def test_policy_says_which_files_in_plain_words(folders, make_directory):
    policy = make_directory("managed//marked/", glob="*.png", recursive=True, crontab="0 2 * * *")

    assert policy.summary == (
        "Every day at 02:00 UTC: files called *.png in managed/marked and its subfolders "
        "unchanged for 1 day are deleted for ever."
    )


def _written(path):
    path.write_bytes(bytes(10))
    return path
