"""``python -m pileus``: the same as the command ``pileus``."""

import sys

from pileus.cli import main

sys.exit(main())
