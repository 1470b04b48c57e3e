"""Who finds the topics of a transcript; settings.ANALYSER names the one in use."""
