"""`salseg evaluate` as a script."""

import sys

from salseg.cli import main

sys.exit(main(['evaluate', *sys.argv[1:]]))
