"""`salseg train` as a script."""

import sys

from salseg.cli import main

sys.exit(main(['train', *sys.argv[1:]]))
