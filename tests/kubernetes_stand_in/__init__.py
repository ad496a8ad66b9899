"""A stand-in for a Kubernetes cluster, for the tests: an API server, controllers, nodes that only say that pods run.

None of it is Kubernetes' own. It follows what the API's documents say (concepts, conventions, reference) of the calls
that Pileus and its tests make, and refuses the rest. What it does not have: docs/clouds-kubernetes.md.
"""
