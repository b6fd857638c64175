"""What is held for clients: counted, and kept outside the heap where it is large."""
