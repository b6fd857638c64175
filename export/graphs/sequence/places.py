"""Places of rows of different lengths: which are a row's own, and how many are computed."""

from export.graphs.building import Graph

# ONNX Runtime multiplies one row with a matrix four places at a time and the rest otherwise, which rounds otherwise.
GROUP = 4


def whole_groups(graph: Graph, count: str) -> str:
    """So many or a few more: nothing that lies behind a row's own end may regroup the sums over what lies before."""
    missing = graph.call("Mod", graph.call("Sub", graph.ints(0), count), graph.ints(GROUP))
    return graph.call("Add", count, missing)


def within(graph: Graph, size: str, count: str) -> str:
    """Which of so many places lie before each row's count: BOOL [batch, size, 1]."""
    return graph.call("Unsqueeze", graph.call("Less", graph.count(size), count), graph.ints(2))
