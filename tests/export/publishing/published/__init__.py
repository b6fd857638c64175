"""Published weights, as `python -m export asr --from` takes them: small random checkpoints in the hub's layout."""
