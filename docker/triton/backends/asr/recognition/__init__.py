"""Recognition around a graph: requests into its rows, its tokens and frames into words. Knows nothing of Triton."""
