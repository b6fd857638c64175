"""A recogniser that lies in two graphs, driven token by token: answers as the internal graph with its Loop does."""
