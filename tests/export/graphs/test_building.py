"""The identity of a model: the same for the same weights, another when an embedding would be another."""

import numpy as np

from export.graphs.building import identity

WEIGHTS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float32)}


def test_it_does_not_depend_on_the_order_or_memory_layout_of_the_weights() -> None:
    other = {"b": WEIGHTS["b"].copy(), "a": np.asfortranarray(WEIGHTS["a"])}
    assert identity(WEIGHTS, {"x": 1}) == identity(other, {"x": 1})


def test_it_changes_with_any_value_name_shape_or_front_end_constant() -> None:
    changed = WEIGHTS["a"].copy()
    changed[0, 0] = np.nextafter(np.float32(0), np.float32(1))
    names = [
        identity(WEIGHTS, {"x": 1}),
        identity({**WEIGHTS, "a": changed}, {"x": 1}),
        identity({**WEIGHTS, "a": WEIGHTS["a"].reshape(3, 2)}, {"x": 1}),
        identity({"c": WEIGHTS["a"], "b": WEIGHTS["b"]}, {"x": 1}),
        identity(WEIGHTS, {"x": 2}),
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) == 32 for name in names)
