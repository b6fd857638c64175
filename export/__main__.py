"""`python -m export`: puts the bundled models into the model repository. Quick when there is nothing to do."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from export.failure import ExportError
from export.publication import current, publish, versions
from export.recipes import RECIPES, Recipe

DEFAULT_REPOSITORY = Path(__file__).resolve().parent.parent / "model_repository"


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    chosen = [RECIPES[name] for name in options.models or RECIPES]
    try:
        if options.against_original:
            compare_with_original(chosen)
        elif options.check:
            check(chosen, options.repository)
        else:
            export(chosen, options.repository, options.force)
    except (ExportError, OSError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    return 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"one of {', '.join(RECIPES)}; default: all")
    parser.add_argument("--repository", type=Path, default=DEFAULT_REPOSITORY, help="default: %(default)s")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--force", action="store_true", help="publish a new version even if the newest is current")
    action.add_argument("--check", action="store_true", help="measure the newest versions again; changes nothing")
    action.add_argument(
        "--against-original",
        action="store_true",
        help="compare speaker_embedding with the original package (needs export/requirements.txt)",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.models if name not in RECIPES]
    if unknown:
        parser.error(f"unknown model {unknown[0]!r}, choose from {', '.join(RECIPES)}")
    return options


def export(chosen: Sequence[Recipe], repository: Path, force: bool) -> None:
    stale = []
    for recipe in chosen:
        present = None if force else current(repository / recipe.model, str(recipe))
        if present is None:
            stale.append(recipe)
        else:
            print(f"{recipe.model}: version {present.number} is current")
    if not stale:
        return
    from tqdm import tqdm  # here, so that having nothing to do costs no imports

    from export.pipeline import make

    for recipe in tqdm(stale, desc="exporting", unit="model", disable=None, leave=False):
        files = make(recipe)
        version = publish(repository / recipe.model, files)
        difference = version.manifest["parity"]["max_difference"]
        tqdm.write(
            f"{recipe.model}: version {version.number} published, differs from its reference by {difference:.1e}"
        )


def check(chosen: Sequence[Recipe], repository: Path) -> None:
    for recipe in chosen:
        published = versions(repository / recipe.model)
        if not published:
            raise ExportError(f"{recipe.model} has no version in {repository}: python -m export {recipe.model}")
        newest = published[-1]
        if not newest.carries(str(recipe)):
            raise ExportError(f"{newest.path} is not by recipe {recipe}: python -m export {recipe.model}")
        from export import pipeline

        difference = pipeline.check(recipe, newest)["max_difference"]
        print(f"{recipe.model}: version {newest.number} is current, differs from its reference by {difference:.1e}")


def compare_with_original(chosen: Sequence[Recipe]) -> None:
    from export.original import compare

    if [recipe.model for recipe in chosen] != ["speaker_embedding"]:
        raise ExportError(
            "only speaker_embedding has an original to run: python -m export speaker_embedding --against-original"
        )
    difference = compare(chosen[0])
    print(f"speaker_embedding: differs from {chosen[0].source.distribution}'s own code by {difference:.1e}")
    if not difference <= chosen[0].tolerance:
        raise ExportError(f"that is more than {chosen[0].tolerance:.0e}")


if __name__ == "__main__":
    sys.exit(main())
