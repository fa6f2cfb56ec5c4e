"""Networks, made to measure: each is a setting that makes a network for an input shape and a number of outputs."""

from __future__ import annotations

from labelwright.nn.backbones.convolution import ResNet18, SmallCNN
from labelwright.nn.backbones.graph import GAT, GCN
from labelwright.nn.backbones.network import Network, Standardized
from labelwright.nn.backbones.perceptron import MLP, Linear
from labelwright.nn.backbones.points import PointNet
from labelwright.nn.backbones.towers import TwoTowers
from labelwright.nn.backbones.unet import UNet
from labelwright.nn.backbones.wrapped import Module

__all__ = [
    "GAT",
    "GCN",
    "MLP",
    "Linear",
    "Module",
    "Network",
    "PointNet",
    "ResNet18",
    "SmallCNN",
    "Standardized",
    "TwoTowers",
    "UNet",
]
