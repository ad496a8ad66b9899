"""The cartridge agent: measures one instance from beside it and publishes samples and log lines.

Synchronous, one loop, no numpy: it must cost next to nothing. ``measure`` has what all sources share,
``process``, ``cgroup`` and ``host`` are the sources, ``probe`` asks the application itself, ``follow`` and
``line`` read its logs, ``exports`` reads what it exports, ``metadata`` and ``metadata_log`` keep what others
exported, ``agent`` is the loop.
"""
