"""The site: settings, addresses, the Celery application. Imports every app; no app imports it."""

from mediasite.celery import app as celery_app

__all__ = ["celery_app"]
