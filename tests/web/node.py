"""Running the caption editor's modules under node, without a page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

MODULES = Path(__file__).resolve().parents[2] / "static/js/captions"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed here")


def run(folder: Path, script: str, *, beside: Sequence[str] = (), **environment: str) -> Any:
    """Run a script beside a copy of the modules; return the JSON that it prints.

    `beside` names modules of other pages that are copied there too.
    """
    if not (folder / "captions").exists():
        shutil.copytree(MODULES, folder / "captions")
        (folder / "captions/package.json").write_text('{"type": "module"}')
    for name in beside:
        shutil.copy(MODULES.parent / name, folder / "captions")
    scene = folder / "captions/scene.js"
    scene.write_text(script)
    assert NODE
    environment = {**os.environ, **environment}
    done = subprocess.run(
        [NODE, scene], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
