"""From the settings to what the parts go by."""

import actuators.cluster
import streams.cluster
from config.settings import Settings


def worker_rules(settings: Settings) -> streams.cluster.Rules:
    """Return what the stream worker goes by."""
    return streams.cluster.Rules(
        sample_interval_s=settings.sample_interval_s,
        evaluation_s=settings.evaluation_s,
        window_s=settings.window_s,
        predictor=settings.predictor,
        stale_intervals=settings.stale_intervals,
        fault_s=settings.fault_s,
        max_future_s=settings.max_future_s,
        horizon_grid_s=tuple(settings.horizon_grid_s),
    )


def decider_rules(settings: Settings) -> actuators.cluster.Rules:
    """Return what the decider goes by."""
    return actuators.cluster.Rules(
        heartbeat_s=settings.heartbeat_s,
        resend_s=settings.resend_s,
        stale_s=settings.stale_intervals * settings.sample_interval_s,
    )
