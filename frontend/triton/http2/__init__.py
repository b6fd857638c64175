"""HTTP/2 as a client of unary calls speaks it (RFC 9113)."""
