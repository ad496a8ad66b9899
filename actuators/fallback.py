"""*Fallback*: how many members there should be when nothing is measured any more. In KEDA's words."""

from config.cluster import FallbackSpec


def fallback(spec: FallbackSpec | None, present: int, *, missing: int) -> int | None:
    """Return the number to fall back to; ``None`` while the present number is held.

    It is held for as many evaluations as the policy says, as KEDA does. Never below the present number: losing the
    metrics removes nobody.

    Parameters
    ----------
    present
        Members wanted so far.
    missing
        Evaluations in a row without any measurement, this one included.
    """
    if spec is None or missing <= spec.failure_threshold:
        return None
    return max(present, _keda(spec, present))


def _keda(spec: FallbackSpec, present: int) -> int:
    """Return what KEDA falls back to."""
    match spec.behavior:
        case "currentReplicas":
            return present
        case "currentReplicasIfHigher":
            return max(present, spec.replicas)
        case _:
            return spec.replicas
