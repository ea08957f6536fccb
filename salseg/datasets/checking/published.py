"""How many files the published data sets have."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from salseg.errors import UnknownName


@dataclass(frozen=True)
class Published:
    """A data set as it was published.

    Attributes:
        name: Usual name.
        versions: By name of a version or split, the counts: 'groups' (groups or videos), 'images', 'annotated'.
        aliases: Other names of its folder.
        note: What to know when counts differ.
    """

    name: str
    versions: Mapping[str, Mapping[str, int]]
    aliases: tuple[str, ...] = ()
    note: str = ''

    def is_called(self, name: str) -> bool:
        """Whether a folder's name is one of its names, whatever the case and the signs between."""
        return _key(name) in {_key(own) for own in (self.name, *self.aliases)}

    def mismatch(self, counts: Mapping[str, int]) -> str | None:
        """What differs from the nearest version, or None."""
        wrong = {
            version: [f'{key} {counts[key]:,}, published {n:,}' for key, n in wanted.items() if counts[key] != n]
            for version, wanted in self.versions.items()
        }
        if not all(wrong.values()):
            return None
        nearest = min(self.versions, key=lambda v: _distance(self.versions[v], counts))
        note = f'; {self.note}' if self.note else ''
        return f'{f"{nearest}: " if nearest else ""}{"; ".join(wrong[nearest])}{note}'


def _images(name: str, number: int, *aliases: str, note: str = '', **other: int) -> Published:
    versions = {'': dict(annotated=number), **{version: dict(annotated=n) for version, n in other.items()}}
    return Published(name, versions, aliases, note)


def _groups(name: str, *aliases: str, note: str = '', **versions: tuple[int, int]) -> Published:
    return Published(name, {v: dict(groups=g, images=p) for v, (g, p) in versions.items()}, aliases, note)


def _videos(name: str, *aliases: str, note: str = '', **versions: tuple[int, ...]) -> Published:
    named = {v: dict(zip(('groups', 'images', 'annotated'), numbers)) for v, numbers in versions.items()}
    return Published(name, named, aliases, note)


SETS = (
    _images('DUTS-TR', 10553, 'S-DUTS', 'DUTS-TR-scribble'),
    _images('DUTS-TE', 5019),
    _images('ECSSD', 1000),
    _images('DUT-OMRON', 5168, 'DUTS-OMRON', note='the archive of images holds 4 more, without masks'),
    _images('PASCAL-S', 850, 'PASCALS'),
    _images('HKU-IS', 4447, train=2500, val=500, test=1447),
    _images('THUR15K', 6232, 'THUR15000', note='15,000 images, 6,232 with masks'),
    _images('SOD', 300),
    _images('MSRA10K', 10000, 'THUS10000', 'MSRA10K_Imgs_GT'),
    _images('MSRA-B', 5000, 'MSRAB', train=2500, val=500, test=2000),
    _images('HRSOD', 2010, train=1610, test=400),
    _images('FSS-1000', 10000, 'fss'),
    _images('BIG', 150, val=50, test=100),
    _groups('CoCA', default=(80, 1295)),
    _groups('CoSOD3k', default=(160, 3316)),
    _groups('Cosal2015', 'CoSal150', default=(50, 2015)),
    _groups('iCoseg', default=(38, 643)),
    _groups('MSRC', benchmark=(7, 233), full=(8, 240), note='say which version a metric is from'),
    _groups('ImagePair', 'CP', 'pair105', default=(105, 210)),
    _groups('COCO9213', 'COCO9213-os', 'CoCo-SEG', 'CoCo', default=(65, 9213)),
    _groups('DUTS_class', default=(291, 8250)),
    _videos('VOS', default=(200, 116103, 7650), train=(119,), val=(40,), test=(40,)),
    _videos('DAVIS-2016', 'DAVIS', 'DAVIS16', train=(30, 2079), val=(20, 1376), all=(50, 3455)),
    _videos('DAVIS-2017', 'DAVIS17', train=(60, 4209), val=(30, 1999), testdev=(30, 2086), trainval=(90, 6208)),
    _videos('FBMS-59', 'FBMS', all=(59,), train=(29,), test=(30,)),
    _videos('DAVSOD', all=(187,), train=(61,), val=(46,), test=(80,), easy=(35,), normal=(25,), difficult=(20,)),
    _videos('ViSal', default=(17,)),
    _videos('SegTrack-v2', 'SegTrackv2', full=(14, 947), benchmark=(13,), note='the VSOD benchmark leaves out penguin'),
    _videos('UVSD', default=(18,)),
    _videos('MCL', default=(9,)),
    # Of the training videos 3,464 begin with an object.
    _videos(
        'YouTube-VOS', 'YTVOS', 'YouTube-VOS-2019', train=(3471,), trained=(3464,), valid2018=(474,), valid2019=(507,)
    ),
    _videos('MOSE', train=(1507,), valid=(311,)),
    _videos('Long-Time Video', 'LongVideo', 'LongTimeVideo', default=(3,)),
)


def find_set(name: str) -> Published | None:
    """The set of a folder's name, None if no published set is called so."""
    return next((published for published in SETS if published.is_called(name)), None)


def get_set(name: str) -> Published:
    """The set of a name.

    Raises:
        UnknownName: There is none; near ones are named.
    """
    found = find_set(name)
    if found is None:
        names = [published.name for published in SETS]
        near = get_close_matches(name, names, n=2, cutoff=0.4)
        raise UnknownName(
            f'no published set is called {name!r}'
            + (f'; did you mean {" or ".join(near)}?' if near else '.')
            + f' There are {", ".join(names)}.'
        )
    return found


def _key(name: str) -> str:
    return re.sub(r'[^a-z0-9]', '', name.lower())


def _distance(wanted: Mapping[str, int], counts: Mapping[str, int]) -> float:
    return sum(abs(counts[key] - number) / max(number, 1) for key, number in wanted.items()) / len(wanted)
