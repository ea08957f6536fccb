"""Run all stages of a project, each from the one before, in one folder; what was stopped is resumed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.dist import barrier, is_main_process

from salseg.apis.guidance import precompute_guidance
from salseg.apis.pseudo_labels import precompute_pseudo_labels
from salseg.catalog import model_cards, project_stages
from salseg.engine.checkpoint import chosen_checkpoint, has_checkpoint, newest_checkpoint
from salseg.engine.launch import init_processes
from salseg.engine.train import is_begun, train
from salseg.errors import ConfigError, UnknownName
from salseg.io.record import DELETE, RunRecord, begin, write_record
from salseg.releases import Release

COMMAND = 'train --stages'


@dataclass(frozen=True)
class Stage:
    """A stage of a chain, as a project's card says it.

    Attributes:
        name: Of its folder.
        model: Name or config that is trained, or whose learner makes guidance.
        start: Stage whose weights a training begins with, or whose model makes pseudo-labels; empty for none.
        precompute: 'pseudo-labels' or 'guidance'; empty for a training.
        options: Overrides of the config; ``{NAME}`` in a value is the folder of an earlier stage.
    """

    name: str
    model: str
    start: str = ''
    precompute: str = ''
    options: Mapping[str, Any] = field(default_factory=dict)


def find_chain(project: str, chain: str = '') -> tuple[str, str, list[Stage]]:
    """The stages of a project.

    Args:
        project: Folder below ``projects``, or one of the project's models.
        chain: Its name; by default the first that trains the model of that name, or else the first.

    Returns:
        Name of the project, of the chain, and the stages in order.

    Raises:
        UnknownName: There is no such project or chain.
    """
    chains, folder = project_stages(), project.replace('-', '_')
    if folder not in chains and project in model_cards():
        folder = Path(model_cards()[project]['Folder']).name
    if folder not in chains:
        raise UnknownName(
            f'{project} has no stages; projects with stages: {", ".join(chains)}. A single training: salseg train {project}.'
        )
    known = {name: _stages(listed) for name, listed in chains[folder].items()}
    if chain and chain not in known:
        raise UnknownName(f'{folder} has no chain {chain!r}; it has {", ".join(known)}.')
    fitting = [name for name, stages in known.items() if project in [stage.model for stage in stages]]
    found = chain or next(iter([*fitting, *known]))
    return folder, found, known[found]


def _stages(listed: Sequence[Mapping[str, Any]]) -> list[Stage]:
    models = {stage['Name']: stage.get('Train', '') for stage in listed}
    return [
        Stage(
            name=stage['Name'],
            model=stage.get('Train') or stage.get('Model') or models[stage['From']],
            start=stage.get('Start') or stage.get('From') or '',
            precompute=stage.get('Precompute', ''),
            options=stage.get('Options') or {},
        )
        for stage in listed
    ]


def _silent(text: str) -> None:
    pass


def run_stages(
    project: str,
    work_dir: str | Path,
    chain: str = '',
    options: Sequence[str] = (),
    amp: bool = False,
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    say: Callable[[str], None] = _silent,
) -> Path:
    """Run all stages of a project, each in a folder of its own; stages that are done are left as they are.

    Args:
        project, chain: See :func:`find_chain`.
        work_dir: Folder of the chain: a folder of each stage's name, and the record.
        options: ``key=value`` texts. ``STAGE.key=value`` is for one stage, any other for all; the options of a
            generator count for its labels too.
        amp, launcher, releases: See :func:`salseg.engine.train.train`.
        say: Told about every stage.

    Returns:
        Folder of the last stage.

    Raises:
        UnknownName, ConfigError: There is no such chain, or an option does not fit.
        DataError: The folder holds another chain or one with other options, or data are not here.
        CheckpointError: A start does not fit.
    """
    folder, name, stages = find_chain(project, chain)
    run = _Run(Path(work_dir), stages, _by_stage(stages, options), amp, launcher, releases)
    init_processes(launcher)
    if not is_main_process():
        # The first process makes the folder; the others find it.
        barrier()
    settings = dict(
        project=folder, chain=name, stages=[vars(stage) for stage in stages], options=list(options), amp=amp
    )
    record = begin(run.folder, RunRecord(COMMAND, settings), DELETE, shared=not is_main_process())
    if is_main_process():
        barrier()
    else:
        say = _silent
    for number, stage in enumerate(stages, 1):
        title = f'stage {number} of {len(stages)}, {stage.name}'
        if run.is_done(stage, record):
            say(f'{title}: done before')
            continue
        say(
            f'{title}: {stage.precompute or "training"} with {stage.model}'
            + (f', from {stage.start}' * bool(stage.start))
        )
        record.items[stage.name] = run.do(stage)
        _save(run.folder, record)
    record.state = 'done'
    _save(run.folder, record)
    return run.folder / stages[-1].name


def _save(folder: Path, record: RunRecord) -> None:
    if is_main_process():
        write_record(folder, record)


def _by_stage(stages: Sequence[Stage], options: Sequence[str]) -> dict[str, list[str]]:
    """The user's options of every stage."""
    found: dict[str, list[str]] = {stage.name: [] for stage in stages}
    starts = {stage.name: stage.start for stage in stages}
    for text in options:
        name, _, rest = text.partition('.')
        if name in found and rest.startswith('load_from=') and starts[name]:
            raise ConfigError(
                f'{text}: {name} starts from the weights of {starts[name]}. With others train it alone: salseg train '
                f'{next(stage.model for stage in stages if stage.name == name)} --cfg-options {rest}.'
            )
        if name in found:
            found[name].append(rest)
        elif text.startswith('load_from='):
            raise ConfigError(
                f'{text}: every stage starts from the one before. For the first stage: {stages[0].name}.{text} (stages: '
                f'{", ".join(found)}).'
            )
        else:
            for own in found.values():
                own.append(text)
    return found


@dataclass(frozen=True)
class _Run:
    folder: Path
    stages: Sequence[Stage]
    options: Mapping[str, list[str]]
    amp: bool
    launcher: str
    releases: Sequence[Release]

    def is_done(self, stage: Stage, record: RunRecord) -> bool:
        """Whether the stage was finished and its result is still there."""
        out = self.folder / stage.name
        return stage.name in record.items and (out.is_dir() if stage.precompute else has_checkpoint(out))

    def do(self, stage: Stage) -> dict[str, Any]:
        """Run or resume a stage; what the record notes of it."""
        out, options = self.folder / stage.name, self._texts(stage)
        if stage.precompute == 'guidance':
            precompute_guidance(stage.model, out, options=options)
            return {}
        start = chosen_checkpoint(self.folder / stage.start) if stage.start else ''
        if stage.precompute:
            maker = next(other for other in self.stages if other.name == stage.start)
            precompute_pseudo_labels(stage.model, out, start, [*self._texts(maker), *options])
        else:
            begins = [f'load_from={start}'] if start else []
            resume = is_begun(out)
            train(stage.model, [*options, *begins], str(out), resume, self.amp, self.launcher, self.releases)
        done = {'start': f'{stage.start}/{Path(start).name}'} if start else {}
        return done if stage.precompute else {**done, 'checkpoint': Path(newest_checkpoint(out)).name}

    def _texts(self, stage: Stage) -> list[str]:
        own = [f'{key}={value}' for key, value in stage.options.items()]
        for other in self.stages:
            own = [text.replace(f'{{{other.name}}}', str(self.folder / other.name)) for text in own]
        return [*own, *self.options[stage.name]]
