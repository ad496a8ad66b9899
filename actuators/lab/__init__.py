"""The laboratory: recorded load through the live functions under virtual time, and what the outcome is worth. Pure."""
