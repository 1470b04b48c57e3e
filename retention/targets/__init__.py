"""The targets, found by looking into this folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from types import MappingProxyType

from retention.targets.base import Target


@cache
def targets() -> Mapping[str, Target]:
    """Every target by its slug."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return MappingProxyType({kind.slug: kind() for kind in sorted(_kinds(), key=lambda k: k.slug)})


def _kinds(base: type[Target] = Target) -> list[type[Target]]:
    below = [kind for child in base.__subclasses__() for kind in (child, *_kinds(child))]
    return [k for k in below if k.__module__.startswith(__name__) and not isabstract(k)]


def find(slug: str) -> Target | None:
    return targets().get(slug)


def get(slug: str) -> Target:
    """Return a target. Raises KeyError."""
    return targets()[slug]


def slugs() -> list[str]:
    return list(targets())


__all__ = ["Target", "find", "get", "slugs", "targets"]
