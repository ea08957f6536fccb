"""Objects to track, found by a saliency model: prompts for `salseg.apis.track` where the user gives none."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.looks import FindRules, Look, Proposer, keep_common, take_looks, unpacked
from salseg.apis.models import init_model
from salseg.apis.prompts import read_prompts
from salseg.apis.track_records import source_facts
from salseg.errors import DataError
from salseg.io.record import (
    FILE_NAME,
    REPLACE,
    FileMark,
    RunRecord,
    Weights,
    begin,
    differences,
    read_record,
    write_record,
)
from salseg.io.videos import FrameSource
from salseg.models import BaseSegmentor
from salseg.ops.fingerprint import weights_fingerprint
from salseg.propagation import MergedPropagator, Prompt, Propagator
from salseg.propagation.prompt import MAX_ID
from salseg.propagation.proposals import identify
from salseg.visualization.palette import write_label_png

FOUND, DEMO = 'found', 'salseg-demo'


class ObjectFinder:
    """Finds the objects of videos: proposals of a saliency model, those that are common over time, told apart by a tracker.

    1. In every n-th frame the connected parts of the saliency map are proposals.
    2. A proposal is kept if it is common: if in looks that are far away in time, on the mean, something is similar to it
       in the features of the saliency model's own encoder (`common_votes`).
    3. The tracker runs from the first of them on. A proposal that overlaps with an object that it follows is that object;
       one that overlaps with none is a newcomer, which it follows from there on.
    4. An object is dropped if it was seen once only, or in few of the looks since it appeared, or if it has much less
       salience times area than the strongest one. Of the others the tracker's
       mask in the best look is the prompt: saliency of the proposal, times its vote, times the IoU of the two.

    Args:
        propagator: The tracker; it is reset.
        model: Saliency model of single images: a name, config or run's folder, or what `init_model` gave.
        rules: What counts as an object.
        checkpoint: Weights of the saliency model, where it is a name.
        random_weights: Allow a saliency model that was never given weights.

    Raises:
        ConfigError: The model is no saliency model of single images.
        CheckpointError: It has no weights and that was not allowed.
    """

    def __init__(
        self,
        propagator: Propagator | MergedPropagator,
        model: str | BaseSegmentor = DEMO,
        rules: FindRules | None = None,
        checkpoint: str | None = None,
        random_weights: bool = False,
    ) -> None:
        self.propagator, self.rules = propagator, rules or FindRules()
        if isinstance(model, str):
            model = init_model(model, checkpoint, _models(propagator)[0].data_preprocessor.mean.device)
        self.proposer = Proposer(model, random_weights)

    def facts(self) -> dict[str, Any]:
        """What decides the prompts besides the video and the tracker, for a record."""
        model = self.proposer.model
        return dict(asdict(self.rules), model=str(model.weights_source or ''), weights=weights_fingerprint(model))

    def prompts(
        self,
        source: FrameSource,
        max_frames: int | None = None,
        progress: Callable[[int, int | None], None] | None = None,
    ) -> dict[int, Prompt]:
        """Prompts by the number of the frame.

        Raises:
            DataError: Nothing was found, or the source is a camera.
        """
        if source.live:
            raise DataError(
                'objects are looked for in the whole video before they are tracked: record the camera first.'
            )
        looks = take_looks(self.proposer, source, self.rules, max_frames, progress)
        if not any(look.packed for look in looks):
            raise DataError(
                f'no object was found in {source.source}: in none of {len(looks)} frames looked at a region has a saliency of '
                f'{self.rules.threshold:g} or more. Try another saliency model (--find MODEL), or give prompts (--box, --mask).'
            )
        common, votes = keep_common(looks, self.rules)
        seen = follow_looks(common, votes, self.propagator, source)
        chosen = choose_prompts(seen, len(looks), self.rules)
        if not chosen:
            raise DataError(
                f'no object was found in {source.source}: of {sum(len(look.packed) for look in looks)} proposals in '
                f'{len(looks)} frames none is common over time. Look at more frames (--find-every '
                f'{max(1, self.rules.every // 2)}), try another saliency model (--find MODEL), or give prompts (--box, --mask).'
            )
        found: dict[int, dict[int, np.ndarray]] = {}
        for index, sightings in chosen.items():
            for sighting in sightings:
                look = common[sighting.look]
                found.setdefault(look.number, {})[index] = unpacked(sighting.bits, look.shape)
        return {number: Prompt.from_masks(found[number]) for number in sorted(found)}


def find_objects(
    finder: ObjectFinder,
    source: str | Path | FrameSource,
    out: str | Path | None = None,
    max_frames: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> dict[int, Prompt]:
    """Prompts of the objects that a finder finds in a video.

    Args:
        finder: Saliency model and tracker.
        source: Folder of images or video file.
        out: Folder of the results: ``<out>/found/<frame>.png`` are the first masks, which ``--mask <out>/found`` takes, as
            they are or edited. Where they were found before by the same models, they are read.
        max_frames: Of the video.
        overwrite: Replace what was found by other models or rules, and edited masks.
        progress: Called with the frames looked at and in all.

    Raises:
        DataError: Nothing was found; the source is a camera; the folder holds what another call found, or masks that were
            edited.
    """
    source = source if isinstance(source, FrameSource) else FrameSource(source)
    if out is None:
        return finder.prompts(source, max_frames, progress)
    folder = Path(out) / FOUND
    wanted = _describe(finder, source, max_frames)
    _clear(folder, wanted, overwrite)
    if (folder / FILE_NAME).exists():
        record = begin(folder, wanted, REPLACE, shared=True)
        _check_unedited(folder, record)
    else:
        # Nothing is written before something was found, so that a call with another model can follow.
        prompts = finder.prompts(source, max_frames, progress)
        record = begin(folder, wanted, REPLACE, shared=True)
        for number, prompt in prompts.items():
            labels = np.zeros(prompt.size, np.uint8)
            for index, mask in zip(prompt.ids, prompt.masks):
                labels[mask.numpy()] = index
            write_label_png(folder / f'{source.name(number)}.png', labels)
        record.result = dict(frames=sorted(prompts), objects=sorted({i for p in prompts.values() for i in p.ids}))
        record.outputs, record.state = _marks(folder), 'done'
        write_record(folder, record)
    return read_prompts(source, folder)


def _models(propagator: Any) -> list[Any]:
    return list(dict.fromkeys(run.model for run in getattr(propagator, 'runs', [propagator])))


def _describe(finder: ObjectFinder, source: FrameSource, max_frames: int | None) -> RunRecord:
    models = [finder.proposer.model, *_models(finder.propagator)]
    settings = dict(asdict(finder.rules), **source_facts(source), max_frames=max_frames)
    weights = Weights(weights_fingerprint(*models), ', '.join(str(model.weights_source or '') for model in models))
    return RunRecord('track --find', settings, weights, {path.name: FileMark.of(path) for path in source.files})


def _marks(folder: Path) -> dict[str, FileMark]:
    return {path.name: FileMark.of(path) for path in sorted(folder.glob('*.png'))}


def _clear(folder: Path, wanted: RunRecord, overwrite: bool) -> None:
    """Remove what a call left that was stopped while it wrote; on request also what another one found or was edited."""
    if not (folder / FILE_NAME).exists():
        return
    try:
        found = read_record(folder)
    except DataError:
        if not overwrite:
            raise
        found = None
    whole = found is not None and found.state == 'done'
    if (
        found is not None
        and whole
        and not (overwrite and (differences(found, wanted) or found.outputs != _marks(folder)))
    ):
        return
    for path in [*folder.glob('*.png'), folder / FILE_NAME]:
        path.unlink(missing_ok=True)


def _check_unedited(folder: Path, record: RunRecord) -> None:
    now = _marks(folder)
    changed = sorted(name for name in {*now, *record.outputs} if now.get(name) != record.outputs.get(name))
    if changed:
        raise DataError(
            f'{folder} was changed after objects were found: {", ".join(changed[:5])}. To track what it holds now give '
            f'--mask {folder} --backward in the place of --find; to find the objects anew give --overwrite.'
        )


@dataclass(frozen=True)
class Sighting:
    """A proposal as an object.

    Attributes:
        look: Which look it is of.
        bits: Of its mask: the tracker's, which is more accurate than a map's, or the proposal of a newcomer.
        salience: Mean saliency inside it times its vote, in [0, 1].
        area: Of the proposal, as a fraction of the image.
        agreement: Its IoU with what the tracker has there; None where the object is a newcomer.
    """

    look: int
    bits: np.ndarray
    salience: float
    area: float
    agreement: float | None = None


def follow_looks(
    looks: list[Look], votes: list[list[float]], propagator: Propagator | MergedPropagator, source: FrameSource
) -> dict[int, list[Sighting]]:
    """Where each object was seen, by identity from 1 on in the order of appearance.

    Proposals that overlap with an object that the tracker follows are merged with it; the others are new, see `identify`.

    Args:
        looks: With the proposals that count.
        votes: Of these, by look.
        propagator: The tracker; it is reset before and after.
        source: The video.
    """
    by_number = {look.number: place for place, look in enumerate(looks) if look.packed}
    found: dict[int, list[Sighting]] = {}
    if not by_number:
        return found
    propagator.reset()
    with closing(source.numbered(min(by_number))) as frames:
        for number, image in frames:
            if number > max(by_number):
                break
            labels = propagator.step(image).labels if found else np.zeros(image.shape[:2], np.uint8)
            place = by_number.get(number)
            if place is None:
                continue
            masks = looks[place].masks()
            new: dict[int, np.ndarray] = {}
            for row, known in enumerate(identify(labels, masks, sorted(found))):
                if known is None or (known == 0 and len(found) == MAX_ID):
                    continue
                salience, agreement, mask = looks[place].salience[row] * votes[place][row], None, masks[row]
                index = known or len(found) + 1
                if known:
                    mask = labels == index
                    agreement = float((mask & masks[row]).sum() / (mask | masks[row]).sum())
                else:
                    new[index], found[index] = mask, []
                found[index].append(Sighting(place, np.packbits(mask), salience, float(masks[row].mean()), agreement))
            if new:
                # The same frame again, now with what is new in it.
                propagator.step(image, Prompt.from_masks(new))
    propagator.reset()
    return found


def choose_prompts(seen: Mapping[int, list[Sighting]], looks: int, rules: FindRules) -> dict[int, list[Sighting]]:
    """The best sightings of each object that lasts, under ids from 1 on in the order of appearance.

    Args:
        seen: By identity, see `follow_looks`.
        looks: That were taken.
        rules: How long an object must last, how salient it must be, how many are kept, with how many prompts each.
    """
    kept = [index for index, sightings in seen.items() if _lasts(sightings, looks, rules.lasting)]
    mass = {index: _mass(seen[index], looks) for index in kept}
    kept = [index for index in kept if mass[index] >= rules.mass * max(mass.values())]
    kept = sorted(sorted(kept, key=lambda index: -mass[index])[: rules.most])
    best = [_best(seen[index])[: rules.prompts] for index in kept]
    return dict(enumerate(best, 1))


def _lasts(sightings: list[Sighting], looks: int, least: float) -> bool:
    count = len({sighting.look for sighting in sightings})
    return count >= min(2, looks) and count >= least * (looks - sightings[0].look)


def _mass(sightings: list[Sighting], looks: int) -> float:
    """Salience times area, the mean over the looks since an object appeared."""
    return sum(sighting.salience * sighting.area for sighting in sightings) / (looks - sightings[0].look)


def _best(sightings: list[Sighting]) -> list[Sighting]:
    """Best first. Nothing speaks for or against the mask of a newcomer but those after it: it gets their mean agreement."""
    known = [sighting.agreement for sighting in sightings if sighting.agreement is not None]
    mean = float(np.mean(known)) if known else 1.0

    def quality(sighting: Sighting) -> float:
        return sighting.salience * (mean if sighting.agreement is None else sighting.agreement)

    return sorted(sightings, key=lambda sighting: -quality(sighting))
