"""Which tests are unit tests: those that start no program and run no neural graph; Python's packages are all they need.

Nobody marks them. Each test is followed through its fixtures and the functions of the tests that it names, down to
`subprocess` or a part of the project that starts programs or loads graphs; a watch sees to it that nothing is
overlooked.
"""

import functools
import inspect
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# What starts programs or loads graphs, as it is named where it is used; the export of whole models and the suite of
# WebSocket cases, which take as long; and what reads the wheels that carry Triton and weights.
STARTERS = frozenset(
    {
        "subprocess",
        "create_subprocess_exec",
        "docker.supervisor.Supervisor",
        "docker.triton.trial.Trial",
        "export.__main__",
        "export.calibration.voices.speak",
        "export.graphs.runtime.Runner",
        "export.parity.bundled.measure",
        "export.people.fetching.unpacked",
        "export.publishing.published",
        "frontend.media.decoder.MediaDecoder",
        "kosoku._kosoku.run_fuzzingclient",
        "locate",
        "tests.soak.fuzz.house.opened",
        "triton_child",
        "wheel_directory",
    }
)
STARTS = frozenset({"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"})
# Packages that a unit run does without.
HEAVY = frozenset({"torch", "transformers", "pytriton", "silero_vad", "resemblyzer", "triton_python_backend_utils"})
GRAPH = "onnxruntime.InferenceSession"
HEAVY_PATHS = tuple(f"/site-packages/{name}/" for name in sorted(HEAVY))


def is_unit(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    fixtures = [each.func for same_name in item._fixtureinfo.name2fixturedefs.values() for each in same_name]
    return not any(starts_something(each) for each in (item.obj, *fixtures))


@functools.cache
def starts_something(function: Any) -> bool:
    seen: set[Any] = set()
    ahead = [function]
    while ahead:
        reached = ahead.pop()
        if _name(reached) in STARTERS:
            return True
        if reached not in seen:
            seen.add(reached)
            ahead += _named_in(reached)
    return False


@functools.cache
def _named_in(value: Any) -> tuple[Any, ...]:
    """What a function or class of the tests names: names that are no globals of it stand for themselves."""
    value = getattr(getattr(value, "hypothesis", None), "inner_test", value)
    function = inspect.unwrap(value) if callable(value) else value
    if not str(getattr(function, "__module__", "")).startswith("tests."):
        return ()
    if isinstance(function, type):
        return tuple(each for each in vars(function).values() if isinstance(each, types.FunctionType | classmethod))
    if not isinstance(function, types.FunctionType):
        return ()
    names = set(_names(function.__code__))
    found = [function.__globals__.get(name, name) for name in names]
    modules = [each for each in found if isinstance(each, types.ModuleType) and each.__name__.startswith("tests.")]
    found += [getattr(module, name) for module in modules for name in names if hasattr(module, name)]
    return tuple(each for each in found if isinstance(each, str | type | types.ModuleType) or callable(each))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _name(value: Any) -> str:
    if isinstance(value, str | types.ModuleType):
        return value if isinstance(value, str) else value.__name__
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def tell_of_graphs(session: Any) -> None:
    """ONNX Runtime loads them without an audit event: `session`, its class, raises one from here on."""
    begin = session.__init__

    def begin_aloud(self: Any, *arguments: Any, **options: Any) -> None:
        sys.audit(GRAPH)
        begin(self, *arguments, **options)

    session.__init__ = begin_aloud


class Watch:
    """Refuses what a unit test may not do, while one runs; a refusal that is swallowed is told in the end."""

    def __init__(self) -> None:
        self._found: list[str] | None = None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """An audit hook."""
        if self._found is None:
            return
        if event in STARTS:
            self._refuse(f"it starts {arguments[0] if arguments else 'a process'}")
        elif event == "import" and str(arguments[0]).partition(".")[0] in HEAVY:
            self._refuse(f"it imports {arguments[0]}")
        elif event == "open" and any(path in str(arguments[0]) for path in HEAVY_PATHS):
            self._refuse(f"it reads {arguments[0]}")
        elif event == GRAPH:
            self._refuse("it loads a graph")

    def _refuse(self, what: str) -> None:
        assert self._found is not None
        self._found.append(what)
        raise AssertionError(f"no unit test: {what}")

    @contextmanager
    def over(self) -> Iterator[None]:
        found: list[str] = []
        self._found = found
        try:
            yield
        finally:
            self._found = None
        assert not found, f"no unit test: {found}; name in tests/unit.py what starts it"
