from __future__ import annotations

import json

import pytest

from recordings.processing.captions import Segment
from recordings.processing.documents import DocumentError, Topic, Topics, Transcript


def test_transcript_has_its_shape_and_reads_back():
    transcript = Transcript("ru", "owner", segments=[Segment(0.5, 2.0, "Привет")])

    assert json.loads(transcript.dump()) == {
        "version": 1,
        "language": "ru",
        "source": "owner",
        "draft": False,
        "segments": [{"start": 0.5, "end": 2.0, "text": "Привет"}],
    }
    assert Transcript.load(transcript.dump()) == transcript


def test_topics_read_back():
    topics = Topics("en", "keywords", [Topic(0.0, 9.5, "Databases", ["databases", "rows"])])

    assert Topics.load(topics.dump()) == topics


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"version": 1}', b'{"version": 2}'])
@pytest.mark.parametrize("document", [Transcript, Topics])
def test_damaged_document_is_refused_in_a_sentence(document, data):
    with pytest.raises(DocumentError, match=r"\.$"):
        document.load(data)
