"""A few shapes in SVG, the same bytes each time."""

from dataclasses import dataclass
from html import escape

INK, FAINT, PAPER = "#1f2933", "#8794a1", "#ffffff"
FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Type:
    """How a text looks. Its place is where it begins, its middle or its end."""

    size: float = 12
    colour: str = INK
    anchor: str = "start"
    weight: str = "normal"
    turned_degrees: int = 0


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


PLAIN = Type()


class Drawing:
    def __init__(self, width: float, height: float, title: str) -> None:
        self._size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
        self._shapes = [f"<title>{escape(title)}</title>"]
        self.box(Box(0, 0, width, height), PAPER)

    def box(self, box: Box, fill: str, stroke: str = "none") -> None:
        place = f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
        self._shapes.append(f'<rect {place} rx="4" fill="{fill}" stroke="{stroke}"/>')

    def dot(self, x: float, y: float, fill: str, hint: str) -> None:
        self._shapes.append(f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{fill}"><title>{escape(hint)}</title></circle>')

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str = FAINT) -> None:
        ends = f'x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}"'
        self._shapes.append(f'<line {ends} stroke="{colour}"/>')

    def text(self, x: float, y: float, words: str, look: Type = PLAIN) -> None:
        turn = f' transform="rotate({look.turned_degrees} {x:g} {y:g})"' if look.turned_degrees else ""
        form = f'font-size="{look.size:g}" font-weight="{look.weight}" fill="{look.colour}" text-anchor="{look.anchor}"'
        self._shapes.append(f'<text x="{x:g}" y="{y:g}" {form}{turn}>{escape(words)}</text>')

    def svg(self) -> str:
        inside = "\n".join(self._shapes)
        return f'<svg xmlns="http://www.w3.org/2000/svg" {self._size} font-family="{FONT}">\n{inside}\n</svg>\n'
