"""`python -m export.people`: fetches all packages with people's recordings and says what they hold.

With --manifest it writes those with texts in the form that `make evaluate EVALUATE="--manifest FILE"` reads.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from export.failure import ExportError
from export.people.collection import recordings
from export.people.fetching import CACHE
from export.people.recordings import Recording


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m export.people", description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="default: %(default)s")
    parser.add_argument("--manifest", type=Path, help="write the recordings with texts there, a JSON object a line")
    options = parser.parse_args(arguments)
    try:
        found = recordings(options.cache)
    except (ExportError, OSError) as error:
        print(f"people: {error}", file=sys.stderr)
        return 1
    counts = Counter((each.language, each.speaker, each.split, each.source) for each in found)
    for (language, speaker, split, source), count in sorted(counts.items()):
        print(f"{language:4}{speaker:26}{split:7}{count:5}  {source}")
    if options.manifest:
        options.manifest.write_text("".join(map(_line, found)), encoding="utf-8")
    return 0


def _line(recording: Recording) -> str:
    if recording.text is None:
        return ""
    fields = {"text": recording.text, "language": recording.language, "speaker": recording.speaker}
    split = f"{recording.source} {recording.split}"
    return json.dumps({"audio": str(recording.path.resolve()), **fields, "split": split}, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
