"""What can still be added to molecules that are built atom after atom, so that each ends in one part, within the
valences. It holds integers, which no derivative passes through.

    a bond of order o fits    if both atoms have a free valence of o, and are not bonded yet
    while atoms are missing   a draw must leave a free valence in the molecule, to which they can be bonded

N: molecules, i: atoms that are complete, V: types of atoms.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganforge.modalities.molecule.forms.graph import BONDS

ORDERS = BONDS - 1


class Building:
    """N molecules at equally many atoms; those that are smaller have no further ones.

    Args:
        count: how many atoms each molecule is to have, int64 [N]. valences: of each type of atom, int64 [V].

    Attributes:
        free: free valences of the complete atoms, int64 [N, i].
        there: whether there is an atom i, the new one, bool [N].
    """

    def __init__(self, count: Tensor, valences: Tensor):
        self.count, self.valences = count, valences
        self.orders = torch.arange(1, ORDERS + 1, device=count.device)
        self.free = count.new_zeros(len(count), 0)
        self.distances = count.new_zeros(len(count), 0, 0)  # between complete atoms along bonds
        self.spare = count.new_zeros(len(count))  # free valences of all atoms, with the new one
        self.left, self.near, self.there, self.more = self.spare, self.free, count > 0, count > 1

    def types(self) -> Tensor:
        """Which types the new atom can have, bool [N, V]."""
        first = not self.free.shape[1]
        left = self.spare[:, None] + self.valences - (0 if first else 2)  # once it is bonded
        return ((left > 0) | ~self.more[:, None]) & ((self.valences > 0) | first)

    def add(self, kinds: Tensor) -> None:
        """Begins a new atom of these types, int64 [N]."""
        self.left = self.valences[kinds] * self.there
        self.spare = self.spare + self.left
        self.near = torch.full_like(self.free, self.free.shape[1] + 1)  # farther than any atom that it is bonded to

    def bonds(self) -> Tensor:
        """Which bonds the new atom can have, bool [N, i, ORDERS]."""
        fits = (self.free[:, :, None] >= self.orders) & (self.left[:, None, None] >= self.orders)
        grows = (self.spare[:, None] - 2 * self.orders > 0) | ~self.more[:, None]  # [N, ORDERS]
        return fits & grows[:, None] & (self.near != 1)[:, :, None]

    def bind(self, bonds: Tensor) -> None:
        """Adds bonds to the new atom, at most one a molecule, bool [N, i, ORDERS]."""
        used = (bonds * self.orders).sum(2)  # [N, i]
        self.free, self.left, self.spare = self.free - used, self.left - used.sum(1), self.spare - 2 * used.sum(1)
        reached = torch.where(used[:, :, None] > 0, self.distances + 1, self.free.shape[1] + 1).amin(1)
        self.near = torch.minimum(self.near, reached)

    def rings(self) -> Tensor:
        """How many atoms the ring would have that a bond to each atom closes, int64 [N, i] up to i + 2."""
        return self.near + 1

    def complete(self) -> None:
        """Ends the new atom."""
        near = self.near  # [N, i]
        within = torch.minimum(self.distances, near[:, :, None] + near[:, None])
        beside = torch.cat([near, near.new_zeros(len(near), 1)], 1)[:, :, None]
        self.distances = torch.cat([torch.cat([within, near[:, None]], 1), beside], 2)
        self.free = torch.cat([self.free, self.left[:, None]], 1)
        i = self.free.shape[1]
        self.there, self.more = self.count > i, self.count > i + 1
