"""Tests of the export: graphs, parity, publishing, calibration."""
