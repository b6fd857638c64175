"""The manifests as `kubectl apply -k` would apply them."""

import copy
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.triton_server import ROOT

FOLDER = ROOT / "docker" / "kubernetes"
VARIANTS = ("cpu", "gpu")
Object = dict[str, Any]


def objects(folder: str) -> list[Object]:
    """All that a kustomization holds. Of what one can do ours name resources, a namespace and images, nothing that
    changes an object otherwise."""
    return copy.deepcopy(_read(folder))


@functools.cache
def _read(folder: str) -> list[Object]:
    return list(_objects(FOLDER / folder))


def _objects(folder: Path) -> Iterator[Object]:
    content = yaml.load((folder / "kustomization.yaml").read_text(), yaml.CSafeLoader)
    assert set(content) <= {"apiVersion", "kind", "resources", "namespace", "images"}
    for resource in content["resources"]:
        place = folder / resource
        if place.is_dir():
            yield from _objects(place.resolve())
        else:
            yield from (each for each in yaml.load_all(place.read_text(), yaml.CSafeLoader) if each)


def one(variant: str, kind: str, name: str) -> Object:
    (found,) = [each for each in objects(variant) if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def pod(variant: str, name: str, kind: str = "Deployment") -> Object:
    spec: Object = one(variant, kind, name)["spec"]["template"]["spec"]
    return spec


def container(variant: str, name: str, kind: str = "Deployment") -> Object:
    (only,) = pod(variant, name, kind)["containers"]
    return dict(only)


def quantity(text: str) -> float:
    """Of bytes or cores, as Kubernetes writes them."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "m": 1e-3}
    unit = next((each for each in units if text.endswith(each)), "")
    return float(text.removesuffix(unit)) * units.get(unit, 1)
