"""The pull-away term: fakes should differ in their features, so that G covers more than a few samples.

Zhao et al. 2017, "Energy-based Generative Adversarial Network"; in Dai et al. 2017, "Good Semi-supervised Learning That
Requires a Bad GAN", it stands for the entropy of G:

    1 / (N (N − 1)) · Σ_i Σ_{j ≠ i} (f_iᵀ f_j / ‖f_i‖ ‖f_j‖)²

f [N, F]: the last hidden layer of D for fakes. Entry i of the loss [N] is the mean over j.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from ganforge.core.types import wide
from ganforge.losses.base import LossContext, Term
from ganforge.losses.feature_matching import features


class PullAway(Term, kind="pull_away"):
    """Makes the features of fakes orthogonal to each other (squared cosine similarity), for more varied fakes."""

    def loss(self, context: LossContext) -> Tensor:
        f = normalize(wide(features(context.on_fake)), dim=1)
        n = len(f)
        similar = (f @ f.T).square()
        return (similar.sum(1) - similar.diagonal()) / max(1, n - 1)
