"""The encoded vector of a row: which block stands where, and rows on their way into it.

S: floats kept a row. C: columns with a category block, M: columns of numbers (S = C + 2 · M), K: modes at most.
D: width of the encoded vector. N: rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.table.columns import categories

BEYOND = 1e6  # of log odds: never picked while any other mode reaches the number
OF_TAIL = 1e5


def blocks_of(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layout of the encoded vector."""
    blocks: list[dict[str, Any]] = []

    def add(column: dict[str, Any], role: str, width: int, activation: str) -> None:
        start = blocks[-1]["start"] + blocks[-1]["width"] if blocks else 0
        name = column["name"]
        blocks.append({"column": name, "role": role, "start": start, "width": width, "activation": activation})

    for column in columns:
        if column["encoding"] == "onehot":
            add(column, "category", len(column["values"]), "softmax")
        elif column["encoding"] != "none":
            add(column, "value", 1, "tanh")
            if column["encoding"] in ("mixture", "ranges", "mixed") or column["missing"]:
                add(column, "mode", len(column["modes"]["means"]) + (column["missing"] > 0), "softmax")
    return blocks


def conditions_of(columns: list[dict[str, Any]], blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns that samples can be asked for by value, with their places in the vector of conditions."""
    block_starts = {block["column"]: block["start"] for block in blocks if block["role"] == "category"}
    found, start = [], 0
    for column in columns:
        if column["encoding"] == "onehot":
            width = len(column["values"])
            found.append(
                {
                    "column": column["name"],
                    "start": start,
                    "width": width,
                    "block_start": block_starts[column["name"]],
                    "frequencies": column["counts"],
                    "values": [categories.printable(k, column) for k in range(width)],
                }
            )
            start += width
    return found


def encode(stored: Tensor, spec: Spec, rng: Rng | None) -> Tensor:
    """Stored rows [N, S] as vectors [N, D]; the mode of a number is drawn by `rng`, or the likeliest without one."""
    plan = Plan.of(spec, stored.device)
    n, c, m = len(stored), len(plan.category_starts), len(plan.value_starts)
    x = torch.zeros(n, spec.shape[0], device=stored.device)
    if c:
        places = stored[:, :c].long()  # [N, C]
        x.scatter_(1, places.clamp_min(0) + plan.category_starts, (places >= 0).float())
    if m:
        high, low = stored[:, c : c + m], stored[:, c + m :]  # [N, M]
        missing = high.isnan()
        # Two floats a number: near a narrow mode the difference needs what one of them cannot hold.
        away = high.nan_to_num(0.0).unsqueeze(2) - plan.means + low.unsqueeze(2)  # [N, M, K]
        place = away / plan.scales
        odds = torch.where(place.abs() <= 1, plan.logits - 8 * place**2, -BEYOND - place.abs().clamp_max(BEYOND))
        odds = torch.where(plan.tail, -OF_TAIL, odds).masked_fill(~plan.there, -torch.inf)
        mode = _pick(odds, rng)  # [N, M]
        value = place.gather(2, mode.unsqueeze(2)).squeeze(2).clamp(-1, 1)
        x[:, plan.value_starts] = value.masked_fill(missing, 0.0)
        mode = torch.where(missing, plan.missing_modes, mode)
        split = plan.split
        known = (~missing | plan.may_miss)[:, split].float()  # a number that may not be missing and is stays blank
        x.scatter_(1, (plan.mode_starts + mode)[:, split], known)
    return x


def _pick(odds: Tensor, rng: Rng | None) -> Tensor:
    """Log odds [N, M, K] → a mode for each number, int64 [N, M]."""
    if rng is None:
        return odds.argmax(2)
    shares = odds.softmax(2).cumsum(2)
    u = rng.uniform("mode", odds.shape[:2]).to(odds.device).unsqueeze(2)
    return (u >= shares / shares[..., -1:]).sum(2)


@dataclass(frozen=True)
class Plan:
    """Where the parts of a row go, as tensors.

    Attributes:
        category_starts: int64 [C]. value_starts: int64 [M].
        split: int64: which of the M have a mode block; mode_starts: int64 [M], where it starts.
        missing_modes: int64 [M], the mode of a missing number; may_miss: bool [M], whether there is one.
        means, scales, logits: float32 [M, K]; there: bool [M, K], whether there is such a mode; tail: which spans all.
    """

    category_starts: Tensor
    value_starts: Tensor
    split: Tensor
    mode_starts: Tensor
    missing_modes: Tensor
    may_miss: Tensor
    means: Tensor
    scales: Tensor
    logits: Tensor
    there: Tensor
    tail: Tensor

    @classmethod
    def of(cls, spec: Spec, device: torch.device) -> Plan:
        starts = {(b["column"], b["role"]): b["start"] for b in spec.state["blocks"]}
        numeric = [c for c in spec.state["columns"] if "modes" in c]
        counts = [len(c["modes"]["means"]) for c in numeric]
        most = max(counts, default=0)
        mode_starts = [starts.get((c["name"], "mode"), -1) for c in numeric]

        def whole(values: list[int]) -> Tensor:
            return torch.tensor(values, dtype=torch.int64, device=device)

        def padded(field: str, fill: float) -> Tensor:
            rows = [[*c["modes"][field], *[fill] * (most - k)] for c, k in zip(numeric, counts, strict=True)]
            return torch.tensor(rows, dtype=torch.float32, device=device).reshape(len(rows), most)

        order = torch.arange(most, device=device)
        may_miss = torch.tensor([c["missing"] > 0 for c in numeric], dtype=torch.bool, device=device)
        last = whole(counts).unsqueeze(1) - 1  # [M, 1]
        tails = torch.tensor([c["modes"]["tail"] for c in numeric], dtype=torch.bool, device=device).unsqueeze(1)
        scales = padded("scales", 1.0)
        return cls(
            category_starts=whole([start for (_, role), start in starts.items() if role == "category"]),
            value_starts=whole([starts[c["name"], "value"] for c in numeric]),
            split=whole([k for k, start in enumerate(mode_starts) if start >= 0]),
            mode_starts=whole(mode_starts),
            missing_modes=whole(counts) - 1 + may_miss.long(),
            may_miss=may_miss,
            means=padded("means", 0.0),
            scales=scales,
            logits=padded("weights", 1.0).log() - scales.log(),
            there=order <= last,
            tail=tails & (order == last),
        )
