"""How the parts of Pileus log: one line per event, key=value, on standard error."""

import logging
import sys

import structlog

NOISY = ("aiokafka", "faust", "mode", "kafka")
"""Libraries that log a line per attempt while the broker is away."""


def log_to_stderr(level: int = logging.INFO) -> None:
    """Write our own events from ``level`` on, those of the libraries only when they are errors of their own."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
