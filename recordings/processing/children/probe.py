"""Read what a media file holds and print it as one line of JSON.

    python -I probe.py PATH PROTOCOLS FORMATS

Every packet is counted, none but the first picture decoded: what a header says about duration and
streams is a claim, and recordings from browsers say nothing at all.
"""

import json
import math
import sys
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition


def main(path: str, protocols: str, formats: str) -> dict[str, Any]:
    options = {"protocol_whitelist": protocols, "format_whitelist": formats}
    with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
        video = next((one for one in container.streams.video if not attached(one)), None)
        audio = next(iter(container.streams.audio), None)
        found = walk(container, [one for one in (video, audio) if one])
        facts: dict[str, Any] = {
            "container": container.format.name,
            "declared": container.duration / av.time_base if container.duration else None,
            "duration": max((end for end, _ in found.values()), default=0.0),
            "video": None,
            "audio": None,
        }
        if video and video.index in found:
            facts["video"] = picture(container, video, found[video.index])
        if audio and audio.index in found:
            facts["audio"] = sound(audio)
    return facts


def attached(stream: Any) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def walk(container: InputContainer, streams: list[Any]) -> dict[int, tuple[float, int]]:
    """Return, for each stream with any packet, its end in seconds and its number of packets."""
    if not streams:
        return {}
    start = Fraction(container.start_time or 0, av.time_base)
    found: dict[int, tuple[float, int]] = {}
    for packet in container.demux(streams):
        if packet.size == 0:  # the flush at the end
            continue
        end, count = found.get(packet.stream.index, (0.0, 0))
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and packet.time_base:
            end = max(end, float((stamp + (packet.duration or 0)) * packet.time_base - start))
        found[packet.stream.index] = (end, count + 1)
    return found


def picture(container: InputContainer, stream: Any, walked: tuple[float, int]) -> dict[str, Any]:
    """Say how a video stream is shown: turned by its rotation, stretched by its pixel shape."""
    container.seek(0)
    frame = next(iter(container.decode(stream)))
    width = round(frame.width * (stream.sample_aspect_ratio or 1))
    sides = (width, frame.height) if frame.rotation % 180 == 0 else (frame.height, width)
    end, count = walked
    return {
        "index": stream.index,
        "codec": stream.codec_context.name,
        "pixels": frame.format.name,
        "width": sides[0],
        "height": sides[1],
        "rate": count / end if end and math.isfinite(end) else 0.0,
    }


def sound(stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    return {"index": stream.index, "codec": context.name, "channels": context.channels}


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
    except (av.FFmpegError, StopIteration, OverflowError) as error:
        sys.exit(f"{type(error).__name__}: {getattr(error, 'strerror', error)}")
