#!/usr/bin/env python
"""Run Django's commands for this site."""

from __future__ import annotations

import os
import sys

from mediasite.command_line import main

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mediasite.settings")
    main(sys.argv)
