"""From a recipe or somebody's weights to a numbered version in the repository, whole or not at all."""
