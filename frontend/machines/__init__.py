"""Pure state machines: fed what came, time counted in samples, no clock and no waiting."""
