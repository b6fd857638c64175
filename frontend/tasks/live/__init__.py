"""Live transcription: a stream's audio kept and heard, partials, finals, the record."""
