"""One module per cloud; each is a :class:`actuators.ports.Cloud` and knows no other."""
