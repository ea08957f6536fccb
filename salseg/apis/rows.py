"""The register of a project's rows: which config is which row of the paper's tables, and what the paper gives for it.

`projects/<x>/rows.yml` holds it. What makes a row another one than its neighbours stands there with its place in the paper
(`Distinct`), so that a test can look for it on what the config builds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salseg.errors import ConfigError, UnknownName
from salseg.io.fields import short
from salseg.paths import assets_root

FILE_NAME = 'rows.yml'
# In place of a protocol: what a network costs, which no test prints.
COSTS = 'costs'
# One of them says what a row is.
KINDS = ('config', 'same_as', 'command', 'cannot')
RIVAL = "another paper's method"


@dataclass(frozen=True)
class Distinct:
    """What distinguishes a row, where to see it once the config is built, and where the paper says so.

    Attributes:
        where: Dotted path that begins with what is built: model, train, test, transform, generator, ...
        value: What must be there; of a network or transform its class, of a mapping its keys, of a list its length.
        source: Table, section or equation.
    """

    where: str
    value: Any
    source: str


@dataclass(frozen=True)
class TestSet:
    """A data set that a table's rows are tested on.

    Attributes:
        name: As `salseg test` names it.
        protocol: As `salseg evaluate --list-protocols` names it, or 'costs'.
        columns: Metrics as `salseg test` names them, in the order of published numbers.
        labels: What the paper calls them, in the same order.
        source: Where the numbers stand, if not in the table.
        config: That tests there; empty: the row's own.
        options: Overrides of it.
        how: Commands that give the metrics where `salseg test` alone does not.
        cannot: Why it cannot be tested here.
    """

    # Not a class of tests, whatever pytest makes of its name.
    __test__ = False
    name: str
    protocol: str
    columns: tuple[str, ...]
    config: str = ''
    options: tuple[str, ...] = ()
    how: str = ''
    cannot: str = ''
    labels: tuple[str, ...] = ()
    source: str = ''


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        table: Number of the table, and `name` in it: together they are `key`.
        config: Stem of the config that trains it.
        options: Overrides of it.
        same_as: Key of the row that has the same weights.
        command: That prints it, where nothing is trained.
        cannot: Why it cannot be had here.
        prompt: Of its trackers when tested.
        training: Sets that it is trained on.
        generator, generator_options: What writes its pseudo-labels.
        published: The paper's numbers by set, in the order of the set's columns.
    """

    table: str
    title: str
    name: str
    config: str = ''
    options: tuple[str, ...] = ()
    same_as: str = ''
    command: str = ''
    cannot: str = ''
    note: str = ''
    prompt: str = ''
    training: tuple[str, ...] = ()
    generator: str = ''
    generator_options: tuple[str, ...] = ()
    distinct: tuple[Distinct, ...] = ()
    sets: tuple[TestSet, ...] = ()
    published: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What `same_as` names."""
        return f'{self.table}: {self.name}'


@dataclass(frozen=True)
class Register:
    """All rows of a project.

    Attributes:
        rows: In the papers' order.
        others: Configs that are no row, and why.
        rivals: By table, the methods of other papers.
        notes: By table.
    """

    project: str
    path: Path
    rows: tuple[Row, ...]
    others: Mapping[str, str]
    rivals: Mapping[str, tuple[str, ...]]
    notes: Mapping[str, str]

    def config_path(self, name: str) -> Path:
        """File of a config of the project by its stem."""
        return self.path.parent / 'configs' / f'{name}.py'

    def trained(self, row: Row) -> Row:
        """The row whose config trains the weights of this one: itself, or the one that it is the same as."""
        return next(other for other in self.rows if other.key == row.same_as) if row.same_as else row


def registered_projects() -> list[str]:
    """Projects with a register."""
    return sorted(path.parent.name for path in (assets_root() / 'projects').glob(f'*/{FILE_NAME}'))


def read_rows(project: str) -> Register:
    """The register of a project.

    Raises:
        UnknownName: There is none.
        ConfigError: It cannot be read, or an entry is missing, unknown or of another kind.
    """
    if project not in registered_projects():
        raise UnknownName(
            f'no project {project!r} has a register of rows. There are: {", ".join(registered_projects())}.'
        )
    return read_register(assets_root() / 'projects' / project / FILE_NAME)


def read_register(path: Path) -> Register:
    """A register by its file, see `read_rows`."""
    import yaml

    try:
        top = Entries(yaml.safe_load(path.read_text(encoding='utf-8')), path, '')
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f'{path} cannot be read as YAML: {error}') from error
    top.only('tables', 'others', 'labels')
    tables = [Entries(table, path, f'tables.{n}') for n, table in enumerate(top.list('tables'))]
    labels = top.named_texts('labels')
    rows = tuple(row for table in tables for row in _rows(table, labels))
    register = Register(
        project=path.parent.name,
        path=path,
        rows=rows,
        others={str(name): str(reason) for name, reason in top.mapping('others').items()},
        rivals={table.text('table'): table.texts('rivals') for table in tables},
        notes={table.text('table'): table.text('note', '') for table in tables},
    )
    _check_names(register)
    return register


def _check_names(register: Register) -> None:
    keys = [row.key for row in register.rows]
    double = sorted({key for key in keys if keys.count(key) > 1})
    trained = {row.key for row in register.rows if row.config}
    loose = [f'{row.key} is the same as {row.same_as!r}' for row in register.rows if row.same_as not in {'', *trained}]
    if double or loose:
        raise ConfigError(
            f'{register.path}: {"; ".join([*(f"{key!r} stands twice" for key in double), *loose])}. Every row has its own '
            'name, and same_as is "TABLE: ROW" of a row with a config.'
        )


class Entries:
    """Values of a mapping of the file, checked as they are taken; errors name file and place."""

    def __init__(self, values: object, path: Path, place: str) -> None:
        self.path, self.place = path, place
        if not isinstance(values, dict):
            raise self.error('', f'is {short(values)}; expected a mapping')
        self.values: dict[str, Any] = values

    def error(self, key: str, what: str) -> ConfigError:
        """The error about an entry."""
        return ConfigError(f'{self.path}: {".".join(p for p in (self.place, key) if p) or "the file"} {what}.')

    def only(self, *known: str) -> None:
        """Refuse other keys."""
        for key in self.values:
            if key not in known:
                raise self.error(str(key), f'is unknown; expected one of {", ".join(known)}')

    def text(self, key: str, default: str | None = None) -> str:
        """A string; numbers are written in quotes where they name something."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise self.error(key, f'is {short(value)}; expected text')
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, empty where there is none."""
        for number, value in enumerate(self.list(key)):
            if not isinstance(value, str):
                raise self.error(f'{key}.{number}', f'is {short(value)}; expected text')
        return tuple(self.list(key))

    def named_texts(self, key: str) -> dict[str, str]:
        """A mapping of strings, empty where there is none."""
        for name, value in self.mapping(key).items():
            if not isinstance(value, str):
                raise self.error(f'{key}.{name}', f'is {short(value)}; expected text')
        return {str(name): value for name, value in self.mapping(key).items()}

    def list(self, key: str) -> Sequence[Any]:
        """A list, empty where there is none."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.error(key, f'is {short(value)}; expected a list')
        return value

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping, empty where there is none."""
        return Entries(self.values.get(key, {}), self.path, f'{self.place}.{key}' if self.place else key).values


_OF_TABLE = ('table', 'title', 'training', 'prompt', 'note', 'labels', 'sets', 'rows', 'rivals')
_OF_ROW = (
    *KINDS,
    'row',
    'options',
    'note',
    'prompt',
    'training',
    'generator',
    'generator_options',
    'distinct',
    'published',
)


def _rows(table: Entries, labels: Mapping[str, str]) -> Iterator[Row]:
    table.only(*_OF_TABLE)
    labels = {**labels, **table.named_texts('labels')}
    sets = tuple(_set(table, name, labels) for name in table.mapping('sets'))
    for number, values in enumerate(table.list('rows')):
        row = Entries(values, table.path, f'{table.place}.rows.{number}')
        row.only(*_OF_ROW)
        kinds = [kind for kind in KINDS if kind in row.values]
        if len(kinds) != 1:
            raise row.error('', f'has {" and ".join(kinds) or "none"} of {", ".join(KINDS)}; expected exactly one')
        distinct = tuple(_distinct(row, place) for place in range(len(row.list('distinct'))))
        if bool(distinct) != ('config' in row.values):
            raise row.error('distinct', 'belongs to a row with a config, which must have it')
        yield Row(
            table.text('table'), table.text('title'), row.text('row'),
            **{kind: row.text(kind, '') for kind in KINDS},
            options=row.texts('options'), note=row.text('note', ''),
            prompt=row.text('prompt', '') or table.text('prompt', ''),
            training=row.texts('training') or table.texts('training'),
            generator=row.text('generator', ''), generator_options=row.texts('generator_options'),
            distinct=distinct, sets=sets, published=_published(row, sets),
        )  # fmt: skip


def _set(table: Entries, name: str, labels: Mapping[str, str]) -> TestSet:
    given = Entries(table.mapping('sets')[name], table.path, f'{table.place}.sets.{name}')
    given.only('protocol', 'columns', 'config', 'options', 'with', 'cannot', 'source')
    texts = {key: given.text(key, '') for key in ('config', 'cannot', 'source')}
    columns, options = given.texts('columns'), given.texts('options')
    called = tuple(labels.get(column, column) for column in columns)
    how = given.text('with', '')
    return TestSet(name, given.text('protocol'), columns, options=options, how=how, labels=called, **texts)


def _distinct(row: Entries, number: int) -> Distinct:
    given = Entries(row.list('distinct')[number], row.path, f'{row.place}.distinct.{number}')
    given.only('where', 'value', 'source')
    if 'value' not in given.values:
        raise given.error('value', 'is missing; null is written as null')
    return Distinct(given.text('where'), given.values['value'], given.text('source'))


def _published(row: Entries, sets: Sequence[TestSet]) -> dict[str, tuple[float, ...]]:
    columns = {one.name: one.columns for one in sets}
    found = {}
    for name, numbers in row.mapping('published').items():
        if name not in columns:
            raise row.error(f'published.{name}', f'is no set of the table; expected one of {", ".join(columns)}')
        if not isinstance(numbers, list) or len(numbers) != len(columns[name]):
            raise row.error(
                f'published.{name}', f'is {short(numbers)}; expected a number for each of {", ".join(columns[name])}'
            )
        if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
            raise row.error(f'published.{name}', f'is {short(numbers)}; expected numbers')
        found[name] = tuple(float(number) for number in numbers)
    return found
