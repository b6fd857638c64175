"""`python -m export.calibrate --manifest FILE`: fits the probability of one voice to recordings of your own users.

Each line of FILE names a recording and its speaker, as JSON: {"audio": "a.wav", "speaker": "anna"}. The figures are of
speakers that the fit did not hear. Without --manifest the bundled calibration is made anew, of the people whose
recordings package registries hold. `python -m export.calibration` is the same command.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from export.__main__ import DEFAULT_REPOSITORY
from export.calibration import bundled, own, picture
from export.calibration.listening import Listener
from export.calibration.pairs import Pairs
from export.failure import ExportError
from export.people.fetching import CACHE
from export.publishing.pipeline import recalibrated
from export.publishing.publication import publish, versions
from export.publishing.recipes import RECIPES
from frontend.calibration import Calibration

_RECIPE = RECIPES["speaker_embedding"]
_COLUMNS = ("equal_error_rate", "same_accepted", "other_refused")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        if options.manifest:
            _own(options)
        else:
            _bundled(options)
    except (ExportError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m export.calibrate", description=__doc__)
    parser.add_argument("--manifest", type=Path, help="recordings of your own users, a JSON object a line")
    parser.add_argument("--repository", type=Path, default=DEFAULT_REPOSITORY, help="default: %(default)s")
    parser.add_argument("--no-publish", action="store_true", help="only measure")
    parser.add_argument("--picture", type=Path, default=Path("var/calibration.svg"), help="default: %(default)s")
    parser.add_argument("--cache", type=Path, default=CACHE, help="of people's recordings, default: %(default)s")
    parser.add_argument("--out", type=Path, default=_RECIPE.calibration_path, help="without --manifest: %(default)s")
    return parser.parse_args(arguments)


def _own(options: argparse.Namespace) -> None:
    published = versions(options.repository / _RECIPE.model)
    listener = Listener()
    if published and published[-1].manifest.get("identity") != listener.identity:
        raise ExportError(f"{published[-1].path} has other weights than those that can be calibrated here")
    result, judged, calibration = own.calibrate(listener, options.manifest, _served(published))
    print(report(result))
    _draw(options.picture, judged, calibration)
    if options.no_publish:
        return
    version = publish(options.repository / _RECIPE.model, recalibrated(_RECIPE, result))
    print(f"{_RECIPE.model}: version {version.number} published; a running server takes it over, templates stay good")


def _served(published: Sequence[Any]) -> Calibration:
    """What the newest version says, or the bundled calibration where that does not look at amounts of speech."""
    for content in (published[-1].manifest.get("calibration") if published else None, _RECIPE.calibration()):
        calibration = Calibration.parse(content)
        if calibration is not None:
            return calibration
    raise ExportError(f"{_RECIPE.calibration_path} is missing: python -m export.calibrate")


def _bundled(options: argparse.Namespace) -> None:
    result, judged, calibration = bundled.calibrate(Listener(), options.cache)
    print(report(result))
    _draw(options.picture, judged, calibration)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{options.out} written; `python -m export` publishes it as the next version")


def _draw(path: Path, judged: Pairs, calibration: Calibration) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(picture.draw(judged, calibration), encoding="utf-8")
    print(f"{path} shows them")


def report(result: Mapping[str, Any]) -> str:
    """The figures as a table for people."""
    lines = [f"{'':44}{'EER':>22}{'same > 0.5':>22}{'other < 0.5':>22}{'pairs':>17}"]
    for row in result["figures"]:
        cells = [f"{row[name]['share']:.1f} ({row[name]['low']:.1f} to {row[name]['high']:.1f}) %" for name in _COLUMNS]
        counts = f"{row['same_pairs']} {row['other_pairs']:>9}"
        lines.append(f"{row['set']:44}" + "".join(f"{cell:>22}" for cell in cells) + f"{counts:>17}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
