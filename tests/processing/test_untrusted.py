"""P5: files that are not what their name says, or that want more than they may have."""

from __future__ import annotations

import os
import threading

import pytest

from recordings.processing import ffmpeg
from recordings.processing.exceptions import MediaError, SiteFault
from recordings.processing.probe import probe, read_facts
from recordings.processing.steps.trim import Trim
from tests.processing import clips

pytestmark = pytest.mark.media

REFERENCES = {
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\nduration 5\n",
    "concat without header": "file '{target}'\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "HLS by protocol": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{target}\n",
    "DASH": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
    "<AdaptationSet><Representation><BaseURL>{target}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
}


@pytest.fixture
def trap(tmp_path):
    """A pipe and an event that is set once anybody opens the pipe to read."""
    pipe, sprung = tmp_path / "other_user.mp4", threading.Event()
    os.mkfifo(pipe)

    def wait_for_a_reader() -> None:
        os.close(os.open(pipe, os.O_WRONLY))
        sprung.set()

    waiting = threading.Thread(target=wait_for_a_reader)
    waiting.start()
    yield pipe, sprung
    os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
    waiting.join()


@pytest.mark.parametrize("kind", REFERENCES)
def test_text_named_mp4_is_refused_by_its_bytes(tmp_path, kind):
    target = clips.video(tmp_path)
    disguised = tmp_path / "innocent.mp4"
    disguised.write_text(REFERENCES[kind].format(target=target))

    with pytest.raises(MediaError, match="no video or audio file"):
        probe(disguised)


@pytest.mark.parametrize("kind", REFERENCES)
def test_text_named_mp4_opens_no_other_file_even_past_the_sniffing(tmp_path, stop, kind):
    target = clips.video(tmp_path)
    disguised, stolen = tmp_path / "innocent.mp4", tmp_path / "stolen.mp4"
    disguised.write_text(REFERENCES[kind].format(target=target))

    with pytest.raises(MediaError):
        ffmpeg.run([*ffmpeg.source(disguised), "-c", "copy", str(stolen)], stop=stop, timeout=30)

    assert not stolen.exists()


def test_the_disguise_would_work_without_our_white_list(tmp_path):
    target = clips.video(tmp_path)
    disguised = tmp_path / "innocent.mp4"
    disguised.write_text(REFERENCES["ffconcat"].format(target=target))

    stolen = clips.make(
        tmp_path / "stolen.mp4", "-safe", "0", "-f", "concat", "-i", str(disguised), "-c", "copy"
    )

    assert stolen.stat().st_size > 1000


def test_small_memory_limit_refuses_the_recording_not_the_site(tmp_path, settings):
    clip = clips.video(tmp_path)
    settings.PROCESSING_MEMORY_BYTES = 96 * 1024**2

    with pytest.raises((MediaError, SiteFault)):
        probe(clip)


def test_encode_beyond_its_output_limit_is_stopped(tmp_path, stop):
    clip, result = clips.video(tmp_path), tmp_path / "big.avi"
    raw = [*ffmpeg.source(clip), "-c:v", "rawvideo", "-f", "avi", str(result)]

    with pytest.raises(MediaError, match="out of all proportion"):
        ffmpeg.run(raw, stop=stop, timeout=60, output_limit=100_000)

    assert result.stat().st_size <= 100_000


def test_full_disk_is_the_sites_fault(tmp_path, stop):
    clip = clips.video(tmp_path)

    with pytest.raises(SiteFault, match="disk is full"):
        ffmpeg.run(
            [*ffmpeg.source(clip), "-f", "matroska", "file:/dev/full"], stop=stop, timeout=60
        )


@pytest.mark.parametrize("kind", REFERENCES)
def test_file_that_a_text_points_at_is_never_opened(tmp_path, stop, trap, kind):
    pipe, sprung = trap
    disguised = tmp_path / "innocent.mp4"
    disguised.write_text(REFERENCES[kind].format(target=pipe))

    for attempt in (
        lambda: probe(disguised),
        lambda: read_facts(disguised, stop),
        lambda: ffmpeg.run([*ffmpeg.source(disguised), "-f", "null", "-"], stop=stop, timeout=9),
    ):
        with pytest.raises(MediaError):
            attempt()

    assert not sprung.is_set()


def test_the_trap_springs(trap):
    pipe, sprung = trap

    with pipe.open("rb"):
        assert sprung.wait(5)


@pytest.mark.parametrize("damage", [clips.cut_off, clips.without_index])
def test_cut_off_recording_fails_in_words_for_its_owner(tmp_path, probed, damage):
    with pytest.raises(MediaError, match="damaged or cut off"):
        Trim().run(probed(damage(tmp_path)))


def test_garbage_behind_a_good_head_is_refused(tmp_path, probed):
    clip = clips.video(tmp_path)
    data = bytearray(clip.read_bytes())
    data[2000:-4000] = os.urandom(len(data) - 6000)
    clip.write_bytes(data)

    with pytest.raises(MediaError):
        Trim().run(probed(clip))
