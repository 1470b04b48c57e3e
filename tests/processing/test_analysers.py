from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recordings.processing.analysers.keywords import Keywords
from recordings.processing.analysers.openai import OpenAI
from recordings.processing.captions import Segment
from recordings.processing.documents import Transcript
from recordings.processing.exceptions import Cancelled, SiteFault

DATABASES = [
    "The database keeps rows in tables",
    "every index makes the database faster",
    "a transaction locks rows of the tables",
    "the planner reads an index of the database",
]
GARDENS = [
    "In the garden roses need water",
    "tomatoes in the garden like the sun",
    "plant roses and tomatoes in spring soil",
    "water the soil around the roses",
]
RUSSIAN = [
    "Сегодня мы говорим про базу данных",
    "база данных хранит таблицы",
    "таблицы базы данных",
]
PORTUGUESE = ["Hoje vamos falar sobre armazenamento", "o armazenamento guarda arquivos"]
BENGALI = ["আজ আমরা তথ্যভান্ডার নিয়ে কথা বলব", "তথ্যভান্ডার সারি রাখে"]


def spoken(lines, language="en", *, gap=5.0):
    segments = [Segment(at * gap, at * gap + gap - 0.5, text) for at, text in enumerate(lines)]
    return Transcript(language, "owner", segments=segments)


def keywords(transcript, stop):
    return Keywords().analyse(transcript, stop=stop, timeout=10).topics


def test_topics_change_where_the_words_do(stop):
    lines = DATABASES * 12 + GARDENS * 12

    topics = keywords(spoken(lines), stop)

    assert len(topics) == 2
    assert topics[1].start == pytest.approx(48 * 5, abs=45)
    assert "database" in topics[0].keywords[:3]
    assert "roses" in topics[1].keywords[:3]


def test_short_talk_is_one_topic_over_all_of_it(stop):
    topics = keywords(spoken(DATABASES), stop)

    assert [(topic.start, topic.end) for topic in topics] == [(0.0, 19.5)]
    assert topics[0].title.startswith("Database")


@pytest.mark.parametrize(
    ("lines", "language", "word"),
    [
        (RUSSIAN, "ru", "данных"),
        (PORTUGUESE, "pt-br", "armazenamento"),
        (BENGALI, "bn", "তথ্যভান্ডার"),
        (RUSSIAN, "", "данных"),
    ],
)
def test_titles_come_from_telling_words_of_the_language(stop, lines, language, word):
    assert keywords(spoken(lines, language), stop)[0].keywords[0] == word


def test_common_words_alone_still_make_a_topic(stop):
    assert keywords(spoken(["and so it is", "that was it"]), stop)[0].title == "1"


def test_long_silence_inside_does_not_confuse(stop):
    segments = [Segment(0, 4, "database tables rows"), Segment(4000, 4004, "garden roses water")]

    topics = keywords(Transcript("en", "owner", segments=segments), stop)

    assert topics[0].start == 0
    assert topics[-1].end == 4004


class Service(BaseHTTPRequestHandler):
    """Answers as such services do; what it says and how long it takes is set on the server."""

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.asked.append((self.headers, json.loads(self.rfile.read(length))))
        self.server.asked_once.set()
        self.server.may_answer.wait(20)
        status, body = self.server.says
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        with suppress(BrokenPipeError, ConnectionResetError):  # who asked may have left
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def service(settings):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.asked, server.asked_once = [], threading.Event()
    server.may_answer = threading.Event()
    server.may_answer.set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.ANALYSER_URL = f"http://127.0.0.1:{server.server_port}/v1/"
    settings.ANALYSER_KEY, settings.ANALYSER_MODEL = "hush", "small"
    yield server
    server.may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


def said(content) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


def test_service_is_asked_and_its_topics_are_taken(service, stop):
    topics = [
        {"start": 8, "title": "Indexes", "keywords": ["index"]},
        {"start": -5, "title": "Rows", "keywords": ["rows"]},
        {"start": 9999, "title": "After the end", "keywords": []},
    ]
    service.says = 200, said(json.dumps({"topics": topics}))

    found = OpenAI().analyse(spoken(DATABASES), stop=stop, timeout=30).topics

    assert [(one.start, one.end, one.title) for one in found] == [
        (0.0, 8.0, "Rows"),
        (8.0, 19.5, "Indexes"),
    ]
    headers, body = service.asked[0]
    assert headers["Authorization"] == "Bearer hush"
    assert "database keeps rows" in body["messages"][1]["content"]


@pytest.mark.parametrize(
    "says",
    [
        (200, b"no json"),
        (200, b"{}"),
        (200, said("not the topics")),
        (200, said('{"topics": [{"start": "soon"}]}')),
        (200, said('{"topics": 5}')),
        (500, b""),
        (302, b""),
        (200, b"[" + b" " * 2 * 1024**2 + b"]"),
    ],
)
def test_service_that_talks_nonsense_is_the_sites_fault(service, stop, says):
    service.says = says

    with pytest.raises(SiteFault, match="analyser"):
        OpenAI().analyse(spoken(DATABASES), stop=stop, timeout=30)


def test_waiting_for_a_slow_service_can_be_cancelled(service, stop):
    service.says = 200, b"{}"
    service.may_answer.clear()
    threading.Thread(target=lambda: (service.asked_once.wait(20), stop.set())).start()

    with pytest.raises(Cancelled):
        OpenAI().analyse(spoken(DATABASES), stop=stop, timeout=30)
    cancelled = time.monotonic()
    service.may_answer.set()

    assert time.monotonic() - cancelled < 2


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "ftp://example.org"])
def test_service_without_a_web_address_is_not_asked(settings, stop, address):
    settings.ANALYSER_URL = address

    with pytest.raises(SiteFault, match="ANALYSER_URL"):
        OpenAI().analyse(spoken(DATABASES), stop=stop, timeout=30)
