"""`manage.py`: run a command, and turn what a person can put right into one sentence.

Everything else keeps its traceback. SQLite would make an empty database for whoever asks first, so
a command that wants a site is refused where there is none.
"""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from mediasite.environment import unusable

# The first two make the site, the others do without its rows.
WITHOUT_SITE = {"up", "migrate", "check", "collectstatic", "compilemessages", "diffsettings"}
WITHOUT_SITE |= {"findstatic", "help", "makemessages", "makemigrations", "spectacular"}
WITHOUT_SITE |= {"startapp", "startproject", "test", "testserver", "version"}


def main(arguments: list[str]) -> None:
    """Run the command in `arguments` (the program's name first); exit 1 with a sentence."""
    try:
        if wants_site(arguments[1:]) and not has_database():
            sys.exit(no_site())
        run(arguments)
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def run(arguments: list[str]) -> None:
    """Run a command; exit with a sentence where the ledger or the database refuses it."""
    if arguments[1:2] == ["migrate"]:
        make_folder()
    try:
        execute_from_command_line(arguments)
    except DatabaseError as error:
        if sentence := explain(error):
            sys.exit(sentence)
        raise
    except Exception as error:
        if is_refusal(error):
            sys.exit(str(error))
        raise


def wants_site(arguments: list[str]) -> bool:
    asks_for_help = {"-h", "--help", "--version"} & set(arguments)
    return bool(arguments and not asks_for_help and arguments[0] not in WITHOUT_SITE)


def has_database() -> bool:
    """Tell whether the file of SQLite is there; a server is asked by the command itself."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return True
    return Path(database["NAME"]).is_file()


def make_folder() -> None:
    """Make the folder in which `migrate` makes the file of SQLite."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        folder = Path(database["NAME"]).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(
                f"{folder} cannot be made ({error.strerror}): name another folder in DATA_DIR."
            ) from error


def no_site() -> str:
    return (
        f"There is no site in {settings.DATA_DIR} yet: run bin/up, or set DATA_DIR and "
        "DATABASE_URL as bin/up had them."
    )


def explain(error: DatabaseError) -> str | None:
    """Say why no command could work on this database; None where this one is to blame."""
    connection.close()  # what failed may have left a transaction
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as refusal:
        return unusable(refusal)
    if not executor.loader.applied_migrations:
        return no_site()
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "The tables of the database are older than the site: run manage.py migrate."
    return None


def is_refusal(error: Exception) -> bool:
    """Tell whether the ledger refused what a person asked for, in a sentence of its own."""
    from recordings.ledger import exceptions  # needs the settings, which may be wrong

    refusals = (exceptions.AccountClosed, exceptions.Held, exceptions.QuotaExceeded)
    return isinstance(error, (*refusals, exceptions.StorageFull, exceptions.StorageFault))
