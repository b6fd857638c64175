"""Moonshine as one graph: from samples and a prompt to tokens, built from a checkpoint's arrays."""
