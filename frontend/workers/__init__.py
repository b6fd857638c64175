"""Several processes that serve as one: a parent that keeps them running, and what each knows of the others."""
