"""`python -m export`: puts the bundled models into the model repository. Quick when there is nothing to do.

`python -m export asr --from NAME` takes weights from a hub or a folder instead; `--from x --help` tells its options.
"""

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from export.failure import ExportError
from export.publishing.publication import current, publish, versions
from export.publishing.recipes import BundledRecipe, Recipe, every_recipe, foreign

FOREIGN_WEIGHTS = "export.publishing.published"
DEFAULT_REPOSITORY = Path(__file__).resolve().parent.parent / "model_repository"


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if "--from" in given or any(argument.startswith("--from=") for argument in given):
            # Weights from elsewhere have options of their own, and an environment with PyTorch.
            return int(importlib.import_module(FOREIGN_WEIGHTS).main(given))
        options = parse(given)
        recipes = every_recipe(options.precision, options.decoding)
        chosen = [recipes[name] for name in options.models] or _replaceable(recipes.values(), options.repository)
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
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"one of {', '.join(every_recipe())}; default: all")
    parser.add_argument("--repository", type=Path, default=DEFAULT_REPOSITORY, help="default: %(default)s")
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16"),
        help="of the models that have this form: fp16 for GPUs, fp32 of what comes in int8; default: each as usual",
    )
    parser.add_argument(
        "--decoding",
        choices=("loop", "steps"),
        help="who writes token by token in `asr`: the graph in a loop of its own, or the backend step by step",
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--force", action="store_true", help="publish a new version even if the newest is current")
    action.add_argument("--check", action="store_true", help="measure the newest versions again; changes nothing")
    action.add_argument(
        "--against-original",
        action="store_true",
        help="compare speaker_embedding with the original package (needs export/requirements.txt)",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.models if name not in every_recipe()]
    if unknown:
        parser.error(f"unknown model {unknown[0]!r}, choose from {', '.join(every_recipe())}")
    return options


def _replaceable(recipes: Iterable[Recipe | BundledRecipe], repository: Path) -> Sequence[Recipe | BundledRecipe]:
    """All but those in whose place somebody's own weights are served: only who names them replaces them."""
    found = []
    for recipe in recipes:
        version = foreign(recipe, repository)
        if version is None:
            found.append(recipe)
        else:
            print(f"{recipe.model}: stays, {version.path.parent.name} {version.number} is of your own making")
    return found


def export(chosen: Sequence[Recipe | BundledRecipe], repository: Path, force: bool) -> None:
    """One after the other: whether a model is current can depend on the version that one before it just got."""
    bar = None
    for recipe in chosen:
        # Named although weights of somebody's own are in its place: it is to be served again, so it must be the newest.
        anew = force or foreign(recipe, repository) is not None
        present = None if anew else current(repository / recipe.model, recipe.name(repository))
        # So must one in a precision that is asked for.
        if present is not None and recipe.asked and present.number != versions(repository / recipe.model)[-1].number:
            present = None
        if present is not None:
            print(f"{recipe.model}: version {present.number} is current")
            continue
        from tqdm import tqdm  # here, so that having nothing to do costs no imports

        from export.publishing.pipeline import make

        bar = bar or tqdm(total=len(chosen), desc="exporting", unit="model", disable=None, leave=False)
        version = publish(repository / recipe.model, make(recipe, repository))
        parity = version.manifest["parity"]
        of_at_most = f"{parity['max_difference']:.1e} of at most {parity['tolerance']:.0e}"
        bar.write(f"{recipe.model}: version {version.number} published, differs from its reference by {of_at_most}")
        bar.update()
    if bar is not None:
        bar.close()


def check(chosen: Sequence[Recipe | BundledRecipe], repository: Path) -> None:
    for recipe in chosen:
        published = versions(repository / recipe.model)
        if not published:
            raise ExportError(f"{recipe.model} has no version in {repository}: python -m export {recipe.model}")
        newest = published[-1]
        if not newest.carries(recipe.name(repository)):
            raise ExportError(
                f"{newest.path} is not by recipe {recipe.name(repository)}: python -m export {recipe.model}"
            )
        from export.publishing import pipeline

        difference = pipeline.check(recipe, newest, repository)["max_difference"]
        print(f"{recipe.model}: version {newest.number} is current, differs from its reference by {difference:.1e}")


def compare_with_original(chosen: Sequence[Recipe | BundledRecipe]) -> None:
    from export.parity.speaker_original import compare

    recipe = chosen[0]
    if len(chosen) != 1 or not isinstance(recipe, Recipe) or recipe.model != "speaker_embedding":
        raise ExportError(
            "only speaker_embedding has an original to run: python -m export speaker_embedding --against-original"
        )
    difference = compare(recipe)
    print(f"speaker_embedding: differs from {recipe.source.distribution}'s own code by {difference:.1e}")
    if not difference <= recipe.tolerance:
        raise ExportError(f"that is more than {recipe.tolerance:.0e}")


if __name__ == "__main__":
    sys.exit(main())
