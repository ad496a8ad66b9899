"""The settings of Pileus itself, from a file and the environment; each documented, each bounded."""
