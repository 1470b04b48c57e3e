"""The house rules that a reader relies on, asked of the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("mediasite", "recordings", "retention", "thumbnails")
REMOVERS = {
    "os": {"remove", "unlink", "rmdir", "removedirs", "rename", "replace"},
    "shutil": {"rmtree", "move"},
}
ANYWHERE = {"unlink", "rmdir", "rmtree"}  # also as a method, such as Path.unlink
BYTES_GO_HERE = ("recordings/ledger/",)
MAY_REPLACE = ("mediasite/broker.py",)  # messages are written aside and renamed into place
TESTED = [
    path.relative_to(ROOT).as_posix()
    for app in APPS
    for path in sorted((ROOT / app).rglob("*.py"))
    if "migrations" not in path.parts
]


def calls(name: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, object and attribute of every `object.attribute(...)` in a module."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = node.func.value
            owner = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
            yield node.lineno, owner, node.func.attr


def removals(name: str) -> list[str]:
    found = []
    for line, owner, attribute in calls(name):
        by_module = attribute in REMOVERS.get(owner, set())
        by_method = attribute in ANYWHERE and owner != "unlink"
        by_storage = attribute == "delete" and owner in {"storage", "default_storage", "file"}
        renames = attribute in {"rename", "replace"} and name in MAY_REPLACE
        if (by_module or by_method or by_storage) and not renames:
            found.append(f"{name}:{line} {owner}.{attribute}()")
    return found


@pytest.mark.parametrize("name", TESTED)
def test_bytes_are_removed_only_in_the_ledger(name: str) -> None:
    if not name.startswith(BYTES_GO_HERE):
        assert removals(name) == []


def test_the_rule_would_see_a_removal() -> None:
    assert removals("recordings/ledger/unlink.py")


@pytest.mark.parametrize("name", TESTED)
def test_state_of_stored_files_changes_only_in_the_ledger(name: str) -> None:
    if name.startswith(BYTES_GO_HERE):
        return
    tree = ast.parse((ROOT / name).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "state":
            said = ast.unparse(node.value)
            assert not said.startswith("StoredFile.State") or "filter" in _call_of(tree, node), name


def _call_of(tree: ast.AST, keyword: ast.keyword) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and keyword in node.keywords:
            return ast.unparse(node.func)
    return ""


@pytest.mark.parametrize("name", TESTED)
def test_modules_and_functions_stay_readable(name: str) -> None:
    text = (ROOT / name).read_text()
    long = [
        f"{node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 40
    ]

    assert text.count("\n") <= 400
    assert long == []


def test_test_modules_stay_readable() -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): path.read_text().count("\n")
        for path in sorted((ROOT / "tests").rglob("*.py"))
    }

    assert lines
    assert [f"{name} has {many} lines" for name, many in lines.items() if many > 400] == []
