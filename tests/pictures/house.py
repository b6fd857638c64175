"""The packages of `frontend` and what each imports: a row and a column for each, the roof above, the ground below."""

import ast
import re
from collections.abc import Mapping

from tests.pictures.drawing import FAINT, Box, Drawing, Type
from tests.test_house import ORDER, frontend_imports, module_name, modules, package_of
from tests.triton_server import ROOT

# A floor begins with this package and goes up to the next one's first.
FLOORS = {
    "errors": ("#6b7785", "the ground"),
    "triton": ("#2e7d5b", "the services"),
    "machines": ("#2b6cb0", "the conversation"),
    "connection": ("#b45f06", "the doors"),
    "app": ("#5b3f8c", "the roof"),
}
ROW, COLUMN, LEFT, RIGHT, TOP, BOTTOM = 22, 22, 130, 400, 46, 90


def packages() -> list[str]:
    """From the ground up, but for the folder itself, which holds the version alone."""
    return [name for name in ORDER if name != "frontend"]


def package_imports() -> Mapping[str, set[str]]:
    """Of each package, the others that it imports."""
    found: dict[str, set[str]] = {name: set() for name in packages()}
    for path in modules():
        package = package_of(module_name(path))
        if package in found:
            found[package] |= {package_of(name) for name in frontend_imports(path)} - {package, "frontend"}
    return found


def meaning(package: str) -> str:
    """What its docstring says that it is, as far as the first stop."""
    folder = ROOT / "frontend" / package
    source = (folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")).read_text()
    said = ast.get_docstring(ast.parse(source)) or ""
    return re.split(r"[.:;](?:\s|$)", said)[0].strip("`")


def draw() -> str:
    names, imports = packages(), package_imports()
    width, height = LEFT + COLUMN * len(names) + RIGHT, TOP + ROW * len(names) + BOTTOM
    drawing = Drawing(width, height, "The packages of frontend and what each imports")
    drawing.text(LEFT, 18, "A dot: the package of the row imports that of the column.", Type(12))
    drawing.text(LEFT, 34, "No dot beyond the coloured squares: nobody imports what stands above.", Type(12, FAINT))
    colour, right = "", LEFT + COLUMN * len(names)
    for place, name in enumerate(names):
        colour, floor = FLOORS.get(name, (colour, ""))
        y, x = TOP + ROW * (len(names) - 1 - place), LEFT + COLUMN * place
        drawing.line((8, y + ROW), (width - 8, y + ROW), colour if floor else "#e4e8ec")
        drawing.line((x, TOP), (x, TOP + ROW * len(names)), "#f0f2f4")
        drawing.text(LEFT - 8, y + 15, name, Type(12, colour, "end", "bold"))
        drawing.box(Box(x + 3, y + 3, COLUMN - 6, ROW - 6), colour)
        for other in names:
            if other in imports[name]:
                drawing.dot(LEFT + COLUMN * (names.index(other) + 0.5), y + ROW / 2, colour, f"{name} imports {other}")
        drawing.text(right + 10, y + 15, meaning(name), Type(11, FAINT))
        drawing.text(width - 8, y + 15, floor, Type(12, colour, "end", "bold"))
        drawing.text(x + COLUMN / 2 + 4, TOP + ROW * len(names) + 10, name, Type(11, colour, "end", turned_degrees=-55))
    return drawing.svg()
