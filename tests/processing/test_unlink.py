from __future__ import annotations

import os

import pytest

from recordings.ledger.unlink import Refused, remove_empty, remove_file, remove_tree, walk


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / "file").write_text("ours")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("theirs")
    (tmp_path / "root" / "way_out").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "a" / "link").symlink_to(tmp_path / "outside" / "precious")
    return tmp_path / "root"


@pytest.fixture
def precious(root):
    return root.parent / "outside" / "precious"


def test_file_goes_once(root):
    assert remove_file(root, "a/file") is True
    assert remove_file(root, "a/file") is False


def test_file_below_a_missing_folder_is_gone_already(root):
    assert remove_file(root, "nowhere/file") is False
    assert remove_tree(root, "nowhere/folder") is False


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../outside/precious", "/etc/passwd", "a/../..", "a//file", "a/"]
)
@pytest.mark.parametrize("remove", [remove_file, remove_tree, remove_empty])
def test_names_that_lead_elsewhere_are_refused(root, precious, remove, name):
    with pytest.raises(Refused):
        remove(root, name)

    assert precious.exists()


@pytest.mark.parametrize("remove", [remove_file, remove_tree])
def test_nothing_goes_through_a_linked_folder(root, precious, remove):
    with pytest.raises(Refused):
        remove(root, "way_out/precious")

    assert precious.exists()


@pytest.mark.parametrize(("remove", "name"), [(remove_file, "a/link"), (remove_tree, "way_out")])
def test_link_is_left(root, precious, remove, name):
    with pytest.raises(Refused):
        remove(root, name)

    assert (root / name).is_symlink()
    assert precious.exists()


def test_folder_and_pipe_are_no_files(root):
    os.mkfifo(root / "pipe")

    for name in ("a", "pipe"):
        with pytest.raises(Refused):
            remove_file(root, name)


def test_tree_goes_with_its_links_but_not_what_they_point_at(root, precious):
    (root / "a" / "deep" / "deeper").mkdir(parents=True)
    (root / "a" / "deep" / "out").symlink_to(precious.parent)

    assert remove_tree(root, "a") is True

    assert not (root / "a").exists()
    assert precious.exists()


def test_changed_file_stays(root):
    before = (root / "a" / "file").stat().st_mtime_ns
    os.utime(root / "a" / "file", ns=(before, before + 1))

    assert remove_file(root, "a/file", modified_ns=before) is False
    assert remove_file(root, "a/file", modified_ns=before + 1) is True


def test_empty_folder_goes_and_a_full_one_stays(root):
    (root / "empty").mkdir()

    assert remove_empty(root, "empty") is True
    assert remove_empty(root, "a") is False


def test_walk_yields_regular_files_in_order_and_follows_no_link(root):
    (root / "b").write_text("")
    os.mkfifo(root / "pipe")

    assert [(found.name, found.size) for found in walk(root)] == [("a/file", 4), ("b", 0)]
    assert [found.name for found in walk(root, recursive=False)] == ["b"]
    assert [found.name for found in walk(root, "a")] == ["a/file"]
    assert list(walk(root, "way_out")) == []
    assert list(walk(root, "missing")) == []


def test_root_may_be_a_link_itself(root):
    alias = root.parent / "alias"
    alias.symlink_to(root)

    assert remove_file(alias, "a/file") is True
