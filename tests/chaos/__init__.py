"""Workers that are killed, ended and joined by others under load, and what their forecasts must be then."""
