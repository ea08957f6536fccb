"""`salseg test` as a script."""

import sys

from salseg.cli import main

sys.exit(main(['test', *sys.argv[1:]]))
