"""The smallest plugin: a neck and a loss of its own. Copy the folder, rename it, and nothing else has to change."""

from projects.example_project.channel_scale_neck import ChannelScaleNeck
from projects.example_project.total_variation_loss import TotalVariationLoss

__all__ = ['ChannelScaleNeck', 'TotalVariationLoss']
