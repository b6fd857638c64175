"""Two small heads on the frames of Moonshine's encoder: which language is spoken, and whether anybody speaks."""
