"""Settings: their defaults, how they are read and checked, and the keys of clients."""
