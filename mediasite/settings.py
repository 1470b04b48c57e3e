"""Every setting, from the environment or `.env`; a wrong value stops the start with a sentence.

Sections: paths · security · apps · database · storage · quota · uploads · processing · editing ·
retention · operating · celery · API · web · mail · logs. A secret NAME may come from a file named
by NAME_FILE.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.utils.functional import SimpleLazyObject

from mediasite.environment import (
    env,
    read_address,
    read_archive,
    read_bucket,
    read_bytes,
    read_count,
    read_database,
    read_folders,
    read_hosts,
    read_mail,
    read_or_make_secret,
    read_port,
    read_seconds,
    read_switch,
    read_time_zone,
)

BASE_DIR = Path(__file__).resolve().parent.parent

env.read_env(BASE_DIR / ".env")


# --- paths: everything the site writes lies below DATA_DIR unless said otherwise

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(DATA_DIR / "media"))).resolve()
SCRATCH_ROOT = Path(env.str("SCRATCH_ROOT", default=str(DATA_DIR / "scratch"))).resolve()
LOG_ROOT = DATA_DIR / "logs"
BROKER_ROOT = DATA_DIR / "broker"
CACHE_ROOT = DATA_DIR / "cache"
MANAGED_ROOT = DATA_DIR / "managed"
BACKUP_ROOT = DATA_DIR / "backups"

# --- security

DEBUG = env.bool("DEBUG", default=False)
# Made when first used, so that what only looks at the settings leaves no file.
SECRET_KEY = env.str("SECRET_KEY", default="") or SimpleLazyObject(
    partial(read_or_make_secret, DATA_DIR / "secret_key")
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("HTTPS", default=False)  # served over TLS, by a proxy in front
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "recordings.api.errors.locked_out"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- apps

INSTALLED_APPS = [
    "mediasite",
    "retention",
    "thumbnails",
    "recordings",
    "recordings.ledger",
    "recordings.admin_site.LibraryAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "axes",
]
MIDDLEWARE = [
    "mediasite.listening.listen_out",
    "mediasite.listening.without_body",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "mediasite.urls"
WSGI_APPLICATION = "mediasite.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS = ["models.W040"]  # SQLite makes a covering index without what it covers
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database: no ATOMIC_REQUESTS, since storage is never touched inside a transaction

DATABASES: dict[str, Any] = {
    "default": read_database("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        ),
    }
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": CACHE_ROOT / "django",
        "KEY_PREFIX": "mediasite",
    },
    # Resized pictures, and frames of videos for less long; what is missing is made anew.
    "thumbnails": {
        "BACKEND": "thumbnails.cache.PictureCache",
        "LOCATION": CACHE_ROOT / "thumbnails",
        "TIMEOUT": 30 * 24 * 3600,
        "KEY_PREFIX": "mediasite",
        "OPTIONS": {"MAX_ENTRIES": 10_000, "CULL_FREQUENCY": 10},
    },
}

# --- storage: an alias is written into every row and keeps its meaning for ever

DISK: dict[str, Any] = {
    "BACKEND": "recordings.ledger.storages.DiskStorage",
    "OPTIONS": {"location": MEDIA_ROOT},
}
STORAGES: dict[str, dict[str, Any]] = {
    "default": DISK,
    "disk": DISK,
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_STORAGE = "disk"
if bucket := env.str("AWS_STORAGE_BUCKET_NAME", default=""):
    STORAGES["s3"] = read_bucket(bucket)
    MEDIA_STORAGE = "s3"
    # Players and pictures are sent on to the bucket, by signed addresses.
    bucket_origin = env.str("AWS_S3_ENDPOINT_URL", default="") or "https://*.amazonaws.com"
    for directive in ("img-src", "media-src"):
        CONTENT_SECURITY_POLICY["DIRECTIVES"][directive].append(bucket_origin)
# Archived recordings: a folder or a bucket of their own. Without one nothing can be archived.
ARCHIVE_ROOT, archive = read_archive()
if archive:
    STORAGES["archive"] = archive
MEDIA_URL = "/media/"
X_ACCEL_PREFIX = env.str("X_ACCEL_PREFIX", default="")  # e.g. /protected/, served by nginx
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# The letters that captions are burned in with, for the preview of it.
STATICFILES_DIRS = [BASE_DIR / "static", ("fonts", BASE_DIR / "thumbnails" / "fonts")]

# --- quota

DEFAULT_QUOTA_BYTES = read_bytes("DEFAULT_QUOTA_BYTES")  # None: unlimited
PROCESSING_RESERVE_PERCENT = 60  # of the upload, set aside for what processing will add

# --- uploads: the API reads the body as it comes, so Django's own limits cover forms only

UPLOAD_MAX_BYTES = read_bytes("UPLOAD_MAX_BYTES")
UPLOAD_PERIOD = timedelta(hours=24)  # for a resumable upload to go on, counted from its last bytes
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
IMPORT_BY_URL = read_switch("IMPORT_BY_URL")  # whether the site itself fetches from addresses
IMPORT_ALLOWED_HOSTS = read_hosts("IMPORT_ALLOWED_HOSTS")  # though they are on no public network
IMPORT_TIMEOUT = read_seconds("IMPORT_TIMEOUT", default=timedelta(hours=6))
IMPORT_SILENCE = timedelta(seconds=30)  # of a server in mid-transfer
IMPORT_SLOWEST_BYTES = 10_000  # a second, on the average of IMPORT_PACE_PERIOD
IMPORT_PACE_PERIOD = timedelta(minutes=1)
IMPORTS_OPEN = 5  # of one owner, waiting or running

# --- processing

FFMPEG_BINARY = env.str("FFMPEG_BINARY", default="")
PROCESSING_STEPS = [
    "recordings.processing.steps.probe.Probe",
    "recordings.processing.steps.trim.Trim",
    "recordings.processing.steps.audio.Audio",
    "recordings.processing.steps.transcribe.Transcribe",
    "recordings.processing.steps.topics.Topics",
    "recordings.processing.steps.subtitles.Subtitles",
    "recordings.processing.steps.poster.Poster",
]
TRANSCRIBER = env.str(
    "TRANSCRIBER", default="recordings.processing.transcribers.pocketsphinx.PocketSphinx"
)
WHISPER_MODEL = env.str("WHISPER_MODEL", default="")  # a folder with a faster-whisper model
ANALYSER = env.str("ANALYSER", default="recordings.processing.analysers.keywords.Keywords")
ANALYSER_URL = env.str("ANALYSER_URL", default="")
ANALYSER_KEY = env.str("ANALYSER_KEY", default="")
ANALYSER_MODEL = env.str("ANALYSER_MODEL", default="")
PROCESSING_TIMEOUT = timedelta(hours=12)
PROCESSING_MEMORY_BYTES = 4 * 1024**3  # address space of one ffmpeg or probe
PROCESSING_LEASE = timedelta(minutes=2)
PROCESSING_ATTEMPTS = 3

# --- editing: the folder of fonts that captions are burned into videos with

CAPTION_FONTS = Path(env.str("CAPTION_FONTS", default=str(BASE_DIR / "thumbnails" / "fonts")))

# --- retention

TRASH_PERIOD = timedelta(days=30)
RETENTION_ROOTS = read_folders("RETENTION_ROOTS")  # policies may tidy these, beside MANAGED_ROOT
BACKUPS_KEPT = 7  # of the database; older ones go when a new one stands

# --- operating: who may read /metrics without a user, who is told beside the administrators

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
WEBHOOK_URL = read_address("WEBHOOK_URL")

# --- celery

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="files://")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL == "files://":
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_ROOT / "messages"),
        "data_folder_out": str(BROKER_ROOT / "messages"),
        "control_folder": str(BROKER_ROOT / "control"),
        "processed_folder": str(BROKER_ROOT / "processed"),
        "polling_interval": 0.2,
    }
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "upkeep"
CELERY_TASK_ROUTES = {  # what takes long
    "recordings.tasks.process": {"queue": "processing"},
    "recordings.tasks.prepare_session": {"queue": "processing"},
    "recordings.tasks.restore_archived": {"queue": "processing"},
    # what waits for strangers' servers, and must not keep anybody else waiting
    "recordings.tasks.bring_in": {"queue": "imports"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

# --- API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "recordings.api.authentication.TokenAuthentication",
        "recordings.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "recordings.api.parsers.JSONParser",
        "recordings.api.parsers.FormParser",
        "recordings.api.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "recordings.api.pagination.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "recordings.api.errors.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "mediasite",
    "DESCRIPTION": "A self-hosted library of recordings that keeps its own storage in order.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "FileKind": "recordings.ledger.names.Kind",
        "JobKind": "recordings.processing.models.Job.Kind",
        "JobState": "recordings.processing.models.Job.State",
        "RecordingState": "recordings.models.Recording.State",
        "PolicyAction": "retention.choices.Action",
        "SourceRuleAction": "recordings.processing.models.SourceRule.Action",
    },
}

# --- web

PORT = read_port("PORT", default=8000)
WEB_WORKERS = read_count("WEB_WORKERS", default=2)
WEB_THREADS = read_count("WEB_THREADS", default=4)
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "library"
LOGOUT_REDIRECT_URL = "login"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # one with a catalog in locale/; half a page would be worse
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
FORMAT_MODULE_PATH = "mediasite.formats"
TIME_ZONE = read_time_zone("TIME_ZONE")

# --- mail

globals().update(read_mail("EMAIL_URL"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="mediasite@localhost")

# --- logs: what was removed and why goes to maintenance.log, the rest to standard error

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "maintenance": {"format": "%(asctime)s %(levelname)s %(message)s"},
    },
    "filters": {"without_ticks": {"()": "mediasite.logs.WithoutTicks"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["without_ticks"],
        },
        "maintenance": {
            "class": "mediasite.logs.MaintenanceFile",
            "filename": LOG_ROOT / "maintenance.log",
            "formatter": "maintenance",
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "mediasite.maintenance": {"handlers": ["maintenance"], "level": "INFO"},
        "django.server": {"level": "WARNING"},
    },
}
