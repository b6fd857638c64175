"""The versions of the project's own models that the tests' Triton serves."""

from export.publishing.publication import Version, versions
from tests.triton_server import ROOT


def served(model: str) -> Version:
    return versions(ROOT / "model_repository" / model)[-1]
