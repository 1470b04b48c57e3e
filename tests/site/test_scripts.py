"""bin/up and bin/test before Python takes over: what is missing is said, what is there is used."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.site.processes import ROOT

# Interpreters that note what they are asked, and answer as the real ones would.
OLD = "exit 1"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1 ;; esac'
GOOD = """echo "$*" >>"$CALLS"
if [ "$2" = venv ]; then
    mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
fi
case "$*" in *--require-hashes*) [ ! -e "$CALLS.offline" ] ;; esac"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts read, without an environment."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


@pytest.fixture
def up(checkout: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    def up(interpreter: str) -> subprocess.CompletedProcess[str]:
        python = checkout / "some-python"
        python.write_text(f"#!/bin/sh\n{interpreter}\n")
        python.chmod(0o755)
        return subprocess.run(
            [checkout / "bin" / "up", "--flag"],
            env={"PYTHON": str(python), "PATH": "/usr/bin:/bin", "CALLS": str(checkout / "calls")},
            capture_output=True,
            text=True,
            check=False,
        )

    return up


def calls(checkout: Path) -> list[str]:
    """What was asked since the last look, without questions about the interpreter itself."""
    path = checkout / "calls"
    asked = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [call for call in asked if not call.startswith("-c") and "--version" not in call]


def test_old_python_is_refused_with_a_sentence(up):
    outcome = up(OLD)

    assert outcome.returncode == 1
    assert "no Python 3.11 or newer" in outcome.stderr


def test_missing_venv_module_is_named_with_its_package(up, checkout):
    outcome = up(WITHOUT_VENV)

    assert outcome.returncode == 1
    assert "apt install python3-venv" in outcome.stderr
    assert not (checkout / ".venv").exists()


def test_first_start_makes_the_environment_and_starts_the_site(up, checkout):
    outcome = up(GOOD)

    venv, pip, start = calls(checkout)
    assert outcome.returncode == 0
    assert venv == f"-m venv --clear {checkout}/.venv"
    assert "--require-hashes" in pip
    assert pip.endswith("requirements/base.txt")
    assert start == f"{checkout}/manage.py up --flag"


def test_second_start_installs_nothing(up, checkout):
    up(GOOD)
    calls(checkout)

    up(GOOD)

    assert calls(checkout) == [f"{checkout}/manage.py up --flag"]


def test_changed_lock_is_installed_into_the_same_environment(up, checkout):
    up(GOOD)
    calls(checkout)
    with (checkout / "requirements" / "base.txt").open("a") as lock:
        lock.write("# changed\n")

    up(GOOD)

    pip, start = calls(checkout)
    assert "--require-hashes" in pip
    assert start.endswith("up --flag")


def test_environment_whose_python_is_gone_is_made_anew(up, checkout):
    up(GOOD)
    calls(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()

    up(GOOD)

    assert len(calls(checkout)) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_environment_of_another_user_is_left_alone(up, checkout):
    up(GOOD)
    calls(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()
    os.chown(checkout / ".venv", 12345, 12345)

    outcome = up(GOOD)

    assert outcome.returncode == 1
    assert "belongs to another user" in outcome.stderr
    assert calls(checkout) == []


def test_failed_installation_is_said_and_tried_again(up, checkout):
    offline = checkout / "calls.offline"
    offline.touch()
    outcome = up(GOOD)
    offline.unlink()

    assert outcome.returncode == 1
    assert "could not be installed" in outcome.stderr
    assert up(GOOD).returncode == 0
