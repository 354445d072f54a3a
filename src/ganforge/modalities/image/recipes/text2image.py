"""Images from sentences."""

from __future__ import annotations

from ganforge.losses.adversarial import Hinge, NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
from ganforge.modalities.image.nets.dfgan import DfganDiscriminator, DfganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.sprites import Sprites
from ganforge.nets.sentences.small import Gru
from ganforge.recipes import recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.optimizer import Adam
from ganforge.tasks.matching import Matching


@recipe("text2image-small")
def text2image_small() -> Recipe:
    """Images from sentences, for two CPU cores; English, Chinese, any language. Nothing is downloaded.

    D scores pairs of image and sentence, with real images beside wrong sentences among them, and tells the sentence of
    an image from the others of its batch; G, each layer of which the sentence scales and shifts, is trained so that D
    finds its sentence. Text encoders are trained along.

    Papers: Reed et al. 2016 (matching-aware D), Zhang et al. 2021 (contrast), Miyato & Koyama 2018 (projection).
    Departures: small DCGAN nets with spectral norm in D; text encoders trained with D and G.
    Command: `ganforge train text2image-small data=sprites data.captions=both`, or `data=./photos captions=names.csv`;
    then `ganforge sample runs/... --text "a red heart" -n 8 --grid hearts.png`
    """
    return Recipe(
        data=Sprites(captions="both"),
        samples=1_000_000,
        batch=64,
        checkpoint_every=100_000,
        log_every=10_000,
        signal=Image(),
        task=Matching(
            generator=DcganGenerator(latent=32, channels=32, mapping=2, modulation=True),
            discriminator=DcganDiscriminator(channels=32, norm="spectral"),
            objective=NonSaturating(),
            sentence_encoder=Gru(),
            contrast=1.0,
        ),
        optimizers={"G": Adam(lr=5e-4, betas=(0.5, 0.999)), "D": Adam(lr=1e-3, betas=(0.5, 0.999))},
    )


@recipe("text2image")
def text2image() -> Recipe:
    """Images of 256 px from sentences, for a GPU (DF-GAN, with attention of regions to words).

    Every layer of G is scaled and shifted by the sentence; D's logit says whether an image is real and fits.

    Papers: Tao et al. 2022 (DF-GAN: nets, hinge loss with wrong sentences, gradient penalty at matching pairs, Adam
    1e-4 for G and 4e-4 for D), Xu et al. 2018 (attention of regions to words). Departures: text encoders trained with D
    and G instead of one that is trained before; attention at 32 and 64 px, which DF-GAN does not have
    (`task.generator.attention=[]`); the loss is twice that of the paper, and so is the weight of its penalty.
    Command: `ganforge train text2image data=./photos captions=captions.csv`; with text features of CLIP from a local
    folder `task.sentence_encoder.kind=clip task.sentence_encoder.weights=./clip`
    """
    return Recipe(
        data=Sprites(size=64, captions="both"),
        samples=15_000_000,
        batch=32,
        checkpoint_every=500_000,
        log_every=20_000,
        signal=Image(size=256),
        task=Matching(
            generator=DfganGenerator(),
            discriminator=DfganDiscriminator(),
            objective=Hinge(),
            sentence_encoder=Gru(width=256, embedding=256),
            gradient_penalty=4.0,
        ),
        optimizers={"G": Adam(lr=1e-4, betas=(0.0, 0.9)), "D": Adam(lr=4e-4, betas=(0.0, 0.9))},
    )
