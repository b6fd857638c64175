"""Settings: their defaults, how they are read and checked."""
