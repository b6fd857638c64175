"""What the gateway does with audio. A task knows samples and models, never messages."""
