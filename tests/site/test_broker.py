"""The file broker: everything sent is delivered once, and bad files stop nobody."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue

import mediasite.celery  # noqa: F401  (registers files://)
from mediasite import broker

PRODUCERS, CONSUMERS, EACH = 4, 3, 1000
STOP = "stop"


def connect(root: Path) -> Connection:
    return Connection(
        "files://",
        transport_options={
            "data_folder_in": str(root / "messages"),
            "data_folder_out": str(root / "messages"),
            "control_folder": str(root / "control"),
            "processed_folder": str(root / "processed"),
            "polling_interval": 0.01,
        },
    )


def produce(root: Path, number: int) -> None:
    with connect(root) as connection, connection.SimpleQueue("work") as queue:
        for index in range(EACH):
            queue.put(f"{number}-{index}")


def consume(root: Path, number: int) -> None:
    received = []
    with connect(root) as connection, connection.SimpleQueue("work") as queue:
        while (message := queue.get(timeout=60)).payload != STOP:
            message.ack()
            received.append(message.payload)
        message.ack()
    (root / f"received-{number}").write_text("\n".join(received))


def in_processes(target, root: Path, count: int) -> list:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=(root, number)) for number in range(count)]
    for process in processes:
        process.start()
    return processes


def received_by_all(root: Path) -> Counter:
    return Counter(
        line for path in root.glob("received-*") for line in path.read_text().splitlines()
    )


def leftovers(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.suffix in {".msg", ".part", ".bad"}]


@pytest.fixture
def queue(tmp_path):
    with connect(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        yield queue


def folder_of(root: Path) -> Path:
    return root / "messages" / "work.queue"


def take(queue) -> str:
    message = queue.get(timeout=5)
    message.ack()
    return message.payload


def age(path: Path, *, hours: float) -> None:
    moment = time.time() - hours * 3600
    os.utime(path, (moment, moment))


def test_many_processes_deliver_every_message_once(tmp_path):
    consumers = in_processes(consume, tmp_path, CONSUMERS)
    for process in in_processes(produce, tmp_path, PRODUCERS):
        process.join()
    with connect(tmp_path) as connection, connection.SimpleQueue("work") as queue:
        for _ in consumers:
            queue.put(STOP)
    for process in consumers:
        process.join()

    received = received_by_all(tmp_path)

    assert len(received) == PRODUCERS * EACH
    assert set(received.values()) == {1}
    assert leftovers(tmp_path) == []


def test_messages_of_one_producer_arrive_in_order(queue):
    for number in range(50):
        queue.put(number)

    assert [take(queue) for _ in range(50)] == list(range(50))


@pytest.mark.parametrize(
    "content",
    [b"", b'{"body": "aGVs', b"\xff\xfe\x00", b"[]", b'"text"', b"{}", b'{"properties": {}}', b"7"],
)
def test_bad_file_is_set_aside_and_the_next_one_delivered(queue, tmp_path, content):
    bad = folder_of(tmp_path) / "000_bad.msg"
    bad.parent.mkdir(parents=True, exist_ok=True)
    bad.write_bytes(content)
    queue.put("good")

    assert take(queue) == "good"
    assert (tmp_path / "processed" / "000_bad.bad").read_bytes() == content


def test_half_written_message_is_not_delivered(queue, tmp_path):
    queue.put("whole")
    (folder_of(tmp_path) / ".0123.part").write_bytes(b'{"body"')

    assert take(queue) == "whole"
    with pytest.raises(Empty):
        queue.get(timeout=0.05)


def test_closed_connection_gives_back_what_was_not_acknowledged(queue, tmp_path):
    queue.put("again")
    with connect(tmp_path) as other, other.SimpleQueue("work") as unlucky:
        unlucky.get(timeout=5)

    assert take(queue) == "again"


def test_fanout_reaches_every_queue(tmp_path):
    exchange = Exchange("news", type="fanout")
    with connect(tmp_path) as connection:
        readers = [connection.SimpleQueue(Queue(name, exchange)) for name in ("left", "right")]
        connection.Producer(exchange=exchange).publish("hear", declare=[exchange])

        assert [take(reader) for reader in readers] == ["hear", "hear"]


def test_purge_empties_the_queue_and_counts(queue):
    for number in range(3):
        queue.put(number)

    assert queue.clear() == 3
    assert queue.qsize() == 0


def test_first_bindings_of_two_processes_both_stand(tmp_path):
    channels = [connect(tmp_path).channel() for _ in range(2)]
    for number, channel in enumerate(channels):
        channel._queue_bind("news", "", "", f"queue-{number}")

    assert {queue for _, _, queue in channels[0].get_table("news")} == {"queue-0", "queue-1"}


def test_messages_older_than_a_day_are_cleared(queue, tmp_path):
    queue.put("waiting")
    (old,) = folder_of(tmp_path).glob("*.msg")
    claimed = tmp_path / "processed" / "1_claimed.msg"
    claimed.parent.mkdir(exist_ok=True)
    claimed.write_bytes(b"")
    fresh = claimed.with_name("2_claimed.msg")
    fresh.write_bytes(b"")
    age(old, hours=25)
    age(claimed, hours=25)

    queue.channel._clear_old()

    assert leftovers(tmp_path) == [fresh]


def test_abandoned_queue_is_forgotten_and_a_watched_one_kept(tmp_path):
    with connect(tmp_path) as connection:
        channel = connection.default_channel
        exchange = Exchange("news", type="fanout")
        for name in ("watched", "abandoned"):
            Queue(name, exchange, channel=channel).declare()
            age(tmp_path / "messages" / f"{name}.queue", hours=25)
        channel.basic_consume("watched", no_ack=True, callback=print, consumer_tag="tag")

        channel._clear_old()

        assert [queue for _, _, queue in channel.get_table("news")] == ["watched"]
        assert not (tmp_path / "messages" / "abandoned.queue").exists()


def test_queue_names_cannot_leave_the_folder(tmp_path):
    channel = connect(tmp_path).channel()
    channel._put("../../escape", {"properties": {"delivery_tag": "1"}, "body": "here"})

    assert channel._get("../../escape")["body"] == "here"
    assert not list(tmp_path.parent.glob("escape*"))
    assert list((tmp_path / "messages").iterdir()) == [
        tmp_path / "messages" / "..%2F..%2Fescape.queue"
    ]


def test_alias_is_registered_for_the_settings():
    assert Connection("files://").transport_cls == "files"
    assert issubclass(Connection("files://").get_transport_cls(), broker.Transport)
