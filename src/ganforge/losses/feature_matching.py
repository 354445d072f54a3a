"""Feature matching: an alternative to the adversarial loss of G.

    feature matching    ‖mean f(x) − mean f(G(z))‖²      Salimans et al. 2016

f [N, F]: the last hidden layer of D. In the paper this replaces the adversarial loss of G (`adversarial=0`). It is a
property of the batch, so all entries of the loss [N] are equal.
"""

from __future__ import annotations

from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.types import DiscriminatorOutput
from ganforge.losses.base import LossContext, Term


class FeatureMatching(Term, kind="feature_matching"):
    """Matches the mean activations of D's last hidden layer on fakes and reals. The paper uses it alone
    (adversarial=0)."""

    uses_real = True

    def loss(self, context: LossContext) -> Tensor:
        real, fake = features(context.on_real), features(context.on_fake)
        return (real.detach().mean(0) - fake.mean(0)).square().sum().expand(len(fake))


def features(output: DiscriminatorOutput | None) -> Tensor:
    """D's features [N, F]."""
    assert output is not None, "requested by uses_real"
    found = output[1]
    if found is None:
        raise UserError(
            "task.terms: feature_matching needs a discriminator that returns its last hidden layer "
            "(DiscriminatorOutput.features), and this one does not. Remove the term, or use dcgan or mlp",
            code="task.unsuitable_net",
        )
    return found
