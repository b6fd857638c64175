"""The gateway: wire protocols, buffering, decoding and limits in front of Triton."""

__version__ = "0.1.0"
