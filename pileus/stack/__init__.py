"""The local stack: the processes that ``pileus run`` starts, watches and ends."""
