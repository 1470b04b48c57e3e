"""Write down speech with faster-whisper, printing JSON lines as it goes.

python -I whisper.py MODEL_FOLDER AUDIO LANGUAGE-or-empty
"""

import json
import sys
from typing import Any

from faster_whisper import WhisperModel


def main(folder: str, audio: str, language: str) -> None:
    model = WhisperModel(folder, device="auto", compute_type="auto", local_files_only=True)
    segments, about = model.transcribe(audio, language=language or None, vad_filter=True)
    say({"language": about.language})
    for one in segments:
        say({"segment": [one.start, one.end, one.text.strip()], "at": one.end})


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
