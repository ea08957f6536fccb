"""FBMS-59 from its release (PGM and PPM annotations) as JPEGImages/<video>/, Annotations/<video>/ (0, 255), ImageSets/."""

import sys

from salseg.cli.converting import converter_parser, run_converter


def main() -> int:
    """Convert."""
    args = converter_parser(__doc__, 'folder with Trainingset/ and Testset/').parse_args()
    from salseg.apis.converting import convert_fbms

    return run_converter(lambda show: convert_fbms(args.source, args.out, args.how, show))


if __name__ == '__main__':
    sys.exit(main())
