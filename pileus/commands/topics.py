"""Create or list the topics of Pileus.

Creating is idempotent: topics that are there are left as they are.
"""

import sys
from argparse import ArgumentParser, Namespace

from pileus.options import add_settings, settings_of


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("verb", choices=["create", "list"])
    add_settings(parser)


def main(args: Namespace) -> int:
    """Create or list; 0 done, 1 the broker refused or a topic is missing or wrong."""
    from kafka.errors import KafkaError

    from streams.admin import TopicError, create_topics

    settings = settings_of(args)
    try:
        if args.verb == "create":
            made = create_topics(settings.broker, partitions=settings.partitions, replication=settings.replication)
            sys.stderr.write(f"{len(made)} topics created at {settings.broker}\n")
        return _list(settings.broker, settings.partitions)
    except (KafkaError, TopicError) as error:
        sys.stderr.write(f"pileus topics: {settings.broker}: {error}\n")
        return 1


def _list(broker: str, partitions: int) -> int:
    """Print every topic as declared and as found."""
    from streams.admin import list_topics

    states = list_topics(broker, partitions=partitions)
    rows = [("TOPIC", "PARTITIONS", "CLEANUP", "KEY", "CARRIES")]
    for state in states:
        found = "missing" if state.found is None else str(state.found)
        cleanup = "compact" if state.topic.compacted else f"delete after {state.topic.retention_ms // 3_600_000} h"
        rows.append((state.topic.name, found, cleanup, state.topic.key, state.topic.carries))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    return 0 if all(state.found == state.partitions for state in states) else 1
