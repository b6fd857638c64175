"""Whatever may come from outside, by its grammar and against it."""
