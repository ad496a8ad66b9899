"""The load that drives a run: generated or recorded, and the client that sends it as real requests."""
