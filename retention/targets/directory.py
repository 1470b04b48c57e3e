"""Files in a folder that other programs fill and nobody empties."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial

from recordings.ledger import unlink
from retention import folders, words
from retention.choices import Action, Clock
from retention.decide import Facts
from retention.exceptions import UnsafeFolder
from retention.models import RetentionPolicy
from retention.targets import files
from retention.targets.base import Result, Target, Work

logger = logging.getLogger(__name__)


class Directory(Target):
    slug = "directory"
    noun = "files in a folder"
    removes = (
        "Regular files of one folder below DATA_DIR/managed/ or a root in RETENTION_ROOTS, chosen "
        "by name, those of its subfolders only when asked; never a folder or a link, a hidden "
        "file only when its dot is named, and never anything of the site's own."
    )
    clocks = (Clock.MODIFIED,)
    actions = (Action.REPORT, Action.DELETE)
    in_database = False
    has_path = True

    def candidates(self, policy: RetentionPolicy, at: datetime) -> Iterator[list[Facts]]:
        return files.batches(self._found(policy))

    def _found(self, policy: RetentionPolicy) -> Iterator[Facts]:
        folder = folders.find(policy.path)
        for found in unlink.walk(
            folder.root, folder.name, recursive=policy.recursive, on_error=_note
        ):
            name = found.name.removeprefix(folder.prefix)
            if wanted(policy, name):
                yield files.facts(f"{policy.path}/{files.shown(name)}", found)

    def remove(self, work: Work) -> Mapping[int | str, Result]:
        folder = folders.find(work.policy.path)

        def look(key: str) -> tuple[Facts, Callable[[], bool]] | None:
            for name in files.meant(key.removeprefix(f"{work.policy.path}/")):
                found = unlink.look(folder.root, folder.prefix + name)
                if found and wanted(work.policy, name):
                    take = partial(
                        unlink.remove_file, folder.root, found.name, modified_ns=found.modified_ns
                    )
                    return files.facts(key, found), take
            return None

        return files.remove_each(work, look)

    def misfits(self, policy: RetentionPolicy) -> Iterator[tuple[str, str]]:
        try:
            folders.find(policy.path)
        except UnsafeFolder as error:
            yield "path", error.sentence
        if "/" in policy.glob:
            yield "glob", "This chooses by name alone: leave folders out, and look into subfolders."

    def refusal(self, policy: RetentionPolicy, at: datetime) -> str:
        try:
            folders.usable(policy.path)
        except UnsafeFolder as error:
            return error.sentence
        return ""

    def phrase(self, policy: RetentionPolicy, of: str) -> str:
        chosen = f"files called {policy.glob}" if policy.glob.strip("*") else "files"
        below = " and its subfolders" if policy.recursive else ""
        return words.aged(policy, f"{chosen} in {policy.path}{below}")


def wanted(policy: RetentionPolicy, name: str) -> bool:
    """Tell whether a name below the folder is chosen; what begins with a dot asks for one."""
    *above, last = name.split("/")
    if above and not policy.recursive:
        return False
    hidden = last.startswith(".") and not policy.glob.startswith(".")
    if hidden or any(folder.startswith(".") for folder in above):
        return False
    return fnmatchcase(last, policy.glob or "*")


def _note(error: OSError) -> None:
    logger.warning("a folder could not be looked into: %s", error)
