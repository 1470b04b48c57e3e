"""Send a file with tus-js-client, breaking off at random offsets, to the site as it is served.

`python -m tests.proofs.tus [--aborts 20] [--workers 3] [--megabytes 256] [--seed N]`
starts `manage.py up` with so many web workers on a folder of its own (or on DATABASE_URL, or on the
bucket of AWS_STORAGE_BUCKET_NAME), installs the client from its locked package, and shows at the
end that the file that is there has the SHA-256 of the one that was sent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.site.processes import ROOT, Site, until

CLIENT = ROOT / "tests" / "tus"
PASSED_ON = ("DATABASE_URL", "AWS_STORAGE_BUCKET_NAME", "AWS_S3_ENDPOINT_URL")
PASSWORD = "for the administrator"
HEAD = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"


def installed(folder: Path) -> Path:
    """Install the client there as its lock says, and return the program that uses it."""
    for name in ("package.json", "package-lock.json", "upload.mjs"):
        shutil.copy(CLIENT / name, folder)
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "upload.mjs"


def make_file(path: Path, size: int, seed: int) -> str:
    """Write what looks like an MP4 and return its SHA-256."""
    chance, digest, left = random.Random(seed), hashlib.sha256(HEAD), size - len(HEAD)
    with path.open("wb") as file:
        file.write(HEAD)
        while left:
            piece = chance.randbytes(min(left, 1024 * 1024))
            digest.update(piece)
            file.write(piece)
            left -= len(piece)
    return digest.hexdigest()


def send(program: Path, **options: Any) -> dict[str, Any]:
    """Let the client send a file; return what it tells."""
    result = subprocess.run(
        ["node", str(program), json.dumps(options)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def sha256_at(site: str, token: str, recording: str) -> tuple[str, str]:
    """Return the hash in the row of a recording's original, and that of its bytes as served."""
    import requests

    headers = {"Authorization": f"Token {token}"}
    found = requests.get(f"{site}/api/recordings/{recording}", headers=headers, timeout=60).json()
    file = next(file for file in found["files"] if file["kind"] == "original")
    digest = hashlib.sha256()
    with requests.get(f"{site}{file['url']}", headers=headers, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        for piece in answer.iter_content(1024 * 1024):
            digest.update(piece)
    return file["sha256"], digest.hexdigest()


def sign_in(site: Site) -> str:
    import requests

    said = {"username": "admin", "password": PASSWORD}
    answer = requests.post(f"http://127.0.0.1:{site.port}/api/token", json=said, timeout=60)
    return str(answer.json()["token"])


def run(options: argparse.Namespace, folder: Path) -> None:
    program = installed(folder)
    file = folder / "lecture.mp4"
    digest = make_file(file, options.megabytes * 1024**2, options.seed)
    values = {name: os.environ.get(name, "") for name in PASSED_ON}
    values |= {"ADMIN_PASSWORD": PASSWORD, "DEMO": "0", "WEB_WORKERS": str(options.workers)}
    site = Site(folder / "data", values={name: value for name, value in values.items() if value})
    try:
        site.wait_until_ready()
        address, token, began = f"http://127.0.0.1:{site.port}", sign_in(site), time.monotonic()
        told = send(
            program,
            port=site.port,
            token=token,
            file=str(file),
            memory=str(folder / "memory.json"),
            aborts=options.aborts,
            seed=options.seed,
            chunk=options.chunk,
            rate=options.rate,
        )
        seconds = time.monotonic() - began
        found = sha256_at(address, token, told["recording"])
    finally:
        site.process.terminate()
        until(lambda: not site.members(), 15)
        site.end()
    assert len(told["aborts"]) == options.aborts, told
    assert found == (digest, digest), (found, digest)
    print(
        f"{options.workers} workers, {options.megabytes} MB in {seconds:.1f} s, broken off "
        f"{len(told['aborts'])} times at {told['aborts']}, gone on from {told['offsets']}, "
        f"answers {told['statuses']}: SHA-256 {digest} as sent, as noted and as served"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aborts", type=int, default=20)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rate", type=int, default=32 * 1024**2, help="bytes a second")
    parser.add_argument("--chunk", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run(options, Path(folder))


if __name__ == "__main__":
    main()
