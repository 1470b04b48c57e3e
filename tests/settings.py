"""The site's settings, with everything it writes in a folder of this test run."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="mediasite-test-"))
os.environ["DJANGO_READ_DOT_ENV_FILE"] = "0"

from mediasite.settings import *  # noqa: F403

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
# Commits do not wait for the disk: in tests processes die, and the kernel keeps its word.
database = DATABASES["default"]  # noqa: F405
if database["ENGINE"].endswith("sqlite3"):
    # A file, as in the field: races and kills need one that other processes can open.
    database["TEST"] = {"NAME": DATA_DIR / f"test_{os.getpid()}.sqlite3"}  # noqa: F405
    database["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
else:
    database["TEST"] = {"NAME": f"test_mediasite_{os.getpid()}"}
    database["OPTIONS"] = {"options": "-c synchronous_commit=off"}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - whitenoise warns where it is missing
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
AXES_ENABLED = False
