"""What stands where: clients and their protocols, the gateway, Triton and its models."""

from frontend.config.settings import Settings
from frontend.protocols import PROTOCOLS
from frontend.triton.tensors import CONTRACTS
from tests.pictures.drawing import FAINT, Box, Drawing, Type

PROTOCOL, GATEWAY, TRITON = "#2b6cb0", "#b45f06", "#2e7d5b"
HEAD, SMALL = Type(13, anchor="middle", weight="bold"), Type(11, FAINT, "middle")
WHITE = Type(12, "#ffffff", "middle", "bold")
INSIDE = ("frames, limits, keys", "protocols: what messages mean", "tasks: what audio is", "batches over all streams")
WIDTH, ROW, TOP = 880, 34, 46
# What stands at the ports' paths and speaks no WebSocket.
REST = ("REST", "templates, summaries, exports")


def sockets() -> list[tuple[str, str]]:
    """Names and paths of the protocols, those of the two encodings once."""
    return [
        (each.profile.name.replace("_", " "), each.profile.path or each.profile.transport)
        for each in PROTOCOLS
        if not each.profile.name.endswith("_opus")
    ]


def draw() -> str:
    rows = [*sockets(), REST]
    height = TOP + ROW * len(rows) + 44
    drawing = Drawing(WIDTH, height, "Clients, the gateway, Triton and its models")
    inner = Box(410, TOP, 220, ROW * len(rows) - 8)
    drawing.text(186, 28, "clients of existing services", HEAD)
    drawing.text(inner.middle[0], 28, "the gateway, one process", HEAD)
    drawing.text(775, 28, "NVIDIA Triton", HEAD)
    for row, (name, path) in enumerate(rows):
        box = Box(16, TOP + ROW * row, 340, ROW - 8)
        drawing.box(box, PROTOCOL)
        drawing.text(26, box.y + 17, name, Type(12, "#ffffff", weight="bold"))
        drawing.text(346, box.y + 17, path, Type(10, "#dbe7f3", "end"))
        drawing.line((box.x + box.width, box.middle[1]), (inner.x, box.middle[1]), PROTOCOL)
    drawing.box(inner, "#fdf3e7", GATEWAY)
    for place, words in enumerate(INSIDE):
        box = Box(inner.x + 12, inner.y + 12 + place * 46, inner.width - 24, 34)
        drawing.box(box, GATEWAY)
        drawing.text(box.middle[0], box.y + 21, words, Type(11, "#ffffff", "middle"))
    drawing.text(inner.middle[0], inner.y + inner.height - 42, "recordings and their texts", SMALL)
    drawing.text(inner.middle[0], inner.y + inner.height - 26, "in files or a bucket; metrics", SMALL)
    step = inner.height / len(CONTRACTS)
    for place, contract in enumerate(CONTRACTS):
        box = Box(690, TOP + step * place + step / 2 - 20, 170, 40)
        drawing.line((inner.x + inner.width, box.middle[1]), (box.x, box.middle[1]), TRITON)
        drawing.box(box, TRITON)
        drawing.text(box.middle[0], box.y + 25, contract.name, WHITE)
    ports = ", ".join(f"{port} {name}" for name, port in Settings().port_numbers.items())
    drawing.text(16, height - 16, f"every path on every port: {ports}", Type(11, FAINT))
    drawing.text(660, TOP + 8, "gRPC", SMALL)
    return drawing.svg()
