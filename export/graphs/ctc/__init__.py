"""Recognisers that say a class for every frame (CTC): wav2vec2 and its kin."""
