"""Tests of what starts, supervises and packages the server processes."""
