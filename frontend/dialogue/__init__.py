"""What protocols, tasks and the connection say to each other: messages, commands, events; and what they may use."""
