"""NPMCA-net, chapter 3 of the thesis."""

from projects.npmca_net.explaining import ChannelsExplainer, MatchingExplainer
from projects.npmca_net.npmca_net import NPMCANet

__all__ = ['ChannelsExplainer', 'MatchingExplainer', 'NPMCANet']
