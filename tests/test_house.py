"""The rules of the house, as tests: who imports whom, where libraries live, how large things may grow."""

import ast
import contextlib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.triton_server import ROOT

# A package imports only what stands before it; inside a package there is no circle.
ORDER = (
    "frontend",
    "errors",
    "engines",
    "calibration",
    "speech",
    "caller",
    "config",
    "memory",
    "telemetry",
    "keys",
    "triton",
    "media",
    "recordings",
    "correction",
    "voice_template",
    "machines",
    "dialogue",
    "tasks",
    "protocols",
    "connection",
    "rest",
    "workers",
    "app",
    "client",
    "__main__",
)

HOMES = {
    "aiohttp": ("app", "connection", "rest", "correction", "client"),
    "tritonclient": ("triton",),
    "grpc": ("triton",),
    "av": ("media", "client"),
    "soxr": ("media",),
    "soundfile": (),
    "prometheus_client": ("telemetry", "memory"),
    "yaml": ("config", "rest"),
    "obstore": ("recordings",),
    "websockets": ("connection",),
}

TREES = ("frontend", "export", "docker", "tests")
MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 35
MAX_NESTING = 3
MAX_PARAMETERS = 5


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All there are below; expressions, which hold none, are most of a program."""
    ahead = [node]
    while ahead:
        below = [child for child in ast.iter_child_nodes(ahead.pop()) if not isinstance(child, ast.expr)]
        yield from below
        ahead += below


@functools.cache
def modules() -> Sequence[Path]:
    return sorted((ROOT / "frontend").rglob("*.py"))


@functools.cache
def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT / "frontend").with_suffix("").parts).removesuffix("__init__").rstrip(".")
    return name or "frontend"


def package_of(name: str) -> str:
    return name.partition(".")[0]


def place(name: str) -> int:
    """Where a module's package stands in the order."""
    assert package_of(name) in ORDER, f"{name} has no place in the order of imports: give its package one"
    return ORDER.index(package_of(name))


def imports(path: Path) -> Iterator[str]:
    for node in statements(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module.startswith("frontend"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@functools.cache
def frontend_imports(path: Path) -> set[str]:
    known = set(map(module_name, modules()))
    found = {name.removeprefix("frontend.") for name in imports(path) if name.startswith("frontend.")}
    return found & known


def test_a_package_imports_only_what_stands_before_it() -> None:
    asked = [(module_name(path), other) for path in modules() for other in frontend_imports(path)]
    assert asked
    assert [
        f"{name} imports {other}, which stands after it" for name, other in asked if place(other) > place(name)
    ] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    needs = {module_name(path): frontend_imports(path) - {module_name(path)} for path in modules()}
    with contextlib.suppress(StopIteration):
        while needs:
            free = next(name for name, needed in needs.items() if not needed & needs.keys())
            del needs[free]
    assert not needs, f"a circle among {sorted(needs)}"


def test_each_library_stays_in_its_modules() -> None:
    asked = {(module_name(path), each.partition(".")[0]) for path in modules() for each in imports(path)}
    assert {library for _name, library in asked} >= {library for library in HOMES if HOMES[library]}
    wrong = [each for each in asked if each[1] in HOMES and package_of(each[0]) not in HOMES[each[1]]]
    assert [f"{name} imports {library}" for name, library in wrong] == []


def test_the_client_is_independent_of_the_server() -> None:
    """Of the gateway it takes how subtitles are written, nothing else."""
    client = [path for path in modules() if module_name(path).startswith("client")]
    wanted = {name for path in client for name in frontend_imports(path) if not name.startswith("client")}
    assert client
    assert wanted <= {"recordings.subtitles", "speech"}


def source_files(tree: str) -> list[Path]:
    return sorted(path for path in (ROOT / tree).rglob("*.py") if "node_modules" not in path.parts)


@pytest.mark.parametrize("tree", TREES)
def test_files_and_functions_stay_small(tree: str) -> None:
    files = source_files(tree)
    assert files
    assert [what for path in files for what in too_large(path)] == []


def too_large(path: Path) -> Iterator[str]:
    where, source = path.relative_to(ROOT), path.read_text()
    if len(source.splitlines()) > MAX_FILE_LINES:
        yield f"{where} is too long: split it"
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (f"{where}:{node.lineno} {node.name} {what}" for what in outgrown(node))


def outgrown(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES:
        yield "is too long"
    given = [a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg != "self"]
    if len(given) > MAX_PARAMETERS:
        yield "takes too many parameters"
    if nesting(node) > MAX_NESTING:
        yield "is nested too deeply"


def nesting(node: ast.AST) -> int:
    """Levels of blocks inside a function; try and with that only wrap count like any other."""
    blocks = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            continue
        chained = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, nesting(child) + (isinstance(child, blocks) and not chained))
    return deepest


def test_the_environment_is_read_at_start_up_only() -> None:
    readers = [module_name(path) for path in modules() if re.search(r"os\.(environ|getenv)", path.read_text())]
    assert readers == ["__main__"]


def test_importing_a_module_does_nothing() -> None:
    """At a module's top level only definitions, constants and the start of a program."""
    acting = ast.For | ast.While | ast.With | ast.Try
    for path in modules():
        for node in parsed(path).body:
            is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            assert not is_call, f"{path}:{node.lineno} acts on import"
            assert not isinstance(node, acting), f"{path}:{node.lineno}"
