"""The site's settings with the bare views of benchmarks/thumbnails.py beside its addresses."""

from __future__ import annotations

from mediasite.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare_urls"
