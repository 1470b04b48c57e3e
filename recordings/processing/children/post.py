"""Send one JSON request over HTTP and print the answer, so that waiting can be cut short.

Reads {"url", "headers", "body", "timeout", "most"} from standard input; `most` is bytes.
"""

import json
import sys
import urllib.error
import urllib.request
from typing import Any


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key goes to the configured address and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def main(call: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 - the administrator's own setting
        call["url"], data=json.dumps(call["body"]).encode(), headers=call["headers"]
    )
    opener = urllib.request.build_opener(NoRedirects)
    with opener.open(request, timeout=call["timeout"]) as answer:
        body = answer.read(call["most"] + 1)
    if len(body) > call["most"]:
        sys.exit("the answer is too long")
    print(json.dumps(json.loads(body)))  # noqa: T201 - on one line


if __name__ == "__main__":
    try:
        main(json.load(sys.stdin))
    except (OSError, ValueError) as error:  # HTTPError and URLError are OSErrors
        sys.exit(f"{type(error).__name__}: {error}")
