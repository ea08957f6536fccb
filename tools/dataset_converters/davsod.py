"""DAVSOD: the object-level masks of every video, as JPEGImages/<video>/ and Annotations/<video>/ (0, 255)."""

import sys

from salseg.cli.converting import run_video_converter


def main() -> int:
    """Convert."""
    return run_video_converter(__doc__, 'davsod')


if __name__ == '__main__':
    sys.exit(main())
