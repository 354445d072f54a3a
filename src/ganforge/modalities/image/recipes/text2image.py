"""Images from sentences."""

from __future__ import annotations

from ganforge.losses.adversarial import NonSaturating
from ganforge.modalities.image.nets.dcgan import DcganDiscriminator, DcganGenerator
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
    an image from the others of its batch; G is trained so that D finds its sentence. Text encoders are trained along.

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
            generator=DcganGenerator(latent=32, channels=32, mapping=2),
            discriminator=DcganDiscriminator(channels=32, norm="spectral"),
            objective=NonSaturating(),
            sentence_encoder=Gru(),
            contrast=1.0,
        ),
        optimizers={"G": Adam(lr=5e-4, betas=(0.5, 0.999)), "D": Adam(lr=1e-3, betas=(0.5, 0.999))},
    )
