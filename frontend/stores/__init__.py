"""Where exports are kept: drafts that grow with their streams, and the stores that take them once they are finished."""
