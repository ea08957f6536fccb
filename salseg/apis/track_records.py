"""What decides the results of tracking a video, and what of earlier results may stay."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from salseg.apis.track_files import STATES, TrackFolder
from salseg.errors import DataError
from salseg.io.record import (
    FILE_NAME,
    FileMark,
    RunRecord,
    Weights,
    content_digest,
    differences,
    read_record,
    write_record,
)
from salseg.io.videos import FrameSource
from salseg.ops.fingerprint import weights_fingerprint
from salseg.propagation import Prompt, TrackPlan


def describe(
    runs: Sequence[Any], source: FrameSource, plan: TrackPlan, max_frames: int | None, choices: Mapping[str, Any]
) -> RunRecord:
    """What decides the results, so that only the same call is resumed."""
    models = list(dict.fromkeys(run.model for run in runs))
    settings = dict(
        runs=[
            dict(
                model=type(run.model).__name__,
                rules=repr(getattr(run.model, 'rules', None)),
                shorter_side=run.shorter_side,
                scale=run.scale,
                flip=run.flip,
                box_prompt=run.box_prompt,
            )
            for run in runs
        ],
        **source_facts(source),
        max_frames=max_frames,
        prompts={str(number): _prompt_facts(plan.prompts[number]) for number in sorted(plan.prompts)},
        backward=plan.backward,
        permanent=list(plan.permanent),
        every=plan.every,
        **choices,
    )
    weights = Weights(weights_fingerprint(*models), ', '.join(str(model.weights_source or '') for model in models))
    inputs = {path.name: FileMark.of(path) for path in source.files}
    return RunRecord('track', settings, weights, inputs)


def source_facts(source: FrameSource) -> dict[str, Any]:
    """Which video it is, for a record."""
    return dict(
        video=f'camera {source.source}' if source.live else str(Path(str(source.source)).resolve()),
        frames=None if source.names is None else f'{len(source.names)}, {content_digest(repr(source.names).encode())}',
    )


def _prompt_facts(prompt: Prompt) -> dict[str, Any]:
    masks = content_digest(prompt.masks.cpu().numpy().tobytes())
    return dict(ids=[int(index) for index in prompt.ids], from_box=list(prompt.from_box), masks=masks)


def holds_nothing(folder: TrackFolder) -> bool:
    """Whether an earlier call ended before its first result: what it was called with need not be kept to."""
    found = read_record(folder.out)
    return found is not None and found.command == 'track' and folder.holds_nothing()


def clear(folder: TrackFolder, wanted: RunRecord) -> None:
    """Remove the results of another call, or of this one where it had finished."""
    if not (folder.out / FILE_NAME).exists():
        return
    try:
        found = read_record(folder.out)
    except DataError:
        # A broken record is replaced too.
        found = None
    if found is not None and found.state == 'running' and not differences(found, wanted):
        return
    folder.clear()
    (folder.out / FILE_NAME).unlink(missing_ok=True)


def begin_correction(folder: TrackFolder, found: RunRecord, wanted: RunRecord, plan: TrackPlan) -> None:
    """Keep what lies before the first frame whose prompt is another one now, and remove the rest."""
    changing = {name: wanted.settings[name] for name in ('prompts', 'permanent')}
    if differences(replace(found, settings={**found.settings, **changing}), wanted):
        # Another call, which is refused with all differences.
        return
    old, new = found.settings, wanted.settings
    changed = [int(n) for n in {*old['prompts'], *new['prompts']} if old['prompts'].get(n) != new['prompts'].get(n)]
    changed += {*old['permanent']} ^ {*new['permanent']}
    if not changed:
        return
    first = min(changed)
    # Until the new record stands, this is a call that was stopped.
    found.state = 'running'
    write_record(folder.out, found)
    if plan.backward and first <= max(plan.turn, _turn(old['prompts'])):
        # The pass against time had a part in all that lies before.
        first = 0
        folder.clear()
    else:
        folder.forget(first)
    for path in (folder.out / STATES).glob('forward-*.pth'):
        if int(path.stem.partition('-')[2]) > first:
            path.unlink()
    write_record(folder.out, replace(wanted, since=found.since, items={'kept': {'until': first}}))


def _turn(prompts: Mapping[str, Mapping[str, Any]]) -> int:
    """`TrackPlan.turn` of recorded prompts."""
    first: dict[int, int] = {}
    for number in sorted(map(int, prompts)):
        for index in prompts[str(number)]['ids']:
            first.setdefault(index, number)
    return max(first.values())


def check_numbers(source: FrameSource, max_frames: int | None, plan: TrackPlan) -> None:
    """No prompt and no permanent frame may belong to a frame that is not there, as far as that is known."""
    total = None if source.names is None else len(source.names)
    total = max_frames if total is None or (max_frames and max_frames < total) else total
    for what, numbers in (('prompts were given for', plan.prompts), ('permanent are to be', plan.permanent)):
        late = [number for number in numbers if number < 0 or (total is not None and number >= total)]
        if late:
            known = 'frames are counted from 0' if total is None else f'the video has {total} frames, 0 to {total - 1}'
            raise DataError(f'{what} the frames {sorted(late)}, but {known}.')
