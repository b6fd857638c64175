"""Tests of the recogniser's graph."""
