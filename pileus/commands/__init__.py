"""One module per command: ``arguments`` declares its options, ``main`` runs it and returns the exit code."""
