"""What builds a graph, a module or package a model."""
