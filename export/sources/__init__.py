"""Published checkpoints in the hub's layout: found, read and checked before anything is made of them."""
