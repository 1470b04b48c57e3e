"""Speak the lecture and write `voice.ogg` and `voice.json`.

`manage.py shell -c "from recordings.demo.make_voice import main; main()"` runs it. Needs espeak-ng;
run it again when the text has changed and commit what it writes.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import wave
from array import array
from pathlib import Path
from typing import Final

import imageio_ffmpeg

from recordings.demo.lecture import (
    BETWEEN_SENTENCES,
    BETWEEN_SLIDES,
    HEAD,
    SLIDES,
    TAIL,
    TIMINGS,
    VOICE,
)

RATE: Final = 22_050  # Hz, what espeak-ng speaks in
VOICE_OPTIONS: Final = ("-v", "en-gb", "-s", "160", "-p", "42", "-a", "90")
QUIET: Final = 100  # of 32767
BITRATE: Final = "20k"


def speak(sentence: str, folder: Path) -> array[int]:
    """Return the samples of one sentence, without the silence espeak-ng puts around it."""
    result = folder / "sentence.wav"
    subprocess.run(["espeak-ng", *VOICE_OPTIONS, "-w", str(result), sentence], check=True)
    with wave.open(str(result)) as file:
        assert (file.getframerate(), file.getnchannels()) == (RATE, 1)
        samples = array("h", file.readframes(file.getnframes()))
    loud = [index for index, sample in enumerate(samples) if abs(sample) > QUIET]
    return samples[loud[0] : loud[-1] + 1]


def silence(seconds: float) -> array[int]:
    return array("h", bytes(2 * round(seconds * RATE)))


def perform(folder: Path) -> tuple[array[int], list[tuple[float, float, str]]]:
    """Say everything; return the samples and when each sentence begins and ends."""
    sound, said = silence(HEAD), []
    for slide in SLIDES:
        for sentence in slide.said:
            start = len(sound) / RATE
            sound += speak(sentence, folder)
            said.append((round(start, 3), round(len(sound) / RATE, 3), sentence))
            sound += silence(BETWEEN_SENTENCES)
        sound += silence(BETWEEN_SLIDES - BETWEEN_SENTENCES)
    return sound + silence(TAIL - BETWEEN_SLIDES), said


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound, said = perform(folder)
        whole = folder / "whole.wav"
        with wave.open(str(whole), "wb") as file:
            file.setparams((1, 2, RATE, len(sound), "NONE", ""))
            file.writeframes(sound.tobytes())
        encode = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(whole)]
        encode += ["-c:a", "libopus", "-b:a", BITRATE, "-application", "voip", "-bitexact"]
        subprocess.run([*encode, str(VOICE)], check=True)
    script = {"duration": round(len(sound) / RATE, 3), "said": said}
    TIMINGS.write_text(json.dumps(script, indent=1) + "\n")
