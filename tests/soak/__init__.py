"""What only much, long or rough use shows: `make soak`. Its short forms are tests."""
