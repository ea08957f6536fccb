"""`salseg predict` as a script."""

import sys

from salseg.cli import main

sys.exit(main(['predict', *sys.argv[1:]]))
