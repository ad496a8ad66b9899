"""Actuators that are killed at random moments while they scale on a real cloud, and what the cloud has afterwards."""
