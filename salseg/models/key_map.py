"""Names of a published state dict and ours."""

from collections.abc import Mapping


class KeyMap:
    """Entries are renamed by the longest beginning that is known, one to one in both directions.

    Args:
        system: Its name, for messages.
        prefixes: Beginnings of the published names, cut at a dot and without it, and ours.

    Raises:
        ValueError: Two published beginnings have one of ours.
    """

    def __init__(self, system: str, prefixes: Mapping[str, str]) -> None:
        self.system = system
        self._ours = dict(prefixes)
        self._official = {ours: theirs for theirs, ours in prefixes.items()}
        if len(self._official) < len(self._ours):
            raise ValueError(f'{system}: {len(self._ours)} published names have {len(self._official)} of ours')

    def to_ours(self, key: str) -> str:
        """Our name of a published entry.

        Raises:
            KeyError: The published network has no such entry.
        """
        return _rename(key, self._ours, f'published {self.system} checkpoint')

    def to_official(self, key: str) -> str:
        """The published name of an entry of ours.

        Raises:
            KeyError: Our network has no such entry.
        """
        return _rename(key, self._official, f'{self.system} network of salseg')


def _rename(key: str, prefixes: Mapping[str, str], whose: str) -> str:
    parts = key.split('.')
    for count in range(len(parts) - 1, 0, -1):
        prefix = '.'.join(parts[:count])
        if prefix in prefixes:
            return '.'.join([prefixes[prefix], *parts[count:]])
    raise KeyError(f'{key!r} is no entry of the {whose}')
