"""docs/targets.md, made from the targets: `python -m tests.retention.targets_table` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from retention.targets import Target, targets

PAGE = Path(__file__).resolve().parents[2] / "docs" / "targets.md"
HEAD = """# What policies can remove

Every policy has one target. This table is made from the classes in `retention/targets/`; a test
fails when it says something else than they do. The first clock is the one understood when a policy
names none. Whatever the table says, nothing goes that a hold covers.
"""


def page() -> str:
    return "\n".join([HEAD, *_lines()]) + "\n"


def _lines() -> Iterator[str]:
    yield "| target | what it removes, and what never | clocks | rules | actions | narrowed by |"
    yield "|---|---|---|---|---|---|"
    for target in targets().values():
        yield f"| {' | '.join(_cells(target))} |"


def _cells(target: Target) -> list[str]:
    scopes = [*sorted(target.scopes), *(["folder and name"] if target.has_path else [])]
    return [
        f"`{target.slug}`",
        target.removes,
        ", ".join(clock.value for clock in target.clocks),
        ", ".join(str(rule.label) for rule in target.rules),
        ", ".join(action.value for action in target.actions),
        ", ".join(scopes) or "-",
    ]


def main() -> None:
    import django

    django.setup()
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
