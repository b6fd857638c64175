"""Whole recordings: transcribed, asked for their language."""
