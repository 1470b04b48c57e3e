"""The site connects to the public internet alone, and to what the administrator named."""

from __future__ import annotations

import socket

import pytest

from recordings.uploads import addresses
from recordings.uploads.addresses import AddressRefused, check, check_shape, parse
from tests.api.conftest import mp4
from tests.recordings.scenes import assert_nothing_but

NOT_PUBLIC = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254",
    "172.16.0.1", "192.0.0.8", "192.0.0.9", "192.0.2.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:5db8:d822::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "3fff::1", "5f00::1", "2606:4700::1%lo",
]  # fmt: skip
PUBLIC = [
    "93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:93.184.216.34",
    "64:ff9b::5db8:d822",
]  # fmt: skip


@pytest.mark.parametrize("ip", NOT_PUBLIC)
def test_address_that_is_not_public_is_refused(ip):
    with pytest.raises(AddressRefused, match=r"^talks\.example is not on the public internet"):
        check(parse("https://talks.example/x"), [ip])


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_address_is_taken(ip):
    check(parse("https://talks.example/x"), [ip])


def test_one_address_that_is_not_public_is_enough_to_refuse():
    with pytest.raises(AddressRefused):
        check(parse("https://talks.example/x"), ["93.184.216.34", "10.0.0.1"])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begin with"),
        ("talk.mp4", "begin with"),
        ("file:///etc/passwd", "begin with"),
        ("ftp://example.org/a.mp4", "begin with"),
        ("javascript:alert(1)", "begin with"),
        ("//example.org/a.mp4", "begin with"),
        ("http://", "no address of a file"),
        ("http:///a.mp4", "no address of a file"),
        ("http://exa mple.org/a.mp4", "no address of a file"),
        ("http://example.org/a\r\nX: y", "no address of a file"),
        ("http://example.org:port/", "no address of a file"),
        ("http://example.org:99999/", "no address of a file"),
        ("http://example.org:0/", "no address of a file"),
        ("http://[::1/", "no address of a file"),
        ("http://[zz]/", "no address of a file"),
        ("http://a..b/", "no address of a file"),
        (f"http://{'a' * 70}.org/", "no address of a file"),
        ("http://user:hush@example.org/", "user name and password"),
        ("http://user@example.org/", "user name and password"),
        ("http://@example.org/", "user name and password"),
        ("https://example.org/" + "x" * 2000, "at most 2000"),
        ("http://127.0.0.1/", "not on the public internet"),
        ("http://[::1]:8000/", "not on the public internet"),
        ("http://[fe80::1%25eth0]/", "not on the public internet"),
        ("http://169.254.169.254/latest/meta-data/", "not on the public internet"),
        ("http://example.org:25/", "Port 25"),
        ("http://example.org:22/", "Port 22"),
    ],
)
def test_address_of_a_wrong_shape_is_refused_without_asking_anybody(url, words):
    with pytest.raises(AddressRefused, match=words):
        check_shape(url)


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("HTTPS://Example.ORG", "example.org", "/"),
        (" https://example.org:443/a%20b.mp4", "example.org", "/a%20b.mp4"),
        ("http://example.org:8080/a?b=c&d=%2F", "example.org:8080", "/a?b=c&d=%2F"),
        ("http://bücher.example/Лек", "xn--bcher-kva.example", "/%D0%9B%D0%B5%D0%BA"),
        ("https://[2606:4700::1]/#part", "[2606:4700::1]", "/"),
        ("http://example.org./a", "example.org", "/a"),
        ("http://example.org/a\\b", "example.org", "/a%5Cb"),
    ],
)  # fmt: skip
def test_address_is_taken_apart(url, authority, target):
    address = parse(url)

    assert (address.authority, address.target) == (authority, target)


@pytest.mark.parametrize(
    ("allowed", "url", "ip", "taken"),
    [
        ("media.intern", "http://media.intern/a", "10.0.0.1", True),
        ("media.intern", "http://MEDIA.intern.:8080/a", "10.0.0.1", True),
        ("media.intern:8080", "http://media.intern:8080/a", "10.0.0.1", True),
        ("media.intern:8080", "http://media.intern/a", "10.0.0.1", False),
        ("media.intern", "http://other.intern/a", "10.0.0.1", False),
        ("media.intern", "http://x.media.intern/a", "10.0.0.1", False),
        ("media.intern", "http://10.0.0.1/a", "10.0.0.1", False),
        ("10.0.0.1", "http://10.0.0.1:8080/a", "10.0.0.1", True),
        ("10.0.0.1", "http://media.intern/a", "10.0.0.1", False),
        ("[fd00::1]", "http://[fd00::1]/a", "fd00::1", True),
        ("[fd00:0:0::1]:80", "http://[FD00::0001]/a", "fd00::1", True),
        ("media.intern.", "http://media.intern/a", "10.0.0.1", True),
        ("10.0.0.0/8", "http://media.intern/a", "10.9.9.9", True),
        ("10.0.0.0/8", "http://media.intern/a", "192.168.1.1", False),
        ("fd00::/8", "http://media.intern/a", "fd00::1", True),
        ("0.0.0.0/0", "http://media.intern/a", "::1", False),
    ],
)
def test_administrator_names_what_is_let_through(settings, allowed, url, ip, taken):
    settings.IMPORT_ALLOWED_HOSTS = [allowed]
    address = parse(url)

    if taken:
        check(address, [ip])
    else:
        with pytest.raises(AddressRefused):
            check(address, [ip])


def lead(monkeypatch, *answers):
    """Let names lead to these addresses, one answer after the other, as a hostile server does."""
    real, left = socket.getaddrinfo, list(answers)

    def lookup(host, port, *args, **kwargs):
        if host == "localhost":
            return real(host, port, *args, **kwargs)
        ips = left.pop(0) if len(left) > 1 else left[0]
        return [found for ip in ips for found in real(ip, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


refused = pytest.mark.django_db(transaction=True)


@refused
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/secret",
        "http://localhost:{other}/secret",
        "http://localhost.:{other}/secret",
        "http://127.1:{other}/secret",
        "http://2130706433:{other}/secret",
        "http://0x7f.1:{other}/secret",
        "http://①②⑦.⓪.⓪.①:{other}/secret",
        "http://[::ffff:127.0.0.1]:{other}/secret",
        "http://0.0.0.0:{other}/secret",
        "http://127.0.0.1:{own}/secret",
        "//127.0.0.1:{own}/secret",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_redirect_to_what_is_not_public_is_not_followed(server, other_server, fetched, location):
    other_server.serves(mp4(), path="/secret")
    server.serves(mp4(), path="/secret")
    there = location.format(other=other_server.port, own=server.port)

    job = fetched(server.sends_on(there))

    assert job.state == "failed"
    assert job.error.startswith("The server that this address leads on to is not on the public")
    assert (len(server.requests), other_server.requests) == (1, [])
    assert_nothing_but(set())


@refused
@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("file:///etc/passwd", "begin with"),
        ("gopher://127.0.0.1/", "begin with"),
        ("http://user:hush@localhost/", "user name and password"),
        ("http://[", "no address"),
        ("http://example.org:22/", "Port 22"),
    ],
)
def test_redirect_to_what_is_no_web_server_is_not_followed(
    server, fetched, monkeypatch, location, words
):
    lead(monkeypatch, ["93.184.216.34"])

    job = fetched(server.sends_on(location))

    assert job.state == "failed"
    assert words in job.error
    assert "hush" not in job.error


@refused
def test_name_that_leads_elsewhere_the_second_time_is_asked_once(
    server, fetched, monkeypatch, other_server
):
    asked = []
    other_server.serves(mp4(), path="/secret")

    def dial(fresh, place, patience):
        asked.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr("recordings.uploads.wire._dial", dial)
    lead(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])

    job = fetched(f"http://rebind.example:{other_server.port}/secret")

    assert asked == [("93.184.216.34", other_server.port)]
    assert job.state == "failed"
    assert other_server.requests == []


@refused
def test_both_families_of_addresses_are_tried(fetched, monkeypatch):
    asked = []

    def dial(fresh, place, patience):
        asked.append(place[0])
        raise ConnectionRefusedError

    monkeypatch.setattr("recordings.uploads.wire._dial", dial)
    lead(monkeypatch, [*(f"2606:4700::{number}" for number in range(1, 9)), "93.184.216.34"])

    fetched("https://many.example/talk.mp4")

    assert asked[:3] == ["2606:4700::1", "93.184.216.34", "2606:4700::2"]


@refused
def test_connection_that_leads_elsewhere_is_dropped_before_a_word_is_said(
    server, fetched, monkeypatch, other_server
):
    real = addresses.is_public
    first = iter([True])
    lead(monkeypatch, ["127.0.0.1"])
    monkeypatch.setattr(addresses, "is_public", lambda ip: next(first, False) or real(ip))

    job = fetched(f"http://talks.example:{other_server.port}/secret")

    assert "talks.example is not on the public internet" in job.error
    assert other_server.requests == []


@refused
def test_site_does_not_fetch_from_its_own_machine(server, fetched, monkeypatch, other_server):
    monkeypatch.setattr(addresses, "is_public", lambda ip: True)
    lead(monkeypatch, ["127.0.0.1"])

    job = fetched(f"http://talks.example:{other_server.port}/talk.mp4")

    assert job.error == "talks.example is this site itself."
    assert other_server.requests == []
