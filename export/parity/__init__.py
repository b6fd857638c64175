"""What graphs are measured against: references, originals, and the golden outputs of the bundled weights."""
