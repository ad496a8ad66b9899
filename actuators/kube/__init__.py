"""The way to a Kubernetes API server, which the cloud of pods and the balancer of Services share."""
