"""One module per balancer; each is a :class:`actuators.ports.Balancer` and knows no other."""
