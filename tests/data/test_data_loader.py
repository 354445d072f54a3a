"""The order of samples, and batches from memory and from threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.core.dataset import BadItem, Dataset, Order
from ganforge.core.passes import indices
from ganforge.data import loader as loader_module
from ganforge.data import memory
from ganforge.data.arrays import ArrayDataset
from ganforge.data.loader import AHEAD, Loader
from refused import refused


@given(n=st.integers(1, 50), seed=st.integers(0, 9), epoch=st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_every_pass_is_a_permutation(n, seed, epoch):
    order = indices(n, seed, epoch * n, n)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))


@given(n=st.integers(1, 20), start=st.integers(0, 10**12), cuts=st.lists(st.integers(0, 30), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_any_split_of_a_range_gives_the_same_sequence(n, start, cuts):
    whole = indices(n, 1, start, sum(cuts))
    parts, position = [], start
    for count in cuts:
        parts.append(indices(n, 1, position, count))
        position += count
    assert np.array_equal(whole, np.concatenate(parts))


def test_passes_and_seeds_differ():
    assert not np.array_equal(indices(100, 0, 0, 100), indices(100, 0, 100, 100))
    assert not np.array_equal(indices(100, 0, 0, 100), indices(100, 1, 0, 100))


def test_the_order_is_pinned():
    """Another order would break the resuming of every run there is."""
    assert indices(10, 0, 0, 12).tolist() == PINNED


PINNED = [9, 4, 8, 2, 6, 5, 1, 3, 7, 0, 1, 2]


class Numbers(Dataset):
    """Item k is an image full of k; some are bad."""

    def __init__(self, n, bad=(), labels=True):
        self.name, self.n, self.bad = "numbers", n, set(bad)
        self.labels = np.arange(n) % 7 if labels else None
        self.classes = tuple("abcdefg") if labels else ()
        self.skipped = []
        self.reads = 0
        self.lock = threading.Lock()

    def __len__(self):
        return self.n

    def read(self, index):
        with self.lock:
            self.reads += 1
        if index in self.bad:
            raise BadItem(f"{index}.png", "broken")
        return np.full((2, 3, 1), index % 256, np.uint8)

    def shapes(self):
        return {((2, 3, 1), "uint8"): self.n}


def chw(item):
    return item.transpose(2, 0, 1)


def make(data, batch=8, **fields):
    return Loader(data, chw, (1, 2, 3), batch, seed=3, workers=fields.pop("workers", 3), **fields)


def run(data, batches, **fields):
    """A loader after so many batches."""
    loader = make(data, **fields)
    try:
        for k in range(batches):
            loader.batch(8 * k)
    finally:
        loader.close()
    return loader


@pytest.mark.parametrize("bad", [(), (0,), (4, 5, 6, 49), tuple(range(20, 40))])
def test_memory_and_stream_give_the_same_batches(bad):
    kept, streamed = make(Numbers(50, bad), in_memory=True), make(Numbers(50, bad), in_memory=False)
    for position in [*range(0, 160, 8), 400, 408, 0, 16]:
        (x, c, _), (y, d, _) = kept.batch(position), streamed.batch(position)
        assert (x.dtype, x.shape) == (torch.uint8, (8, 1, 2, 3))
        assert torch.equal(x, y)
        assert torch.equal(c, d)
        assert torch.equal(c, x[:, 0, 0, 0].long() % 7)
        assert not set(x[:, 0, 0, 0].tolist()) & set(bad)
    assert len(kept) == 50 - len(bad)
    assert kept.skipped == sorted((f"{k}.png", "broken") for k in bad)
    assert sorted(streamed.skipped) == kept.skipped  # several passes: it has met them all
    assert len(streamed) == len(kept)
    kept.close()
    streamed.close()


def test_a_position_is_all_that_a_batch_hangs_on():
    one, other = make(Numbers(50), in_memory=False), make(Numbers(50), in_memory=False, workers=1)
    for k in range(10):
        one.batch(8 * k)
    assert torch.equal(one.batch(80)[0], other.batch(80)[0])
    expected = indices(50, 3, 80, 8)
    assert one.batch(80)[0][:, 0, 0, 0].tolist() == expected.tolist()
    one.close()
    other.close()


class Odd(Order):
    """Odd items alone, three more at every batch than at the one before, each with its half."""

    def rows(self, seed, start, count):
        items = (seed + start + 2 * np.arange(count + 3 * (start // count))) % 50 // 2 * 2 + 1
        return items, {"half": items / 2}


@pytest.mark.parametrize("kept", [True, False])
def test_an_order_of_ones_own_says_which_items_and_how_many(kept):
    """Sampling by condition and Poisson sampling both come in here."""
    data = make(Numbers(50), in_memory=kept)
    data.order = Odd()
    for position in (0, 8, 40, 8):
        x, c, extra = data.batch(position)
        wanted, _ = Odd().rows(3, position, 8)
        assert len(x) == len(c) == 8 + 3 * (position // 8)
        assert x[:, 0, 0, 0].tolist() == wanted.tolist()
        assert extra["half"].tolist() == (wanted / 2).tolist()
    data.close()


@pytest.mark.parametrize("kept", [True, False])
def test_a_sweep_meets_every_item_once_in_order(kept, monkeypatch):
    monkeypatch.setattr(loader_module, "SWEEP", 16)
    data = make(Numbers(50, {7}), in_memory=kept)
    parts = list(data.sweep())
    assert [start for start, _, _ in parts] == [0, 16, 32, 48]
    found = torch.cat([x[:, 0, 0, 0] for _, x, _ in parts])
    assert found.tolist() == [*range(7), 8, *range(8, 50)], "in place of a bad one the next good one"
    assert torch.equal(torch.cat([c for _, _, c in parts]), found.long() % 7)
    data.close()


def test_there_may_be_fewer_items_than_a_batch_where_an_order_draws_them_again():
    with refused("data.too_few_samples", "5 usable"):
        make(Numbers(5))
    data = make(Numbers(5), min_samples=2)
    assert len(data.batch(0)[0]) == 8
    data.close()


def test_labels_are_optional():
    for kept in (True, False):
        data = make(Numbers(20, labels=False), in_memory=kept)
        assert data.batch(0)[1] is None
        data.close()


def test_streaming_reads_a_few_batches_ahead_and_no_more():
    data = Numbers(200)
    stream = make(data, in_memory=False)
    for k in [*range(20), 30, 32, 34, 36, 3]:  # jumps, too
        stream.batch(8 * k)
        assert len(stream._pending) < AHEAD
    stream.close()
    assert data.reads <= 8 * (25 + 6 * (AHEAD - 1) + AHEAD) + 1
    assert not stream._pending


def test_bad_items_are_told_once():
    told = []
    data = make(Numbers(30, {3, 4}), in_memory=False, on_skip=lambda where, why: told.append((where, why)))
    for k in range(20):
        data.batch(8 * k)
    assert sorted(told) == [("3.png", "broken"), ("4.png", "broken")]
    data.close()


@pytest.mark.parametrize("kept", [True, False])
def test_more_than_half_bad_is_an_error(kept):
    with refused("data.mostly_unreadable", "60", "0.png: broken"):
        run(Numbers(60, set(range(0, 60, 2)) | {1}), 100, in_memory=kept)


def test_half_bad_is_not():
    for kept in (True, False):
        assert len(run(Numbers(60, set(range(0, 60, 2))), 30, in_memory=kept)) == 30


def test_a_large_set_that_is_mostly_bad_is_known_early():
    data = Numbers(100_000, labels=False)
    data.bad = Every()
    with refused("data.mostly_unreadable", "100000"):
        run(data, 100, in_memory=False)
    assert data.reads < 2000


class Every:
    """All but every tenth."""

    def __contains__(self, index):
        return index % 10 != 0


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(("n", "bad", "named"), [(5, (), "batch=2"), (2, (), "2 usable"), (10, (1, 2, 3), "3 more")])
def test_fewer_than_a_batch_is_an_error(kept, n, bad, named):
    with refused("data.too_few_samples", "one batch of 8", named):
        run(Numbers(n, bad), 30, in_memory=kept)


def test_other_errors_are_not_hidden():
    def broken(item):
        raise ZeroDivisionError

    for kept in (True, False):
        with pytest.raises(ZeroDivisionError):
            Loader(Numbers(20), broken, (1, 2, 3), 4, in_memory=kept)


def test_memory_is_chosen_by_what_is_free(monkeypatch):
    data = ArrayDataset("x", np.zeros((100, 2, 3, 1), np.uint8))
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * 600)
    assert make(data).in_memory
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * 600 - 1)
    streamed = make(data)
    assert not streamed.in_memory
    streamed.close()


def test_the_free_memory_is_known():
    assert memory.free_memory() > 2**24


def test_arrays_of_sixteen_bits_are_kept_as_they_are_prepared():
    data = ArrayDataset("x", np.arange(40, dtype=np.uint16).reshape(10, 2, 2, 1))
    kept = Loader(
        data, lambda item: (chw(item).astype(np.int32) - 32768).astype(np.int16), (1, 2, 2), 4, in_memory=True
    )
    assert kept.batch(0)[0].dtype == torch.int16
    kept.close()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("kept", [True, False])
def test_batches_come_to_the_gpu(kept):
    here, there = make(Numbers(50), in_memory=kept), make(Numbers(50), in_memory=kept, device="cuda")
    for position in range(0, 80, 8):
        (x, c, _), (y, d, _) = here.batch(position), there.batch(position)
        assert y.is_cuda
        assert d.is_cuda
        assert torch.equal(x, y.cpu())
        assert torch.equal(c, d.cpu())
    here.close()
    there.close()
