"""Score folders of predictions against a folder of ground truths."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from filecmp import cmp
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol as Interface

from salseg.errors import DataError
from salseg.evaluation.folders import (
    Group,
    Method,
    Tree,
    groups_of,
    list_tree,
    mismatch_hint,
    pair,
    pairing_problems,
    prediction_tree,
    problem_message,
    select,
)
from salseg.evaluation.parallel import score_all
from salseg.evaluation.protocols import (
    Accumulator,
    MapProtocol,
    Metrics,
    PartialResult,
    Problem,
    Protocol,
    get_protocol,
)
from salseg.evaluation.records import Records, begin_record, describe, key_of, scoring_identity
from salseg.evaluation.tasks import Known, ScoredItem, ScoringTask, in_pieces, score
from salseg.io.record import RunRecord, write_record

POLL_SECONDS = 0.2
# Files that are compared byte by byte to tell whether predictions are the ground truth.
SAME = 8


class Sink(Interface):
    """Receives every partial result: a CSV file, the worst cases."""

    def take(self, work: ScoringTask, part: PartialResult) -> None:
        """Look at one part."""


@dataclass(frozen=True)
class Settings:
    """Options of an evaluation of folders.

    Attributes:
        allow_missing: Predictions that are not there count as empty.
        allow_extra: Predictions without ground truth are left out.
        resize: Maps of another size are resized to the ground truth.
        names: Stems, groups or videos to use; all by default.
        processes: That score. More than one need the usual `if __name__ == '__main__'` of a script.
        fork: See `score_all`; what a command line does.
        records: Folder of the records; without it nothing is kept.
        shard: (k, n): score every n-th unit from the k-th on.
        merge: Wait for the shards of others and report; False only scores.
    """

    allow_missing: bool = False
    allow_extra: bool = False
    resize: bool = False
    names: Sequence[str] = ()
    processes: int = 1
    fork: bool = False
    records: Path | None = None
    shard: tuple[int, int] = (0, 1)
    merge: bool = True


@dataclass(frozen=True)
class Result:
    """Metrics of one method.

    Attributes:
        method: Name and files.
        metrics: By metric; curves are arrays.
        counts: What the metrics are made of.
        groups: Metrics of every group or video.
    """

    method: Method
    metrics: Metrics
    counts: Mapping[str, int]
    groups: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """Results of an evaluation.

    Attributes:
        protocol: How it was counted.
        truth: Folder of the ground truth.
        results: The best method first.
        dropped: Annotated frames that the protocol does not count.
        notes: What else a reader of the metrics must know.
        scored: Units that were scored now; the others were taken from records.
    """

    protocol: Protocol
    truth: Path
    results: tuple[Result, ...]
    dropped: int
    notes: tuple[str, ...] = field(default=())
    scored: int = 0


@dataclass(frozen=True)
class _Plan:
    protocol: Protocol
    truth: Tree
    groups: list[Group]
    methods: list[Method]
    settings: Settings
    known: Known | None = None

    def record(self) -> RunRecord:
        """What is asked for."""
        return describe(
            self.protocol,
            self.settings.resize,
            truth=str(self.truth.root),
            predictions={method.name: str(method.tree.root) for method in self.methods},
            names=list(self.settings.names),
            allow_missing=self.settings.allow_missing,
            allow_extra=self.settings.allow_extra,
        )


def evaluate_folders(
    predictions: Mapping[str, str | Path],
    truth: str | Path | Tree,
    protocol: str | Protocol,
    settings: Settings | None = None,
    sinks: Sequence[Sink] = (),
    progress: Callable[[int, int], None] | None = None,
    known: Known | None = None,
) -> Evaluation | None:
    """Score methods by a protocol.

    Files are paired by their path below the folders, without suffix. Metrics do not depend on the number of
    processes, not even in their last bit.

    Args:
        predictions: Folder by name of the method.
        truth: Folder of the ground truth, or its files by name.
        protocol: Its name, or one with options.
        settings: How folders are compared.
        sinks: See every part, in order.
        progress: Called with frames done and in all.
        known: Scores that a test had computed on the same files; without a folder of records only.

    Returns:
        The metrics; None for a shard that is not merged.

    Raises:
        DataError: A folder holds nothing, or predictions do not fit the ground truth: the message lists the first ten
            of every kind and their number.
        UnknownName: There is no such protocol.
    """
    settings = settings or Settings()
    tree = truth if isinstance(truth, Tree) else list_tree(Path(truth))
    rules = get_protocol(protocol) if isinstance(protocol, str) else protocol
    plan = replace(_plan(predictions, tree, rules, settings), known=known)
    progress = progress or (lambda done, total: None)
    if settings.records is None:
        return _run(plan, None, sinks, progress)
    records = Records(settings.records, 'shard-{}-of-{}'.format(*settings.shard))
    try:
        record = begin_record(settings.records, plan.record(), shared=settings.shard[1] > 1)
        evaluation = _run(plan, records, sinks, progress)
    finally:
        records.close()
    if evaluation is not None:
        record.state, record.result = 'done', {result.method.name: dict(result.counts) for result in evaluation.results}
        write_record(settings.records, record)
    return evaluation


def _plan(predictions: Mapping[str, str | Path], tree: Tree, protocol: Protocol, settings: Settings) -> _Plan:
    truth = tree.root
    if settings.names:
        tree = select(tree, settings.names)
    if settings.resize and not isinstance(protocol, MapProtocol):
        raise DataError(f'--resize: {protocol.name} scores labels, which are never resized; save them full size.')
    groups = groups_of(tree, protocol)
    methods = [pair(name, prediction_tree(Path(folder)), tree, groups) for name, folder in predictions.items()]
    if not methods:
        raise DataError('no folder of predictions was given.')
    problems = {m.name: pairing_problems(m, settings.allow_missing, settings.allow_extra) for m in methods}
    _refuse(problems, truth, ''.join(mismatch_hint(m, tree) for m in methods if problems[m.name]))
    nothing = [m.name for m in methods if len(m.missing) == sum(len(g.counted) for g in groups)]
    if nothing:
        raise DataError(f'{nothing[0]} has not one prediction for {truth}; there is nothing to score.')
    return _Plan(protocol, tree, groups, methods, settings)


def _refuse(problems: Mapping[str, Sequence[Problem]], truth: Path, hint: str = '') -> None:
    found = {name: members for name, members in problems.items() if members}
    if found:
        raise DataError(problem_message(found, truth) + hint)


def _units(plan: _Plan) -> Iterator[ScoringTask]:
    """All units; those of one group for all methods follow each other, while the ground truth is cached."""
    for group in plan.groups:
        counted = frozenset(group.counted)
        for positions in _pieces(plan.protocol, group):
            for method in plan.methods:
                items = tuple(_item(plan, method, group.stems[i], i in counted) for i in positions)
                yield ScoringTask(method.name, group.name, items, plan.settings.resize)


def _pieces(protocol: Protocol, group: Group) -> Iterator[Sequence[int]]:
    if not isinstance(protocol, MapProtocol):
        yield range(len(group.stems))
        return
    yield from in_pieces(group.counted)


def _item(plan: _Plan, method: Method, stem: str, counted: bool) -> ScoredItem:
    prediction = method.tree.path(stem) if stem in method.tree.files else None
    return ScoredItem(stem, plan.truth.path(stem), prediction, counted)


def _run(
    plan: _Plan, records: Records | None, sinks: Sequence[Sink], progress: Callable[[int, int], None]
) -> Evaluation | None:
    scored = 0
    if plan.settings.shard[1] > 1:
        if records is None:
            raise DataError('a shard is scored for others to read: name the folder of the records (Settings.records).')
        scored = _score_shard(plan, records, progress)
        if not plan.settings.merge:
            return None
        _await_others(plan, records)
    totals: dict[str, Accumulator] = {method.name: plan.protocol.total() for method in plan.methods}
    problems: dict[str, list[Problem]] = {method.name: [] for method in plan.methods}
    resized = dict.fromkeys(totals, 0)
    done, total = 0, len(plan.methods) * sum(len(group.counted) for group in plan.groups)
    for work, part, new in _score(plan, _tasks(plan, records)):
        if new and records is not None:
            records.put(work.key, part)
        scored += new
        problems[work.method] += part.problems
        resized[work.method] += part.resized
        if not part.problems:
            totals[work.method].add(part)
            for sink in sinks:
                sink.take(work, part)
        done += sum(item.counted for item in work.items)
        progress(done, total)
    _refuse(problems, plan.truth.root)
    return _evaluation(plan, totals, resized, scored)


def _score(
    plan: _Plan, tasks: Iterator[tuple[ScoringTask, PartialResult | None]]
) -> Iterator[tuple[ScoringTask, PartialResult, bool]]:
    units = sum(1 for _ in islice(_units(plan), plan.settings.processes))
    return score_all(partial(score, plan.protocol), tasks, units, plan.settings.fork)


def _tasks(
    plan: _Plan, records: Records | None, shard: tuple[int, int] = (0, 1)
) -> Iterator[tuple[ScoringTask, PartialResult | None]]:
    first, step = shard
    identity = scoring_identity(plan.record())
    for number, work in enumerate(_units(plan)):
        if number % step != first:
            continue
        if records is None:
            yield work, None if plan.known is None else plan.known(work)
        else:
            # Before the files are read: if one changes meanwhile, its record is of no use, not wrong.
            work = replace(work, key=key_of(identity, work))
            yield work, records.get(work.key)


def _score_shard(plan: _Plan, records: Records, progress: Callable[[int, int], None]) -> int:
    done, scored = 0, 0
    first, step = plan.settings.shard
    total = sum(sum(i.counted for i in work.items) for n, work in enumerate(_units(plan)) if n % step == first)
    for work, part, new in _score(plan, _tasks(plan, records, plan.settings.shard)):
        if new:
            records.put(work.key, part)
            scored += 1
        done += sum(item.counted for item in work.items)
        progress(done, total)
    return scored


def _await_others(plan: _Plan, records: Records) -> None:
    """Wait until all units are recorded; what starts the shards ends this process if one of the others fails."""
    identity = scoring_identity(plan.record())
    awaited = [key_of(identity, work) for work in _units(plan)]
    while True:
        records.refresh()
        awaited = [key for key in awaited if key not in records]
        if not awaited:
            return
        time.sleep(POLL_SECONDS)


def _evaluation(plan: _Plan, totals: Mapping[str, Accumulator], resized: Mapping[str, int], scored: int) -> Evaluation:
    results = []
    for method in plan.methods:
        total = totals[method.name]
        counts = {**total.counts()}
        for name, number in (
            ('missing', len(method.missing)), ('extra', len(method.extra)), ('resized', resized[method.name])
        ):  # fmt: skip
            if number:
                counts[name] = number
        results.append(Result(method, total.metrics(), counts, total.groups()))
    dropped = sum(len(group.stems) - len(group.counted) for group in plan.groups)
    return Evaluation(plan.protocol, plan.truth.root, ranked(results, plan.protocol), dropped, _notes(plan), scored)


def ranked(results: Sequence[Result], protocol: Protocol) -> tuple[Result, ...]:
    """The best method first; without the metric that ranks, in the order given."""
    sign = 1 if protocol.rank_by in protocol.lower_is_better else -1
    if any(protocol.rank_by not in result.metrics for result in results):
        return tuple(results)
    return tuple(sorted(results, key=lambda result: sign * float(result.metrics[protocol.rank_by])))


def _notes(plan: _Plan) -> tuple[str, ...]:
    notes = [plan.protocol.note] if plan.protocol.note else []
    if plan.settings.names:
        notes.append(f'a list of {len(plan.settings.names)} names chose {len(plan.truth.files)} ground truths')
    for what, tree in (('ground truth', plan.truth), *((m.name, m.tree) for m in plan.methods)):
        if tree.skipped:
            notes.append(f'{what}: {tree.skipped} files skipped, whose name exists with a preferred suffix')
    notes += [
        f'{method.name} is scored against itself: {method.tree.root} holds the files of {plan.truth.root}, byte for byte'
        for method in plan.methods
        if _is_truth(method.tree, plan.truth)
    ]
    return tuple(notes)


def _is_truth(tree: Tree, truth: Tree) -> bool:
    """Whether predictions are the ground truth: the same folder, or as many first files of the same bytes."""
    if tree.root.resolve() == truth.root.resolve():
        return True
    first = list(islice((stem for stem in truth.files if stem in tree.files), SAME))
    return bool(first) and all(cmp(tree.path(stem), truth.path(stem), shallow=False) for stem in first)
