"""``python -m salseg``."""

import sys

from salseg.cli.main import main

sys.exit(main())
