"""One connection from its upgrade to its end: the door, the frames, the session, what waits on either side."""
