"""Saliency, co-saliency, video and DAVIS metrics against public evaluation code."""

import numpy as np
import pytest

from salseg.evaluation import functional as F
from salseg.evaluation.functional.curves import BETA_SQUARED
from salseg.evaluation.functional.frames import VOID
from salseg.evaluation.metrics import SaliencyMetric, VideoObjectMetric
from tests.parity import kit

IMAGE_NAMES = {
    'mae': 'mae',
    'sm_defined': 's_measure',
    'wfm': 'weighted_f',
    'adpF': 'adaptive_f',
    'adpE': 'adaptive_e',
    'adpIoU': 'adaptive_iou',
    'auc': 'auc',
    'ap': 'average_precision',
    'P_mustd': 'mustd_precision',
    'R_mustd': 'mustd_recall',
}
CURVE_NAMES = {
    'F_curve': 'f_curve',
    'E_curve': 'e_curve',
    'P_curve': 'precision_curve',
    'R_curve': 'recall_curve',
    'FPR_curve': 'false_positive_rate_curve',
    'IoU_curve': 'iou_curve',
}
SET_NAMES = {
    'MAE': 'mae',
    'Sm': 's_measure',
    'wF': 'weighted_f',
    'maxF': 'max_f',
    'meanF': 'mean_f',
    'adpF': 'adaptive_f',
    'maxE': 'max_e',
    'meanE': 'mean_e',
    'adpE': 'adaptive_e',
    'maxIoU': 'max_iou',
    'meanIoU': 'mean_iou',
    'AUC_of_mean_curve': 'auc_of_mean_curve',
    'AP_of_mean_curve': 'average_precision_of_mean_curve',
    'AUC_image_mean': 'auc',
    'AP_image_mean': 'average_precision',
    'F_mustd': 'mustd_f',
    **CURVE_NAMES,
}
COSOD_NAMES = {**SET_NAMES, 'AP': 'average_precision', 'AUC': 'auc'}
DAVIS_NAMES = {
    'JM': 'J_mean',
    'JR': 'J_recall',
    'JD': 'J_decay',
    'FM': 'F_mean',
    'FR': 'F_recall',
    'FD': 'F_decay',
}


def renamed(prefix, names, scores):
    return {prefix + official: scores[ours] for official, ours in names.items() if ours in scores}


def images(values, prefix):
    """Prediction and ground truth of every image below a prefix, by its number as written, ascending."""
    numbers = [n[len(prefix) : -len('/pred')] for n in values if n.startswith(prefix) and n.endswith('/pred')]
    numbers = sorted((n for n in numbers if n.isdigit()), key=int)
    return {n: (values[f'{prefix}{n}/pred'], values[f'{prefix}{n}/gt']) for n in numbers}


def image_metrics(prefix, scores):
    """Per-image scores stacked over images."""
    stacked = {name: np.stack([s[name] for s in scores]) for name in scores[0]}
    return renamed(f'{prefix}/ref/', {**IMAGE_NAMES, **CURVE_NAMES}, stacked)


def saliency_metrics(meta, values):
    scores = [F.saliency_scores(*pair) for pair in images(values, 'sod/').values()]
    names = values[meta['settings']['names']['sod']]
    plain = [s for s, name in zip(scores, names, strict=True) if name.startswith(meta['settings']['plain_prefix'])]
    return {
        **image_metrics('sod', scores),
        **renamed('sod/agg/', SET_NAMES, F.image_level(scores)),
        **renamed('sod/agg_plain/', SET_NAMES, F.image_level(plain)),
    }


def resized_metrics(values):
    produced, scores = {}, []
    for number, (prediction, truth) in images(values, 'resize/').items():
        resized = F.resize_prediction(prediction, truth.shape)
        produced[f'resize/{number}/pred_resized'] = resized
        scores.append(F.saliency_scores(resized, truth))
    return {**produced, **image_metrics('resize', scores)}


def float_metrics(values):
    return image_metrics(
        'float', [F.saliency_scores(*pair, normalize=False) for pair in images(values, 'float/').values()]
    )


def group_metrics(meta, values):
    names = [str(name) for name in values[meta['settings']['names']['group']]]
    groups = {name: list(images(values, f'group/{name}/').values()) for name in names}
    for name, pairs in groups.items():
        assert len(pairs) == values[f'group/{name}/count']
    scores = {name: [F.saliency_scores(*pair) for pair in pairs] for name, pairs in groups.items()}
    cosod = F.cosod_summary(F.cosod_scores(*pair) for pairs in groups.values() for pair in pairs)
    pooled = [s for group in scores.values() for s in group]
    return {
        **renamed('group/agg_image_level/', SET_NAMES, F.image_level(pooled)),
        **renamed('group/agg_group_level/', SET_NAMES, F.group_level(scores)),
        **renamed('group/agg_video_level_skip_first_last/', SET_NAMES, F.video_level(scores)),
        **renamed('group/evalcosod/', COSOD_NAMES, cosod),
    }


def davis_metrics(meta, values):
    produced, tolerance = {}, meta['settings']['bound_th']
    names = [str(name) for name in values[meta['settings']['names']['davis']]]
    for task, score in (('semi', F.semi_supervised), ('unsup', F.unsupervised)):
        sequences = {
            name: score(values[f'davis/{name}/gt'], values[f'davis/{name}/pred'], tolerance=tolerance) for name in names
        }
        metrics = F.object_metrics(sequences)
        for name, scores in sequences.items():
            produced[f'davis/{task}/{name}/J'], produced[f'davis/{task}/{name}/F'] = scores.region, scores.boundary
        produced[f'davis/{task}/object_names'] = np.array(list(metrics))
        produced[f'davis/{task}/global'] = np.array(list(F.davis_summary(sequences).values()))
        for official, ours in DAVIS_NAMES.items():
            produced[f'davis/{task}/{official}'] = np.array([f[ours] for f in metrics.values()])
    return produced


def youtube_metrics(values, davis):
    names = list(davis['davis/semi/object_names'])
    order = [names.index(name) for name in values['ytvos/object_names']]
    summary = F.youtube_vos_summary(
        davis['davis/semi/JM'][order], davis['davis/semi/FM'][order], values['ytvos/is_seen']
    )
    return {'ytvos/J_seen_F_seen_J_unseen_F_unseen_G': np.array(list(summary.values()))}


def time_metrics(values):
    return {
        name.replace('/values', '/no_wrap'): np.array(F.time_statistics(series))
        for name, series in values.items()
        if name.startswith('decay/') and name.endswith('/values')
    }


@pytest.mark.parametrize('path', kit.files('metrics', 'metrics'))
def test_every_measure_is_that_of_the_public_code(path):
    meta, values = kit.load(path)
    # The metrics have these built in: a file with others would ask for metrics that do not exist.
    fixed = {key: meta['settings'][key] for key in ('gt_threshold', 'beta2', 'alpha', 'void', 'curve_order')}
    assert fixed == dict(
        gt_threshold=128, beta2=BETA_SQUARED, alpha=0.5, void=VOID, curve_order='index 0 is threshold 255'
    )
    davis = davis_metrics(meta, values)
    produced = {
        **saliency_metrics(meta, values),
        **resized_metrics(values),
        **float_metrics(values),
        **group_metrics(meta, values),
        **davis,
        **youtube_metrics(values, davis),
        **time_metrics(values),
    }
    kit.check(meta, values, produced)


# What the kit calls the averages that each protocol takes.
PROTOCOLS_OF_GROUPS = {
    'cosod-evalcosod': 'group/evalcosod/',
    'sod': 'group/agg_image_level/',
    'cosod': 'group/agg_group_level/',
    'vsod': 'group/agg_video_level_skip_first_last/',
}


def metrics_of(metric, items):
    metric.process(None, items)
    return metric.evaluate(len(items))


def map_columns(meta, values):
    """What a test prints of the kit's groups, by four protocols in one pass."""
    items = []
    for name in map(str, values[meta['settings']['names']['group']]):
        frames = images(values, f'group/{name}/')
        maps, truths = [pair[0] / np.float32(255) for pair in frames.values()], [pair[1] for pair in frames.values()]
        items.append(dict(dataset='kit', set_id=name, frame_ids=list(frames), pred_maps=maps, gt_maps=truths))
    metrics = metrics_of(SaliencyMetric(protocol=list(PROTOCOLS_OF_GROUPS), columns='all'), items)
    produced = {}
    for number, (protocol, prefix) in enumerate(PROTOCOLS_OF_GROUPS.items()):
        key = f'kit/{protocol}/' if number else 'kit/'
        printed = {name[len(key) :]: value for name, value in metrics.items() if name.startswith(key)}
        produced |= renamed(prefix, COSOD_NAMES if protocol == 'cosod-evalcosod' else SET_NAMES, printed)
    return produced


def object_columns(meta, values):
    names = [str(name) for name in values[meta['settings']['names']['davis']]]
    items = [
        dict(
            dataset='kit',
            set_id=name,
            frame_ids=[f'{t:05d}' for t in range(len(values[f'davis/{name}/gt']))],
            pred_labels=list(values[f'davis/{name}/pred']),
            gt_labels=list(values[f'davis/{name}/gt']),
        )
        for name in names
    ]
    metrics = metrics_of(VideoObjectMetric(protocol=['davis17-semi', 'davis17-unsup'], columns='all'), items)
    values = list(metrics.values())
    assert len(values) == 2 * 7
    return {'davis/semi/global': np.array(values[:7]), 'davis/unsup/global': np.array(values[7:])}


@pytest.mark.parametrize('path', kit.files('metrics', 'metrics'))
def test_what_a_test_prints_is_what_the_public_code_prints(path):
    meta, values = kit.load(path)
    produced = {**map_columns(meta, values), **object_columns(meta, values)}
    for prefix in PROTOCOLS_OF_GROUPS.values():
        assert {f'{prefix}{name}' for name in ('MAE', 'maxF', 'maxE', 'Sm')} <= set(produced)
    # The kit averages some metrics of single images only, which its other part compares.
    found = {name: value for name, value in produced.items() if name in values}
    assert all(sum(name.startswith(prefix) for name in found) >= 8 for prefix in PROTOCOLS_OF_GROUPS.values())
    wrong = {name: value for name, value in found.items() if not kit.close(meta, name, value, values[name])}
    assert wrong == {}
