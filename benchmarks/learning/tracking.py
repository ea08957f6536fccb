"""What the benchmarks on tracking objects share: test videos, trivial answers, scores, tables and claims."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis import Prompt, Propagator, init_model
from salseg.datasets.synthetic.videos import draw_video
from salseg.engine.checkpoint import has_checkpoint
from salseg.engine.train import train
from salseg.evaluation.functional.davis import semi_supervised
from salseg.propagation import propagate

# As the training videos of the configs named synthetic-96, another split.
SCENE = dict(objects=2, look_alikes=True, distractors=1, occluders=0, leaving=False, max_step=4.0)
Answer = Callable[['TestVideo', Prompt], Sequence[np.ndarray]]


@dataclass(frozen=True)
class TestVideo:
    """Frames (H, W, 3) and labels (H, W) of one video; labels may be None where a frame has none."""

    name: str
    frames: list[np.ndarray]
    labels: list[np.ndarray]


def synthetic_videos(count: int, frames: int, size: int | tuple[int, int]) -> list[TestVideo]:
    """Videos that no training saw, with all their objects visible in the first frame."""
    found, index = [], 0
    while len(found) < count:
        drawn = list(draw_video(0, 'test', index, length=frames, size=size, **SCENE))
        if drawn[0].box_valid.all():
            found.append(TestVideo(f'test_{index}', [f.image for f in drawn], [f.labels for f in drawn]))
        index += 1
    return found


def learned(config: Path, folder: Path, iterations: int, options: Sequence[str], from_scratch: bool = False) -> Any:
    """The trained model; a training that ended is not repeated, one that was stopped continues from its last checkpoint."""
    checkpoint = folder / f'iter_{iterations}.pth'
    if not checkpoint.is_file():
        train(str(config), list(options), str(folder), resume=has_checkpoint(folder), from_scratch=from_scratch)
    return init_model(str(config), str(checkpoint), 'cpu', list(options))


def logged(folder: Path) -> list[dict[str, float]]:
    """What a run logged of its losses, in the order of its steps; one that was resumed may have logged a step twice."""
    found = {}
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            values = json.loads(line)
            if 'loss' in values:
                found[values['step']] = values
    return [found[step] for step in sorted(found)]


def measured(folder: Path, settings: Mapping[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Metrics of a run, read from its folder where they were taken with the same settings before."""
    file = folder / 'metrics.json'
    asked = json.loads(json.dumps(settings))
    if file.is_file() and (stored := json.loads(file.read_text()))['settings'] == asked:
        return stored['metrics']
    found = measure()
    file.write_text(json.dumps(dict(settings=asked, metrics=found), indent=1))
    return found


def follow(model: Any) -> Answer:
    """Answers of a model."""

    def answer(video: TestVideo, prompt: Prompt) -> list[np.ndarray]:
        return [result.labels for result in propagate(Propagator(model), video.frames, {0: prompt})]

    return answer


def stand_still(video: TestVideo, prompt: Prompt) -> list[np.ndarray]:
    """What was given, in every frame."""
    labels = np.zeros(video.labels[0].shape, np.uint8)
    for index, mask in zip(prompt.ids, prompt.masks):
        labels[mask.numpy()] = index
    return [labels] * len(video.frames)


def score(answer: Answer, videos: Sequence[TestVideo], box: bool = False) -> dict[str, float]:
    """J, F and J&F from the second frame on, the mean over objects and videos.

    Args:
        answer: What follows.
        videos: With all labels.
        box: Whether prompts are the boxes around the first masks.
    """
    region, boundary = [], []
    for video in videos:
        prompt = Prompt.from_labels(video.labels[0])
        found = answer(video, prompt.boxed() if box else prompt)
        scores = semi_supervised(video.labels, found, skip_first_last=False)
        region += scores.region[:, 1:].mean(1).tolist()
        boundary += scores.boundary[:, 1:].mean(1).tolist()
    j, f = float(np.mean(region)), float(np.mean(boundary))
    return dict(j=j, f=f, jf=(j + f) / 2)


def moved_prompt(answer: Answer, videos: Sequence[TestVideo]) -> dict[str, float]:
    """Give one object alone: J with that object, and with the other one; moved to the other, the answer must follow."""
    own, other = [], []
    for video in videos:
        for index, rest in ((1, 2), (2, 1)):
            found = answer(video, Prompt.from_masks({index: video.labels[0] == index}))[1:]
            for labels, guess in zip(video.labels[1:], found):
                own.append(overlap(guess == index, labels == index))
                other.append(overlap(guess == index, labels == rest))
    return dict(own=float(np.mean(own)), other=float(np.mean(other)))


def extent(model: Any, videos: Sequence[TestVideo]) -> dict[str, float]:
    """How much the answers hold, from the second frame on, the mean over objects and frames where they are.

    ``area`` is the answer's number of pixels by the object's; ``contrast`` the mean probability on the object less that on
    the rest of the frame, in [-1, 1]: 0 of a constant map.
    """
    area, contrast = [], []
    for video in videos:
        results = propagate(Propagator(model), video.frames, {0: Prompt.from_labels(video.labels[0])})
        for labels, result in list(zip(video.labels, results))[1:]:
            for index, probability in zip(result.object_ids, result.probability[1:].numpy()):
                truth = labels == index
                if truth.any() and not truth.all():
                    area.append((result.labels == index).sum() / truth.sum())
                    contrast.append(probability[truth].mean() - probability[~truth].mean())
    return dict(area=float(np.mean(area)), contrast=float(np.mean(contrast)))


def overlap(guess: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two masks, 1 if both are empty."""
    union = (guess | truth).sum()
    return float((guess & truth).sum() / union) if union else 1.0


def print_rows(results: Mapping[str, Sequence[Mapping[str, float]]], columns: Sequence[str]) -> None:
    """Mean and worst over the seeds of every row."""
    print(f'\n{"":28}' + ''.join(f'{name:>10} {"worst":>7}' for name in columns))
    for name, part in results.items():
        cells = []
        for column in columns:
            values = [row[column] for row in part if column in row]
            cells.append(f'{np.mean(values):10.3f} {min(values):7.3f}' if values else f'{"":>18}')
        print(f'{name:28}' + ''.join(cells))


Claim = tuple[str, float, float]


def report(claims: Iterator[Claim]) -> int:
    """Say of each (what, found, at least) whether it holds; status 1 if one does not."""
    failed = False
    for text, found, least in claims:
        failed |= found < least
        print(f'{"holds" if found >= least else "DOES NOT HOLD"}: {text}: {found:.3f} (asked >= {least:g})')
    return int(failed)


def keep(results: Mapping[str, Any], folder: Path) -> None:
    """Write all metrics of all seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'results.json').write_text(json.dumps(results, indent=1))


def short_run(
    iterations: int,
    seed: int,
    batch: int = 2,
    data: Sequence[str] = ('train_dataloader.dataset',),
    cosine: bool = True,
) -> list[str]:
    """Options of a training of so many iterations; ``data`` are the places of its data sets in the config, ``cosine`` is
    whether its rate falls as in adamw_cosine_600."""
    own = [
        option
        for place in data
        for option in (f'{place}.pipeline.0.total_draws={iterations * batch}', f'{place}.seed={seed}')
    ]
    falling = [f'param_scheduler.1.T_max={iterations}'] if cosine else []
    return [
        f'randomness.seed={seed}', f'train_cfg.max_iters={iterations}', *falling,
        *own, *(f'default_hooks.{hook}.interval={min(iterations, 50)}' for hook in ('checkpoint', 'logger')),
    ]  # fmt: skip
