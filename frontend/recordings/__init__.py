"""What is kept of live streams: written as they come, moved into a store, found, read and swept away."""
