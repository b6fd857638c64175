"""Exported graphs against PyTorch: the reference implementations, run on the same sounds (needs .venv-export)."""
