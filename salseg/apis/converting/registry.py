"""Which data sets can be converted, and how: what `salseg convert` offers."""

from difflib import get_close_matches

from salseg.apis.converting.entries import Converter
from salseg.apis.converting.group_sets import GROUP_SETS
from salseg.apis.converting.image_sets import IMAGE_SETS
from salseg.apis.converting.own_labels import OWN_LABELS
from salseg.apis.converting.video_sets import VIDEO_SETS
from salseg.errors import UnknownName
from salseg.releases import Release

CONVERTERS: dict[str, Converter] = {
    converter.name: converter for converter in (*IMAGE_SETS, *GROUP_SETS, *VIDEO_SETS, *OWN_LABELS)
}


def releases() -> list[Release]:
    """What layers below say of the data sets that can be converted."""
    return [converter.release for converter in CONVERTERS.values()]


def find_converter(name: str) -> Converter:
    """The converter of a name, upper and lower case alike where that names one only: COCO is not coco.

    Raises:
        UnknownName: There is none, the nearest are named; or there are two.
    """
    if name in CONVERTERS:
        return CONVERTERS[name]
    same = [own for own in CONVERTERS if own.lower() == name.lower()]
    if len(same) == 1:
        return CONVERTERS[same[0]]
    if same:
        raise UnknownName(f'{name!r} may be {" or ".join(same)}; write it so. What they are: salseg convert --list')
    known = {own.lower(): own for own in CONVERTERS}
    near = [known[key] for key in get_close_matches(name.lower(), known, n=3, cutoff=0.5)]
    raise UnknownName(
        f'nothing called {name!r} can be converted. '
        + (f'Nearest: {", ".join(near)}. ' if near else '')
        + 'All: salseg convert --list'
    )
