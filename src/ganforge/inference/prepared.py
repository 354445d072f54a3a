"""Trained models prepared for fast inference: convolutions and matrix products in bf16, constants computed once.

    fp32   the nets as they were trained; sample k of a seed stays what it was, bit for bit. The default
    bf16   as in training with `precision=bf16` (autocast), and in addition: the weights of convolutions and linear
           layers are converted once, to bf16 and channels-last; layers that have a faster form for fixed weights
           (`nets.base.Preparable`) take it
    auto   bf16 for images on a device with bf16 instructions, else fp32

The nets that were loaded stay as they are: whatever needs derivatives or weights works on these.
"""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from ganforge.artifacts import bundle as bundles
from ganforge.artifacts.bundle import Bundle, FastPath
from ganforge.core.device import has_bf16_cpu
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.types import Nets
from ganforge.engine.precision import arithmetic
from ganforge.nets.base import Preparable

PRECISIONS = ("auto", "fp32", "bf16")
CONVERTED = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
"""Layers whose weights are converted: those that autocast would convert at every call. Subclasses, of which the weights
may be computed, are left to autocast."""

log = logging.getLogger(__name__)


def load(path: Path | str, device: str | None = None, precision: str = "fp32") -> Bundle:
    """Loads a trained model to compute with `precision`, one of `PRECISIONS`.

    Raises:
        UserError: as `artifacts.bundle.load`, or the model cannot compute in this precision.
    """
    check(precision)
    return in_precision(bundles.load(path, device), precision)


def check(precision: str) -> None:
    """Raises `UserError` for a precision that is none of `PRECISIONS`."""
    if precision not in PRECISIONS:
        raise UserError(
            f"precision {precision}: expected one of {', '.join(PRECISIONS)}{did_you_mean(precision, PRECISIONS)}",
            code="precision.unknown",
        )


def in_precision(bundle: Bundle, precision: str) -> Bundle:
    """The model, computing with `precision`.

    Raises:
        UserError: bf16 of a model that was trained in fp64.
    """
    in_doubles = bundle.recipe.precision == "fp64"
    fast = is_fast_in_bf16(bundle.device)
    if precision == "fp32" or (
        precision == "auto" and (in_doubles or not fast or not bundle.recipe.signal.tolerates_bf16)
    ):
        return bundle
    if in_doubles:
        raise UserError(
            f"{bundle.path}: precision bf16: this model was trained in fp64, which it keeps. Leave the option out",
            code="precision.fp64_model",
        )
    if not fast:
        log.warning(
            "precision bf16: this device (%s) has no bf16 instructions, so that bf16 may be slower than fp32 here. "
            "precision auto uses bf16 only where it is faster",
            bundle.device,
        )
    run = partial(arithmetic, torch.bfloat16, bundle.device)
    return replace(bundle, fast=FastPath("bf16", prepared(bundle.nets), prepared, run))


def given_precision(bundle: Bundle) -> str:
    """The precision with which `load` gives this model again."""
    return "fp32" if bundle.fast is None else bundle.fast.precision


def is_fast_in_bf16(device: torch.device) -> bool:
    """Whether a device computes in bf16 by itself: GPUs from compute capability 8.0 on, CPUs with AVX-512 BF16 or
    AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and has_bf16_cpu()


def prepared(nets: Nets) -> Nets:
    """Copies of nets in evaluation mode, prepared for inference in bf16."""
    return Nets({name: converted(quicker(copy.deepcopy(net))) for name, net in nets.items()}, nets.memory)


@torch.no_grad()
def quicker(net: nn.Module) -> nn.Module:
    """A net with the faster forms of the layers that have one. Works in place, except for the net itself."""
    if isinstance(net, Preparable):
        return cast(Preparable, net).for_inference().eval().requires_grad_(False)
    for name, layer in net.named_children():
        if (quick := quicker(layer)) is not layer:
            setattr(net, name, quick)
    return net


@torch.no_grad()
def converted(net: nn.Module) -> nn.Module:
    """A net whose convolutions and linear layers have bf16 weights, those of images in channels-last. Works in
    place."""
    for layer in net.modules():
        if type(layer) in CONVERTED:
            layer.to(torch.bfloat16)
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                weight = layer.weight.contiguous(memory_format=torch.channels_last)
                layer.weight = nn.Parameter(weight, requires_grad=False)
    return net
