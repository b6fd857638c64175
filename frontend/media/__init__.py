"""From bytes to samples: streams in this process, strangers' files in processes of their own."""
