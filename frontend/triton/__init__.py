"""The speech service over Triton: calls, tensors, batches, readiness."""
