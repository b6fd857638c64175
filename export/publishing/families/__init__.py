"""One module for each family of recognisers: from a checkpoint to a measured graph and what `asr` is to know of it."""
