"""The targets, found by looking into this folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from retention.targets.base import Target


@cache
def targets() -> Mapping[str, Target]:
    """Every target by its slug."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return MappingProxyType({kind.slug: kind() for kind in sorted(_kinds(), key=lambda k: k.slug)})


def _kinds() -> list[type[Target]]:
    return [kind for kind in Target.__subclasses__() if kind.__module__.startswith(__name__)]


def find(slug: str) -> Target | None:
    return targets().get(slug)


def get(slug: str) -> Target:
    """Return a target. Raises KeyError."""
    return targets()[slug]


def slugs() -> list[str]:
    return list(targets())


__all__ = ["Target", "find", "get", "slugs", "targets"]
