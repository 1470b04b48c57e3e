"""What is asked with HEAD is answered without a body, errors as well, as HTTP has it."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from mediasite.wsgi import application

pytestmark = pytest.mark.django_db


def answered(path: str, method: str) -> tuple[str, dict[str, str], bytes]:
    """What the site itself answers; Django's test client would take bodies away."""
    said: list[tuple[str, list[tuple[str, str]]]] = []
    environ = RequestFactory().generic(method, path, HTTP_HOST="localhost").environ
    response = application(environ, lambda status, headers, *_: said.append((status, headers)))
    status, headers = said[0]
    return status, dict(headers), b"".join(response)


@pytest.mark.parametrize(
    "path", ["/api/uploads/none", "/none", "/api/none", "/sign-in", "/healthz"]
)
def test_answer_to_head_has_no_body(path: str) -> None:
    status, headers, body = answered(path, "HEAD")

    assert body == b""
    assert status != "500 Internal Server Error"
    if "Content-Length" in headers:
        assert int(headers["Content-Length"]) > 0


def test_answer_to_get_keeps_its_body() -> None:
    assert answered("/healthz", "GET")[2] == b'{"status": "ok"}'
