"""The read-only view: it reads every topic and acts on none."""
