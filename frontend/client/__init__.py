"""The command-line client: one module a wire protocol, independent of the gateway's own code."""
