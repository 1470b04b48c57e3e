"""A session from its opening to its final video, on either storage."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from recordings.editing import rendering, sessions, sound, waveform
from recordings.ledger.names import Kind
from recordings.processing import work
from tests.conftest import assert_clean

pytestmark = [pytest.mark.media, pytest.mark.django_db(transaction=True)]


def test_session_is_heard_and_rendered_wherever_media_are(anywhere, filmed):
    session = sessions.begin(filmed.pk)
    assert sound.carry_out(session.pk) == "ready"
    cache.clear()
    session.refresh_from_db()
    assert b'"peaks":[' in waveform.document(session.audio.stored)

    job = rendering.start(session.pk, "track")

    assert work.carry_out(job.pk) == "succeeded"
    assert filmed.files.filter(kind=Kind.FINAL, stored__storage=anywhere).exists()
    assert_clean()
