"""Keys of clients: what is kept of them, whose a key is, where requests carry one, and the command that makes one."""
