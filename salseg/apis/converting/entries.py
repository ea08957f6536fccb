"""An entry of what `salseg convert` offers: a data set or a kind of labels, and how it is converted.

An entry names its function, which is imported when it is called: the list loads nothing heavy. A function takes
``(source, out)``, the entry's ``fixed`` arguments, those of its options that were given, and ``progress``; where files can be
linked instead of copied, ``how``. It returns a :class:`~salseg.apis.converting.files.Summary`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from salseg.apis.converting.files import Progress, Summary, remove_all_leftovers, separate, unwritten
from salseg.apis.converting.recognise import command_for, other_release, own_part, refuse_other
from salseg.errors import DataError
from salseg.releases import Release

# Licence of a release that states none.
UNSTATED = 'none found: all rights reserved, research only'
_PACKAGE = 'salseg.apis.converting'


@dataclass(frozen=True)
class Option:
    """An option of a converter.

    Attributes:
        name: Argument of its function; ``--name`` on the command line, with '-' for '_'.
        help: For the user, with the default.
        type: Of a value; bool for a switch.
        metavar: For the value.
        choices: Allowed values, where they are few.
        many: Whether it takes several values.
        flag: Another name on the command line.
    """

    name: str
    help: str
    type: Callable[[str], Any] = str
    metavar: str = 'DIR'
    choices: tuple[str, ...] | None = None
    many: bool = False
    flag: str = ''


# Of every release: a half-unpacked archive is an error, unless the user means it.
PARTIAL = Option('partial', 'take what is there, even if most of the annotations are missing', bool)


@dataclass(frozen=True)
class Converter:
    """How a data set, or a user's own data, becomes what salseg reads.

    Attributes:
        name: On the command line, upper and lower case alike.
        task: SOD, CoSOD, VSOD, VOS, or 'any'.
        source: What SOURCE is.
        writes: What is written.
        function: ``module:name`` below this package.
        folder: Where the result lies below the data root; a user's own data may go elsewhere.
        fixed: Arguments of the function that this entry decides.
        options: Arguments that the user may give.
        how: Whether files are copied ('copy') or linked ('symlink') by default; empty where none can be linked.
        published: By kind of the summary, the counts of the release or of its versions and splits.
        page: Where the release is published.
        licence: As it is stated there.
        title: Of the release's paper; shown where no page is known.
        own: Whether it reads a user's own data, not a release.
    """

    name: str
    task: str
    source: str
    writes: str
    function: str
    folder: str = ''
    fixed: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    how: str = 'symlink'
    published: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    page: str = ''
    title: str = ''
    licence: str = ''
    own: bool = False

    def out(self, root: Path) -> Path:
        """Where the result lies below a data root."""
        return root / (self.folder or self.name)

    @property
    def release(self) -> Release:
        """What layers below say of it."""
        return Release(self.name, self.folder or self.name, self.published, self.page, self.title, self.own)

    def convert(
        self, source: Path, out: Path, how: str | None = None, progress: Progress = None, **options: Any
    ) -> Summary:
        """Convert.

        Args:
            source: The release as it was unpacked, or a user's data.
            out: Folder (of boxes, file) to write; what is there already stays.
            how: 'copy', 'hardlink' or 'symlink'.
            progress: Told how many items are done.
            options: By name; those that are left out have the function's defaults.

        Raises:
            DataError: The source is not as it must be, an option is none of this converter's, or nothing can be written.
        """
        unknown = sorted(set(options) - {option.name for option in self.options})
        if unknown:
            names = ', '.join(option.name for option in self.options) or 'none'
            raise DataError(f'{self.name} has no option {unknown[0]}; its options: {names}.')
        if how is not None and not self.how:
            raise DataError(f'{self.name} writes every file anew: nothing can be linked.')
        module, _, name = self.function.partition(':')
        links = {'how': how or self.how} if self.how else {}
        # A user who names the folders knows what the source is.
        if not self.own and not {'images', 'masks', 'labels', 'annotations'} & set(options):
            separate(source, out)
            source = own_part(self.name, source)
            refuse_other(self.name, source)
        function = getattr(import_module(f'{_PACKAGE}.{module}'), name)
        try:
            summary = function(source, out, **self.fixed, **options, **links, progress=progress)
            remove_all_leftovers(out)
        except OSError as error:
            raise unwritten(source, out, error) from error
        except DataError as error:
            other = '' if self.own else other_release(self.name, source)
            if not other:
                raise
            raise DataError(f'{error} By its content, {command_for(other, source)}') from error
        self._doubt(summary, source)
        return summary

    def _doubt(self, summary: Summary, source: Path) -> None:
        """Warn where neither the counts nor the content of a source are those of the release."""
        known = {kind: numbers for kind, numbers in self.published.items() if kind in summary.counts}
        if not known or any(summary.counts[kind] in numbers for kind, numbers in known.items()):
            return
        other = other_release(self.name, source)
        if other:
            summary.warn('the source may be of another set', command_for(other, source))
