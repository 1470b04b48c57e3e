"""Who writes down what is said; settings.TRANSCRIBER names the one in use."""
