"""Well-known data sets, downloaded once.

Sizes and SHA-256 agree with those listed by several independent projects for the original files.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from ganforge.core.cache import cache_folder
from ganforge.core.dataset import Dataset
from ganforge.data.base import DataSource
from ganforge.data.download import Remote, fetch
from ganforge.modalities.image.sources import arrays, cifar, idx


def _files(bases: tuple[str, ...], *files: tuple[str, int, str]) -> tuple[Remote, ...]:
    return tuple(Remote(name, size, digest, tuple(base + name for base in bases)) for name, size, digest in files)


class _Idx(DataSource):
    """Four idx files."""

    files: ClassVar[tuple[Remote, ...]] = ()
    classes: ClassVar[tuple[str, ...]] = ()

    split: Literal["train", "test"] = "train"
    """The 60,000 training images (train) or the 10,000 test images (test)."""

    def open(self) -> Dataset:
        prefix = "train" if self.split == "train" else "t10k"
        wanted = [f for f in self.files if f.name.startswith(prefix)]
        images, labels = fetch(wanted, cache_folder() / self.kind, self.kind)
        return arrays.from_arrays(self.kind, idx.read_idx(images), idx.read_idx(labels), self.classes)


class Mnist(_Idx, kind="mnist"):
    """MNIST: 60,000 handwritten digits, 28×28 px, gray, 10 classes (12 MB download).

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, 1998.
    """

    classes = tuple(str(d) for d in range(10))
    files = _files(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        ("train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        ("train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ("t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        ("t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    )


class FashionMnist(_Idx, kind="fashion-mnist"):
    """Fashion-MNIST: 60,000 images of clothes, 28×28 px, gray, 10 classes (31 MB download).

    Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv 1708.07747, 2017.
    """

    classes = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
    files = _files(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        ("train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        ("train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        ("t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        ("t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    )


class Cifar10(DataSource, kind="cifar10"):
    """CIFAR-10: 50,000 photos, 32×32 px, RGB, 10 classes (170 MB download).

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
    """

    files: ClassVar[tuple[Remote, ...]] = _files(
        (
            "https://www.cs.toronto.edu/~kriz/",
            "https://cave.cs.toronto.edu/kriz/",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
        ),
        ("cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
    )

    split: Literal["train", "test"] = "train"
    """The 50,000 training images (train) or the 10,000 test images (test)."""

    def open(self) -> Dataset:
        (archive,) = fetch(self.files, cache_folder() / self.kind, self.kind)
        return cifar.from_cifar(self.kind, cifar.read_tar(archive, self.split) or [])
