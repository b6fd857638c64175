"""A module's tests lie at its path, so that whoever changes the one finds the other.

Tests of `frontend/media/decoder.py` are `tests/frontend/media/test_decoder.py`; where they are too many for one file,
the others are called by what they have in common: `test_decoder_bad_media.py`. Tests of a `__main__.py` are
`test_command.py`. Tests that need the whole gateway lie in tests/gateway, those of the served models in
tests/model_repository, each by its subject.
"""

import functools
from pathlib import Path

from tests.triton_server import ROOT

TREES = ("frontend", "export", "docker")

# Tests of what is no module, and what they are of.
SUBJECTS = {
    "docker/kubernetes/test_manifests.py": "docker/kubernetes",
    "docker/test_compose.py": "docker/compose.yaml",
    "docker/test_image_steps.py": "docker/gateway/Dockerfile",
    "docker/test_images.py": "docker/compose.yaml",
    "export/heads/test_bundled.py": "export/bundled/heads.safetensors",
    "export/publishing/test_precisions.py": "export/publishing/recipes.py",
    "export/people/test_third_party.py": "THIRD_PARTY.md",
}

# Where the modules are tested that have no tests at their path; a package stands for all in it that have none.
ELSEWHERE = {
    "frontend/__main__.py": "tests/gateway",
    "frontend/caller.py": "tests/gateway/test_exports.py",
    "frontend/client": "tests/gateway/test_client.py",
    "frontend/config/checks.py": "tests/frontend/config/test_loading.py",
    "frontend/config/services.py": "tests/frontend/config/test_loading.py",
    "frontend/config/settings.py": "tests/frontend/config/test_loading.py",
    "frontend/config/triton.py": "tests/frontend/config/test_loading.py",
    "frontend/connection": "tests/frontend/connection/test_session.py",
    "frontend/dialogue/commands.py": "tests/frontend/protocols",
    "frontend/dialogue/events.py": "tests/frontend/protocols",
    "frontend/dialogue/tasks.py": "tests/frontend/tasks",
    "frontend/keys/hashed.py": "tests/frontend/keys/test_files.py",
    "frontend/media/worker.py": "tests/frontend/media/test_decoder.py",
    "frontend/media/codecs.py": "tests/frontend/media/test_stream.py",
    "frontend/protocols/deepgram_form.py": "tests/frontend/protocols/test_deepgram.py",
    "frontend/protocols/openai_wording.py": "tests/frontend/protocols/test_realtime.py",
    "frontend/protocols/realtime_events.py": "tests/frontend/protocols/test_realtime.py",
    "frontend/recordings": "tests/frontend/recordings/test_archive.py",
    "frontend/rest": "tests/gateway/test_rest.py",
    "frontend/speech.py": "tests/frontend/triton/test_service.py",
    "frontend/tasks": "tests/frontend/protocols",
    "frontend/telemetry": "tests/frontend/telemetry/test_metrics.py",
    "frontend/triton": "tests/frontend/triton/test_service.py",
    "frontend/workers": "tests/gateway/test_workers.py",
    "docker/grafana": "tests/docker/grafana/test_drawing.py",
    "docker/kubernetes/rules.py": "tests/docker/kubernetes/test_manifests.py",
    "docker/stack.py": "tests/docker/test_run.py",
    "docker/triton": "tests/docker/triton/test_launcher.py",
    "docker/triton/backends/asr/recognition": "tests/docker/triton/backends/asr/test_model.py",
}


def files_of_tests() -> list[Path]:
    return sorted(
        path.relative_to(ROOT / "tests") for tree in TREES for path in (ROOT / "tests" / tree).rglob("test_*.py")
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


def test_tests_lie_at_the_path_of_what_they_test() -> None:
    assert [subject for subject in SUBJECTS.values() if not (ROOT / subject).exists()] == []
    lost = [path for path in files_of_tests() if str(path) not in SUBJECTS and not module_of(path)]
    assert lost == [], "no module of the folder begins a name like this"


@functools.cache
def modules_without_tests() -> list[str]:
    tested = {module_of(path) for path in files_of_tests()}
    modules = [path.relative_to(ROOT) for tree in ("frontend", "docker") for path in (ROOT / tree).rglob("*.py")]
    return sorted(str(path) for path in modules if path.name != "__init__.py" and path not in tested)


def test_a_module_without_tests_at_its_path_says_where_they_are() -> None:
    assert [place for place in ELSEWHERE.values() if not (ROOT / place).exists()] == []
    said = [module for module in modules_without_tests() if {module, *map(str, Path(module).parents)} & {*ELSEWHERE}]
    unsaid = [module for module in modules_without_tests() if module not in said]
    assert unsaid == [], "no tests: write them at its path, or name in ELSEWHERE those that cover it"


def test_what_is_said_to_be_tested_elsewhere_has_no_tests_at_its_path() -> None:
    without = [Path(module) for module in modules_without_tests()]
    assert [place for place in ELSEWHERE if not any(path.is_relative_to(place) for path in without)] == []
