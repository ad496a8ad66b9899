"""The command line and the local stack: the only place that knows every stage."""
