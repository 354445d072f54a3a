"""Protein fragments: a GAN of distance maps of Cα atoms, and its maps as coordinates in PDB files.

    python examples/proteins.py structures.zip --out proteins/          # of .pdb and .cif files, or a folder of them
    python examples/proteins.py structures/ --out proteins/ --length 64 --samples 200000

Anand & Huang 2018 ("Generative modeling for protein structures"): the distances of all pairs of Cα atoms of a fragment
are an image that does not depend on where the fragment lies. Here it is one of 16 bits, for the recipe r3gan-small. A
generated map is made symmetric and turned into coordinates by classical multidimensional scaling, which cannot tell a
structure from its mirror image: the one with more right-handed helices is taken. It writes .pdb files, and how
generated and real fragments compare:

    neighbors        mean distance of Cα atoms that follow each other, about 3.8 Å; and its deviation
    triangle         share of triples of atoms that break the triangle inequality by more than 0.5 Å
    residual         mean difference of the distances of the coordinates from those of the map, Å
    contact order    mean separation along the chain of atoms within 8 Å, in shares of the length
    right-handed     share of helix-like turns that are right-handed

N fragments, L residues each.  maps float64 [N, L, L] in Å, coordinates [L, 3] in Å.
"""

from __future__ import annotations

import argparse
import json
import shlex
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

STEP, BREAK = 3.8, 4.5
"""Å between neighbors, and from which on the chain has a gap."""
CONTACT, SLACK = 8.0, 0.5
ENDINGS = (".pdb", ".ent", ".cif")
MODIFIED = {"MSE", "SEP", "TPO", "PTR", "CSO", "HYP", "MLY", "KCX", "LLP", "PCA"}
"""Residues of proteins that files list among the other molecules (HETATM)."""


class Atom(NamedTuple):
    """A Cα atom: its chain, number and place."""

    chain: str
    number: str
    place: tuple[float, float, float]


def atoms_of_pdb(text: str) -> Iterator[Atom]:
    """Cα atoms of the first model of a PDB file; of alternative places the first."""
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            return
        if line[:6] not in ("ATOM  ", "HETATM") or line[12:16] != " CA ":
            continue
        if line[:6] == "ATOM  " or line[17:20] in MODIFIED:
            yield Atom(line[21], line[22:27], (float(line[30:38]), float(line[38:46]), float(line[46:54])))


def atoms_of_cif(text: str) -> Iterator[Atom]:
    """Cα atoms of the first model of an mmCIF file."""
    columns: list[str] = []
    first = None
    for line in text.splitlines():
        if line.startswith("_atom_site."):
            columns.append(line.split()[0].removeprefix("_atom_site."))
        elif columns and line.startswith(("ATOM", "HETATM")):
            values = dict(zip(columns, shlex.split(line) if "'" in line or '"' in line else line.split(), strict=False))
            first = values.get("pdbx_PDB_model_num") if first is None else first
            protein = values["group_PDB"] == "ATOM" or values["label_comp_id"] in MODIFIED
            if values["label_atom_id"] == "CA" and protein and values.get("pdbx_PDB_model_num") == first:
                number = values["auth_seq_id"] + values.get("pdbx_PDB_ins_code", "?").strip("?.")
                place = (float(values["Cartn_x"]), float(values["Cartn_y"]), float(values["Cartn_z"]))
                yield Atom(values["auth_asym_id"], number, place)


def stretches(atoms: Iterable[Atom]) -> tuple[list[np.ndarray], int]:
    """The unbroken stretches of all chains, each [M, 3], and how many gaps were found."""
    found: list[list[tuple[float, float, float]]] = []
    gaps, last = 0, None
    for atom in atoms:
        if last is not None and (atom.chain, atom.number) == (last.chain, last.number):
            continue  # an alternative place
        if last is None or atom.chain != last.chain:
            found.append([])
        elif np.linalg.norm(np.subtract(atom.place, last.place)) > BREAK:
            gaps += 1
            found.append([])
        found[-1].append(atom.place)
        last = atom
    return [np.array(one) for one in found], gaps


def structures(path: Path) -> Iterator[tuple[str, list[np.ndarray], int]]:
    """Name, stretches and gaps of each structure in a file, folder or zip; each name once, whatever its format."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            texts = {name: archive.read(name) for name in sorted(archive.namelist())}
    else:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        texts = {file.name: file.read_bytes() for file in files if file.is_file()}
    done: set[str] = set()
    for name, data in texts.items():
        file = Path(name)
        if file.suffix.lower() in ENDINGS and file.stem not in done:
            done.add(file.stem)
            read = atoms_of_cif if file.suffix.lower() == ".cif" else atoms_of_pdb
            yield file.stem, *stretches(read(data.decode("utf-8", "replace")))


def fragments(parts: Iterable[np.ndarray], length: int, stride: int) -> np.ndarray:
    """Coordinates of fragments, [N, L, 3]."""
    found = [one[k : k + length] for one in parts for k in range(0, len(one) - length + 1, stride)]
    return np.stack(found) if found else np.zeros((0, length, 3))


def distances(places: np.ndarray) -> np.ndarray:
    """[..., L, 3] → [..., L, L]."""
    return np.linalg.norm(places[..., :, None, :] - places[..., None, :, :], axis=-1)


def turns(places: np.ndarray) -> np.ndarray:
    """Dihedral angles of four atoms in a row, radians [L − 3]; about 0.87 (50°) in a right-handed helix."""
    b = np.diff(places, axis=0)
    n = np.cross(b[:-1], b[1:])
    y = np.einsum("ij,ij->i", np.cross(n[:-1], n[1:]), b[1:-1] / np.linalg.norm(b[1:-1], axis=1, keepdims=True))
    return np.arctan2(y, np.einsum("ij,ij->i", n[:-1], n[1:]))


def helical(places: np.ndarray) -> tuple[int, int]:
    """Helix-like turns, right-handed and left-handed: 30° to 80° either way, with atoms i and i + 3 within 7 Å."""
    angle, near = turns(places), np.linalg.norm(places[3:] - places[:-3], axis=1) < 7
    return tuple(int(np.sum(near & (side > 0.52) & (side < 1.4))) for side in (angle, -angle))  # type: ignore[return-value]


def coordinates(distance: np.ndarray) -> np.ndarray:
    """Classical multidimensional scaling of a map [L, L], as the mirror image with more right-handed turns, [L, 3]."""
    n = len(distance)
    center = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * center @ distance**2 @ center)
    places = vectors[:, -3:] * np.sqrt(np.maximum(values[-3:], 0))
    right, left = helical(places)
    return places * np.array([1, 1, -1]) if left > right else places


def proper(maps: np.ndarray) -> np.ndarray:
    """Symmetric maps with zeros on the diagonal."""
    maps = 0.5 * (maps + np.swapaxes(maps, 1, 2))
    return maps * (1 - np.eye(maps.shape[1]))


def measured(maps: np.ndarray) -> dict[str, float]:
    """What the head of this file lists, of maps [N, L, L]."""
    n = maps.shape[1]
    step = np.diagonal(maps, 1, 1, 2)
    places = [coordinates(one) for one in maps]
    residual = [np.abs(distances(p) - one).mean() for p, one in zip(places, maps, strict=True)]
    excess = maps[:, :, None, :] - maps[:, :, :, None] - maps[:, None, :, :].swapaxes(2, 3)  # d_ik − d_ij − d_jk
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    close = (maps < CONTACT) & (apart > 2)
    order = [(apart[one].mean() / n if one.any() else 0.0) for one in close]
    hands = np.sum([helical(one) for one in places], axis=0)
    return {
        "neighbors": float(step.mean()),
        "deviation of neighbors": float(step.std()),
        "triangle": float((excess > SLACK).mean()),
        "residual": float(np.mean(residual)),
        "contact order": float(np.mean(order)),
        "right-handed": float(hands[0] / max(1, hands.sum())),
    }


def write_pdb(places: np.ndarray, path: Path) -> None:
    """A chain of alanines of which only the Cα atoms are there."""
    lines = [
        f"ATOM  {k:5d}  CA  ALA A{k:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"
        for k, (x, y, z) in enumerate(places.tolist(), 1)
    ]
    path.write_text("\n".join([*lines, "TER", "END"]) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structures", type=Path)
    parser.add_argument("--out", type=Path, default=Path("proteins"))
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--stride", type=int, default=2)
    parser.add_argument("--samples", type=int, default=60_000)
    asked = parser.parse_args()

    import ganforge as gf

    parts: list[np.ndarray] = []
    for name, found, gaps in structures(asked.structures):
        long = [one for one in found if len(one) >= asked.length]
        print(f"{name}: {len(found)} unbroken stretches, {gaps} gaps, {len(long)} long enough")
        parts += long
    known = fragments(parts, asked.length, asked.stride)
    if len(known) < 50:
        raise SystemExit(
            f"{len(known)} fragments of {asked.length} residues are too few. Use --length 16 or more files"
        )
    maps = distances(known)
    farthest = float(maps.max())
    asked.out.mkdir(parents=True, exist_ok=True)
    np.save(asked.out / "maps.npy", np.rint(maps / farthest * 65_535).astype(np.uint16)[..., None])
    size = {"signal.size": asked.length, "signal.depth": 16}
    model = gf.train(
        "r3gan-small", data=str(asked.out / "maps.npy"), samples=asked.samples, fields=size, run_dir=asked.out / "run"
    )
    samples = np.asarray(model.sample(min(256, len(maps)), seed=0))[..., 0]
    made = proper(samples / np.iinfo(samples.dtype).max * farthest)
    some = maps[np.random.default_rng(0).permutation(len(maps))[: len(made)]]
    sides = {"real": some, "generated": made, "shuffled": np.random.default_rng(0).permuted(some, axis=1)}
    found = {name: measured(proper(one)) for name, one in sides.items()}
    (asked.out / "proteins.json").write_text(json.dumps(found, indent=1))
    for name, values in found.items():
        print(f"{name:10}", ", ".join(f"{key} {value:.3f}" for key, value in values.items()))
    for k, one in enumerate(made[:16]):
        write_pdb(coordinates(one), asked.out / f"{k:02d}.pdb")


if __name__ == "__main__":
    main()
