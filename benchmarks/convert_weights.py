"""Turns a .pth file of weights, which is a pickle, into safetensors, which ganforge reads.

    python benchmarks/convert_weights.py pt_inception-2015-12-05-6726825d.pth inception-2015-12-05.safetensors

Only tensors are unpickled (torch's `weights_only`), and no code of the file is run. The header of the new file holds
the SHA-256 of the old one, by which ganforge tells the weights that the field uses from others.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import torch
from safetensors.torch import save_file


def convert(source: Path, target: Path) -> str:
    """Writes the tensors of `source` to `target`; returns the SHA-256 of `source`."""
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    tensors = torch.load(source, map_location="cpu", weights_only=True)
    plain = {name: t.detach().clone().contiguous() for name, t in tensors.items() if isinstance(t, torch.Tensor)}
    partial = target.with_name(f".writing-{target.name}")
    save_file(plain, partial, metadata={"source": source.name, "source_sha256": digest})
    partial.replace(target)
    return digest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the .pth file")
    parser.add_argument("target", type=Path, help="the .safetensors file to write")
    args = parser.parse_args()
    print(f"{args.target}: made from a file with the SHA-256 {convert(args.source, args.target)}")


if __name__ == "__main__":
    main()
