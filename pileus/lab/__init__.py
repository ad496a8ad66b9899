"""Around the laboratory: loads and policies read, replays spread over the cores, tables, JSON, CSV and a page made."""
