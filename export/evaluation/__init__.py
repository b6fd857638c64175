"""How well a recogniser hears recordings whose words are known, through the running Triton."""
