"""From published weights to versions in the model repository: one module a model, checked, published atomically."""
