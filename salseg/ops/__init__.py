"""Pure functions on tensors: fast, tested against references, importable by anyone. No registry, no config."""

from salseg.ops.affinity_cost import affinity_cost
from salseg.ops.affinity_sweep import affinity_sweep
from salseg.ops.anisotropic_similarity import anisotropic_similarity, augment_keys, augment_queries
from salseg.ops.bootstrapped_cross_entropy import bootstrap_fraction, bootstrapped_cross_entropy
from salseg.ops.border_likeness import border_likeness
from salseg.ops.box_masks import boxes_of_masks, disjoint_masks, fill_boxes
from salseg.ops.channel_matching import channel_matching, channel_weights
from salseg.ops.co_attention import co_attention
from salseg.ops.color import rgb_to_lab
from salseg.ops.contrastive import choose_candidates, info_nce, region_errors, region_vectors
from salseg.ops.democratic_attention import democratic_attention, descending_ranks, readjustment
from salseg.ops.democratic_prototype import (
    group_prototype,
    mean_response,
    seed_logits,
    seed_vectors,
    select_seeds,
    stretch,
)
from salseg.ops.dense_crf import CRFSettings, dense_crf
from salseg.ops.dice import dice_distance
from salseg.ops.dynamic_filter import dynamic_depthwise
from salseg.ops.flat_grid import FlatGrid, half_window
from salseg.ops.frame_cross_entropy import frame_cross_entropy
from salseg.ops.full_precision import full_precision
from salseg.ops.iou_distance import iou_distance
from salseg.ops.label_smoothing import SmoothingSettings, smooth_labels
from salseg.ops.local_saliency_coherence import CoherenceKernel, local_saliency_coherence
from salseg.ops.manifold_ranking import SuperpixelGraph, rank_nodes
from salseg.ops.mask_iou import mask_iou
from salseg.ops.mask_learner import learn_masks
from salseg.ops.non_local import linear_non_local
from salseg.ops.padding import cut_padding, even_padding, pad_frames
from salseg.ops.pairwise_affinity import PairTerms, neighbour_similarity, pairwise_terms
from salseg.ops.partial_cross_entropy import partial_cross_entropy, partial_cross_entropy_sums
from salseg.ops.pixel_matching import matching_weights, pixel_matching
from salseg.ops.precision import at_least_float32
from salseg.ops.projection_distance import projection_distance
from salseg.ops.resize import resize, scaled_size
from salseg.ops.self_contrastive import cosine_affinity, self_contrastive
from salseg.ops.shift import shift, window_offsets
from salseg.ops.soft_aggregation import aggregate, aggregate_log_odds
from salseg.ops.squared_error import sum_squared_error
from salseg.ops.structure_consistency import structural_similarity, structure_consistency
from salseg.ops.superpixels import slic, superpixel_means
from salseg.ops.temporal_affinity import (
    MatchTerms,
    detached_halves,
    match_terms,
    nearest_matches,
    patch_similarity,
    search_offsets,
)
from salseg.ops.top_k_readout import read_rows, row_usage, top_k_weights
from salseg.ops.warp import flow_magnitude, warp

__all__ = [
    'CRFSettings',
    'CoherenceKernel',
    'FlatGrid',
    'MatchTerms',
    'PairTerms',
    'SmoothingSettings',
    'SuperpixelGraph',
    'aggregate',
    'aggregate_log_odds',
    'cosine_affinity',
    'affinity_cost',
    'affinity_sweep',
    'anisotropic_similarity',
    'at_least_float32',
    'augment_keys',
    'augment_queries',
    'bootstrap_fraction',
    'bootstrapped_cross_entropy',
    'border_likeness',
    'boxes_of_masks',
    'channel_matching',
    'channel_weights',
    'choose_candidates',
    'co_attention',
    'cut_padding',
    'democratic_attention',
    'dense_crf',
    'descending_ranks',
    'detached_halves',
    'dice_distance',
    'disjoint_masks',
    'dynamic_depthwise',
    'even_padding',
    'fill_boxes',
    'flow_magnitude',
    'frame_cross_entropy',
    'sum_squared_error',
    'full_precision',
    'group_prototype',
    'half_window',
    'info_nce',
    'iou_distance',
    'learn_masks',
    'linear_non_local',
    'local_saliency_coherence',
    'mask_iou',
    'match_terms',
    'matching_weights',
    'mean_response',
    'nearest_matches',
    'neighbour_similarity',
    'pad_frames',
    'pairwise_terms',
    'partial_cross_entropy',
    'partial_cross_entropy_sums',
    'patch_similarity',
    'pixel_matching',
    'projection_distance',
    'rank_nodes',
    'read_rows',
    'readjustment',
    'region_errors',
    'region_vectors',
    'resize',
    'rgb_to_lab',
    'row_usage',
    'scaled_size',
    'search_offsets',
    'seed_logits',
    'seed_vectors',
    'select_seeds',
    'self_contrastive',
    'shift',
    'slic',
    'smooth_labels',
    'stretch',
    'structural_similarity',
    'structure_consistency',
    'superpixel_means',
    'top_k_weights',
    'warp',
    'window_offsets',
]
