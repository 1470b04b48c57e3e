"""Write down English speech, printing JSON lines as it goes.

    python -I pocketsphinx.py RATE command ...

The command writes 16-bit mono samples; it shares our process group, so whoever kills us kills it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator

# This file bears the library's name; with -I its folder is not on the path.
from pocketsphinx import Decoder, Segmenter

FRAMES = 100  # a second, in which the decoder counts
LONGEST = 15  # seconds decoded in one go; speech without a pause is cut there


def main(rate: int, command: list[str]) -> int:
    decoder = Decoder(samprate=rate, loglevel="FATAL")
    source = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    for speech in Segmenter(sample_rate=rate).segment(source.stdout):
        for start, sound in pieces(speech.start_time, speech.pcm, rate):
            found = words(decoder, sound, start)
            print(json.dumps({"words": found, "at": start}), flush=True)  # noqa: T201
    return source.wait()


def pieces(start: float, pcm: bytes, rate: int) -> Iterator[tuple[float, bytes]]:
    step = LONGEST * rate * 2
    for offset in range(0, len(pcm), step):
        yield start + offset / (rate * 2), pcm[offset : offset + step]


def words(decoder: Decoder, pcm: bytes, start: float) -> list[tuple[float, float, str]]:
    """Decode one stretch of speech; `word(2)` is a second way to say it, `<sil>` is none."""
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return []
    return [
        (
            round(start + one.start_frame / FRAMES, 2),
            round(start + (one.end_frame + 1) / FRAMES, 2),
            one.word.partition("(")[0],
        )
        for one in decoder.seg()
        if one.word[0] not in "<[+("
    ]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
