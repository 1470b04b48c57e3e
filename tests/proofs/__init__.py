"""Proofs by attack: killed, stopped, raced, starved of room, and given hostile contents.

The tests here walk each attack as far as a test run can wait; the modules with a `main` are
commands that walk it whole: `python -m tests.proofs.crash` and its neighbours.
"""

from __future__ import annotations

import os

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
if not apps.ready:  # started as a command, not by pytest
    django.setup()
