"""What is known of a group or video only when all of it was seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.images import Facts, Item
from salseg.datasets.checking.layout import Plan
from salseg.io.listing import missing_numbers


@dataclass
class Group:
    """Items of one group or video, in order."""

    name: str
    stems: list[str] = field(default_factory=list)
    annotated: list[str] = field(default_factory=list)
    ids: list[tuple[int, ...] | None] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    sizes: dict[tuple[int, int], str] = field(default_factory=dict)

    def take(self, item: Item, facts: Facts) -> None:
        """Note one item."""
        if item.image is not None:
            self.stems.append(item.stem)
            if facts.size is not None:
                self.sizes.setdefault(facts.size, item.stem)
        if item.labels:
            self.annotated.append(item.stem)
            self.ids.append(facts.ids)
            if facts.void:
                self.void[item.labels[0][1]] = facts.void


def judge_group(plan: Plan, group: Group, findings: Findings) -> None:
    """Add what is wrong with a group or video as a whole."""
    if not group.stems:
        findings.add('empty-set', group.name, '', group.name)
        return
    if plan.labels and not group.annotated:
        findings.add('unlabelled-set', group.name, f'{len(group.stems)} images', group.name)
    if plan.video:
        _judge_video(plan, group, findings)
    elif len(group.stems) == 1:
        findings.add('group-of-one', group.name, group.stems[0], group.name)


def _judge_video(plan: Plan, group: Group, findings: Findings) -> None:
    if len(group.stems) == 1:
        findings.add('one-frame-video', group.name, group.stems[0], group.name)
    if len(group.sizes) > 1:
        shown = ', '.join(f'{stem} {size[1]}x{size[0]}' for size, stem in list(group.sizes.items())[:3])
        findings.add('frame-sizes', group.name, shown, group.name)
    gaps = _gaps_in_words(group.stems)
    if gaps:
        findings.add('frame-gap', group.name, gaps, group.name)
    if plan.kind == 'vsod' and 0 < len(group.annotated) < 3:
        findings.add('few-labels', group.name, f'{len(group.annotated)} of {len(group.stems)} frames', group.name)
    if plan.kind == 'vos' and group.annotated:
        _judge_ids(plan, group, findings)


def _judge_ids(plan: Plan, group: Group, findings: Findings) -> None:
    known = [(stem, ids) for stem, ids in zip(group.annotated, group.ids) if ids is not None]
    if not known:
        return
    first, all_ids = known[0][1], sorted({number for _, ids in known for number in ids})
    _judge_void(plan, group, bool(all_ids), findings)
    if not first:
        findings.add('empty-first', group.name, known[0][0], group.name)
    gaps = sorted(set(range(1, max(all_ids, default=0) + 1)) - set(all_ids))
    if gaps:
        shown = ', '.join(map(str, gaps[:8])) + (', ...' if len(gaps) > 8 else '')
        findings.add('id-gap', group.name, f'ids {", ".join(map(str, all_ids[:8]))}; missing {shown}', group.name)
    late = [number for number in all_ids if number not in first]
    if late and first:
        when = next(stem for stem, ids in known if late[0] in ids)
        findings.add('late-object', group.name, f'{len(late)} of {len(all_ids)} objects, id {late[0]} at {when}')


def _judge_void(plan: Plan, group: Group, has_ids: bool, findings: Findings) -> None:
    for path, fraction in group.void.items():
        shown = str(Path(path).relative_to(plan.root))
        if has_ids:
            findings.add('void', shown, fraction, group.name)
        else:
            findings.add('255-object', shown, 'values 0, 255, and no id in the whole video', group.name)


def _gaps_in_words(stems: Sequence[str]) -> str:
    """Where a frame number is left out of an otherwise even row; '' where none is."""
    gaps = missing_numbers(stems)
    if not gaps:
        return ''
    more = f' and in {len(gaps) - 1} other places' if len(gaps) > 1 else ''
    return f'between {gaps[0].before} and {gaps[0].after}{more}; the others are {gaps[0].step} apart'
