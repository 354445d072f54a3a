"""ACGAN: D does not receive the class of a sample but predicts it, and both G and D are trained for correct
predictions.

Odena, Olah & Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs".

    L_C = log p(c | x) + log p(c | G(z, c)),     p = softmax of a second head on D's last hidden layer
    D maximizes L_S + L_C,  G maximizes L_C − L_S        L_S: the adversarial loss

So −log p(c | ·) is added to the losses of `synthesis` for both G and D. All fields of `synthesis` are available. With
conditions of other kinds than a class, D predicts each of them (`tasks.heads`).

N: samples in the batch. x [N, *shape], c [N], features [N, F], class logits [N, classes], losses [N].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.allowance import without_weights
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import DiscriminatorOutput, Spec, wide
from ganforge.losses.base import LossContext
from ganforge.tasks.heads import Reader
from ganforge.tasks.synthesis import Synthesis


class Acgan(Synthesis, kind="acgan"):
    """New samples of a given class or with given conditions; D predicts them instead of being given them."""

    conditional: bool = True
    """Must be true: this task needs labels."""
    classify: Rate = 1.0
    """Weight of the classification losses −log p(c | x) and −log p(c | G(z, c)) for both G and D; 1 in the paper."""
    projection: bool = False
    """Also give D the label, so that it scores pairs of sample and label (projection); for discriminators in which the
    label does not enter the features, which would give it away."""
    on_fakes: bool = True
    """Train D to predict the labels of generated samples too, as in the paper; false: of real samples only, so that D
    cannot agree with G on signs that real samples do not have."""

    def adapt(self, spec: Spec) -> Spec:
        if not self.conditional:
            raise UserError(
                "task.conditional=false: acgan needs labels. Leave it true, or use task.kind=synthesis",
                code="task.must_be_conditional",
            )
        if self.pack > 1:
            raise UserError(
                f"task.pack={self.pack}: acgan predicts the class of each single sample. Leave it at 1",
                code="task.pack_unsupported",
            )
        return super().adapt(spec)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        D = self.discriminator.build(spec if self.projection else Spec(spec.shape, state=spec.state))
        self._refuse_batch_norm(D, self.discriminator)
        if self.projection:
            self._refuse_given_away(D, spec)
        features = feature_width(D, spec, self.discriminator.kind, self.projection)
        if spec.conditions:
            classifier = Reader(D, features, spec.conditions, self.projection)
        else:
            classifier = Classifier(D, features, spec.classes, self.projection)
        return {"G": self.generator.build(spec), "D": classifier}

    def _refuse_given_away(self, D: nn.Module, spec: Spec) -> None:
        """Raises UserError if the features of D depend on the label."""
        training, place = D.training, next(D.parameters()).device
        if place.type == "meta":  # a model is loaded, of which D is not used
            return
        D.eval()
        with torch.no_grad():
            x = torch.zeros(2, *spec.shape, device=place)
            first, second = (D(x, labels.to(place)).features for labels in two_labels(spec))
        D.train(training)
        if first is not None and not torch.equal(first, second):
            raise UserError(
                f"task.projection: in the discriminator {self.discriminator.kind!r} the label enters the features, "
                "from which it would be predicted. Use dcgan, resnet or r3gan, or leave projection out",
                code="task.unsuitable_net",
            )

    def extra_d_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        wrong = class_loss(context.on_real, context.labels)
        if self.on_fakes:
            wrong = wrong + class_loss(context.on_fake, context.labels)
        return {"classify": at(self.classify, rng.samples) * wrong}

    def extra_g_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        return {"classify": at(self.classify, rng.samples) * class_loss(context.on_fake, context.labels)}


class Classifier(nn.Module):
    """A discriminator with a second head that predicts the label; it gets no label itself, unless by projection."""

    def __init__(self, net: nn.Module, features: int, classes: int, projection: bool = False):
        super().__init__()
        self.net, self.projection = net, projection
        self.classify = nn.Linear(features, classes)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        output = self.net(x, c) if self.projection else self.net(x)
        return output._replace(classes=self.classify(output.features))


def class_loss(output: DiscriminatorOutput | None, labels: Tensor | None) -> Tensor:
    """−log p(c | x) [N] from D's output for samples x."""
    assert output is not None
    if output.misread is not None:
        return output.misread
    assert output.classes is not None
    assert labels is not None
    logits = wide(output.classes)
    return cross_entropy(logits, labels, reduction="none")


def two_labels(spec: Spec) -> tuple[Tensor, Tensor]:
    """Two different labels for two samples each, as nets for a spec get them."""
    if spec.conditions:
        return torch.zeros(2, spec.classes), torch.ones(2, spec.classes)
    return torch.tensor([0, 0]), torch.tensor([1, 1])


def feature_width(D: nn.Module, spec: Spec, who: str, labeled: bool = False) -> int:
    """The width F of a discriminator's features, determined by a forward pass.

    Raises:
        UserError: it does not return its last hidden layer.
    """
    place = next((weight.device for weight in D.parameters()), None)
    if place is not None and place.type == "meta" and without_weights():
        return 1  # a model is loaded, of which D is not used; for a pass torch would import its compiler, for seconds
    training = D.training
    with torch.no_grad():
        c = two_labels(spec)[0].to(place) if labeled else None
        features = D.eval()(torch.zeros(2, *spec.shape, device=place), c).features
    D.train(training)
    if features is None:
        raise UserError(
            f"task.discriminator: {who!r} does not return its last hidden layer (DiscriminatorOutput.features), which "
            "acgan needs to predict the class. Use resnet, dcgan or mlp",
            code="task.unsuitable_net",
        )
    return features.shape[1]
