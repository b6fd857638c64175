"""A module's tests lie at its path, so that whoever changes the one finds the other.

Tests of `frontend/media/decoder.py` are `tests/frontend/media/test_decoder.py`; where they are too many for one file,
the others are called by what they have in common: `test_decoder_bad_media.py`. Tests of a `__main__.py` are
`test_command.py`. Tests that need the whole gateway lie in tests/gateway, those of the served models in
tests/model_repository, each by its subject.
"""

from pathlib import Path

import pytest

from tests.triton_server import ROOT

TREES = ("frontend", "export", "docker")

# Tests of what is no module, and what they are of.
SUBJECTS = {"docker/test_images.py": "docker/compose.yaml"}


def files_of_tests() -> list[Path]:
    return sorted(
        path.relative_to(ROOT / "tests") for tree in TREES for path in (ROOT / "tests" / tree).rglob("test_*")
    )


def module_of(path: Path) -> Path | None:
    """The module or package whose tests lie here."""
    if path.parent.with_suffix(".py").exists():  # a folder for the tests of one module
        return path.parent.with_suffix(".py")
    words = path.stem.split("_")[1:]
    for count in range(len(words), 0, -1):
        name = "_".join(words[:count])
        for file in (f"{name}.py", name, "__main__.py" if name == "command" else name):
            if (ROOT / path.parent / file).exists():
                return path.parent / file
    return None


@pytest.mark.parametrize("path", files_of_tests(), ids=str)
def test_tests_lie_at_the_path_of_what_they_test(path: Path) -> None:
    if subject := SUBJECTS.get(str(path)):
        assert (ROOT / subject).exists()
    else:
        assert module_of(path), f"no module of {path.parent} begins the name {path.name}"
