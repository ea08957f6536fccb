"""What decides the results of tracking a video, and what of earlier results may stay."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from salseg.apis.track_files import ALPHA, OBJECTS, STATES, TrackFolder, objects_csv
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.record import (
    FILE_NAME,
    REPLACE,
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
    inputs = {path.name: FileMark.of(path, content=True) for path in source.files}
    settings = dict(
        runs=[
            dict(
                model=type(run.model).__name__,
                rules=repr(getattr(run.model, 'rules', None)),
                shorter_side=run.shorter_side,
                scale=run.scale,
                flip=run.flip,
                box_prompt=run.box_prompt,
                **_precision(run.model),
            )
            for run in runs
        ],
        **source_facts(source, inputs),
        max_frames=max_frames,
        prompts={str(number): _prompt_facts(plan.prompts[number]) for number in sorted(plan.prompts)},
        backward=plan.backward,
        permanent=list(plan.permanent),
        every=plan.every,
        **choices,
    )
    weights = Weights(weights_fingerprint(*models), ', '.join(str(model.weights_source or '') for model in models))
    return RunRecord('track', settings, weights, inputs)


def _precision(model: Any) -> dict[str, str]:
    """Said only where it is another one than that of the weights, as records before it was a choice do."""
    dtype = getattr(model, 'prediction_dtype', None)
    return {} if dtype is None else dict(precision=str(dtype).removeprefix('torch.'))


def _content(inputs: Mapping[str, FileMark]) -> str:
    whole = content_digest(json.dumps([(name, mark.digest) for name, mark in inputs.items()]).encode())
    return f'{len(inputs)} {"file" if len(inputs) == 1 else "files"} of content {whole[:16]}'


def changed_results(folder: TrackFolder, record: RunRecord) -> list[str]:
    """Names of the results of a finished call that are not there any more or have another content."""
    changed = []
    for name, mark in record.outputs.items():
        path = folder.result(name)
        if not path.is_file() or (mark.digest and FileMark.of(path, content=True).digest != mark.digest):
            changed.append(name)
    return changed


def keep_whole(folder: TrackFolder, record: RunRecord) -> bool:
    """Whether the results of a finished call are all there as they were written; products that are not are removed.

    Returns:
        False where masks are gone: the call is begun anew.

    Raises:
        DataError: A mask has another content, which somebody may want to keep.
    """
    changed = changed_results(folder, record)
    masks = [name for name in changed if folder.result(name).parent != folder.out]
    edited = [name for name in masks if folder.result(name).is_file()]
    if edited:
        raise DataError(
            f'{folder.out}: {len(edited)} of the masks are not as they were written, the first {edited[0]}. {REPLACE}'
        )
    for name in changed:
        folder.result(name).unlink(missing_ok=True)
    if masks or f'{ALPHA}.mov' in changed:
        folder.clear()
        (folder.out / FILE_NAME).unlink()
        return False
    if OBJECTS in changed:
        write_text(folder.out / OBJECTS, objects_csv(folder.log(), folder.source, float(record.settings['lost_below'])))
    return True


def source_facts(source: FrameSource, marks: Mapping[str, FileMark] | None = None) -> dict[str, Any]:
    """Which video it is, for a record; ``marks`` of its files by name, where their content was read already.

    The content counts: a frame that is replaced under its name makes another video.
    """
    if marks is None:
        marks = {path.name: FileMark.of(path, content=True) for path in source.files}
    return dict(
        video=f'camera {source.source}' if source.live else str(Path(str(source.source)).resolve()),
        content=_content(marks),
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
