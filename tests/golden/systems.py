"""Every recipe in a form so small that fifty steps take a moment: name → overrides, laid over it after `SMALL`.

The private recipes draw a secret at random: who compares their runs fixes it (`secrets.token_bytes`), and takes the
trainer that `recipe.privacy` names.
"""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent

SMALL = ["data=digits", "batch=16", "precision=fp32", "seed=7"]
DCGAN = ["task.generator.channels=16", "task.discriminator.channels=16"]
SPRITES = ["data=sprites", "data.count=64", *DCGAN]
SENTENCES = [*SPRITES[:2], "data.captions=both", "task.sentence_encoder.width=8", "task.sentence_encoder.embedding=8"]
NARROW = ["task.generator.channels=4", "task.discriminator.channels=4", "task.d_steps=1"]
R3GAN = ["signal.size=16", "task.generator.channels=8", "task.discriminator.channels=8"]
STYLES = [*R3GAN, "task.generator.max_channels=16", "task.discriminator.max_channels=16", "task.generator.latent=16"]
GROWING = [*STYLES, "task.steady=32", "task.fade=32"]  # two steps each
SERIES = [f"data={HERE / 'hours.csv'}", "task.generator.channels=8", "task.discriminator.channels=8"]
RETURNS = [f"data={HERE / 'hours.csv'}", "signal.window=24", "signal.change=difference"]
RETURNS += ["task.generator.channels=8", "task.discriminator.channels=8"]
SOUND = [
    f"data={HERE / 'tones.wav'}",
    "signal.seconds=0.128",
    "task.generator.channels=8",
    "task.discriminator.channels=4",
    "batch=8",
]
WAVES = [f"data={HERE / 'tones.wav'}", "data.holdout=0", "signal.rate=null", "signal.seconds=0.128", "batch=8"]
WAVE_NETS = [*WAVES, "task.generator.channels=4", "task.discriminator.channels=4", "task.d_steps=1"]
VOCODER = [*WAVES, "task.translator.channels=8", "task.critics.0.channels=2", "task.critics.0.max_channels=8"]
VOCODER += ["task.critics.1.channels=2", "task.mel.bands=8"]
FRAMES = [*VOCODER, "task.translator.inner=16", "task.translator.blocks=2", "task.alone=16"]
FILM = [
    f"data={HERE.parent / 'video' / 'moving.gif'}",
    "signal.frames=8",
    *NARROW[:2],
    "task.generator.latent=8",
    "batch=4",
]
SHAPES = [f"data={HERE / 'shapes.npz'}", "batch=4"]
SOLIDS = [*SHAPES, "signal.size=16", *NARROW[:2], "task.generator.latent=8"]
CLOUDS = [*SHAPES, "signal.points=64"]
LATENT = [*CLOUDS, "task.encoder.widths=[8,8]", "task.decoder.widths=[8,8]", "task.decoder.latent=8"]
LATENT += [
    "task.encoder.points=48",
    "task.likelihood.points=32",
    "task.autoencoder=4",
    "task.discriminator.widths=[8,8]",
]
LATENT += ["task.generator.widths=[8,8]", "task.generator.latent=8"]
MOLECULES = [f"data={HERE / 'chains.smi'}", "batch=8"]
LINES = [f"data={HERE / 'lines.txt'}", "signal.length=12", "batch=16"]
ARTICLES = {"kind": "texts", "path": str(HERE / "articles.jsonl"), "column": "summary", "source": "article"}
TABLE = [f"data={HERE / 'people.csv'}", "data.holdout=0", "batch=20"]
DEGRADED = [
    "signal.size=16", "signal.patches=false", "signal.jitter=0", "signal.mode=auto", "batch=4", "task.alone=0",
    "task.translator.channels=4", "task.critics.0.channels=4",
]  # fmt: skip
BLURRED = [*DEGRADED, "task.translator.max_channels=8", "signal.degrade=blur2", "task.critics.0.layers=1"]
LARGER = [*DEGRADED, "signal.size=32"]
NO_CRITIC = [item for item in DEGRADED if "critics" not in item]
TWO = [
    "data.kind=domains",
    f"data.a={HERE / 'a.png'}",
    f"data.b={HERE / 'b.png'}",
    "batch=2",
]
TWO += ["signal.size=16", "signal.jitter=8", "task.translator.channels=4", "task.translator.blocks=2"]
ONE_WAY = [*TWO, "task.critic.channels=4", "task.layers=[0,2,4]", "task.patches=16", "task.width=8"]
PRIVATE = ["samples=2000", "privacy.epsilon=100", "privacy.noise_multiplier=1.5"]  # no noise has to be searched for
PEOPLE = {
    "city": {"kind": "categorical", "values": ["Lima", "Oslo", "Quito"]},
    "pay": {"kind": "continuous", "min": 0, "max": 200, "decimals": 1, "missing": True},
    "age": {"kind": "integer", "min": 0, "max": 120, "missing": True},
    "owner": "boolean",
}
"""What is told of the columns of people.csv by hand, since a private run may not look at them."""
METERS = {
    "entity": "meter", "time": "time", "step": "h", "longest": 24,
    "columns": {"load": {"min": 0, "max": 10}, "mode": {"words": ["on", "off"]}},
}  # fmt: skip
THIN = ["task.generator.widths=[16,16]", "task.discriminator.widths=[16,16]"]
POINTS = ["data=ring8", "data.count=1000"]
PARTS = [
    "task.generator.wide=2", "task.generator.blocks=1", "task.discriminator.wide=2", "task.discriminator.blocks=1",
    "accumulate=2",
]  # fmt: skip
PHOTO = [f"data={HERE}", "data.holdout=0", "signal.size=16", "signal.jitter=8", "batch=4", "task.alone=0"]
PHOTO += ["task.translator.channels=4"]
CRITIC = ["task.critics.0.channels=4", "task.critics.0.layers=1"]
# each file of the folder is paired with itself
PAIR = [
    "data.kind=pairs",
    f"data.source={HERE}",
    f"data.target={HERE}",
    "signal.size=16",
    "batch=2",
]
UNET = ["task.translator.channels=4", "task.translator.max_channels=8", "task.translator.halvings=3"]
"""Halved to 2×2 cells and no further: the first map on the way up from a single cell is constant, so that an instance
norm makes it zero but for rounding, and the ReLU after it a matter of chance."""
PAIR += [*UNET, *CRITIC]
SYSTEMS: dict[str, list[str]] = {
    "text2image-small": [*SENTENCES, "task.generator.channels=8", "task.discriminator.channels=8"],
    "text2image": [
        *SENTENCES,
        "signal.size=16",
        "batch=4",
        "task.generator.channels=4",
        "task.generator.max_channels=8",
        "task.discriminator.channels=4",
        "task.discriminator.max_channels=8",
        "task.generator.attention=[8]",
    ],
    "stargan-small": [
        *SPRITES[:2],
        "signal.size=16",
        "batch=4",
        "task.translator.channels=4",
        "task.translator.blocks=1",
        "task.discriminator.channels=4",
    ],
    "stargan": [
        *SPRITES[:2],
        "signal.size=16",
        "batch=4",
        "task.translator.channels=4",
        "task.translator.blocks=1",
        "task.discriminator.channels=4",
        "task.discriminator.layers=3",
        "task.d_steps=1",
    ],
    "gan": [],
    "gan-minimax": [],
    "cgan": [],
    "dcgan": DCGAN,
    "cdcgan": DCGAN,
    "dcgan-article": [],
    "demo": [],
    "lsgan": DCGAN,
    "wgan": DCGAN,
    "wgan-gp": DCGAN,
    "dragan": DCGAN,
    "hinge-gan": DCGAN,
    "rpgan": DCGAN,
    "sngan": NARROW,
    "wgan-gp-resnet": NARROW,
    "sagan": NARROW,
    "acgan": DCGAN,
    "biggan": NARROW,
    "biggan-deep": NARROW,
    "r3gan-cifar10": [*R3GAN, *PARTS],
    "r3gan-small": R3GAN,
    "stylegan2-256": STYLES,
    "stylegan2-small": STYLES,
    "fastgan": STYLES,
    "lapgan-small": ["task.refiner.channels=4", "task.judge.channels=4"],
    "progan-small": GROWING,
    "msg-gan-small": STYLES,
    "ctgan": TABLE,
    "table-gan": TABLE,
    "tvae": TABLE,
    "vae": ["task.generator.channels=16", "task.encoder.channels=16"],
    "vae-gan": [*DCGAN, "task.encoder.channels=16"],
    "pix2pix": BLURRED,
    "line2color": BLURRED,
    "cyclegan": [*TWO, "task.critic.channels=4", "task.pool=4", "task.critic.layers=1"],
    "cut": [*ONE_WAY, "task.critic.layers=1"],
    "restyle": [*ONE_WAY, "task.critic.layers=1", "task.lens.filters=4"],
    "srresnet": [*NO_CRITIC, "task.translator.blocks=2"],
    "srgan": [*DEGRADED, "task.translator.blocks=2", "task.critics.0.hidden=16"],
    "esrgan": [*DEGRADED, "task.translator.blocks=1", "task.translator.growth=4", "task.critics.0.hidden=16"],
    "real-esrgan": [*LARGER, "task.translator.blocks=1", "task.translator.growth=4"],
    "inpaint": [*DEGRADED, "task.critics.0.layers=1"],
    "inpaint-small": [*DEGRADED, "task.critics.0.layers=1"],
    "lama-small": [*DEGRADED, "task.critics.0.layers=1"],
    "denoise": [*NO_CRITIC, "task.translator.blocks=2"],
    "dejpeg": [*NO_CRITIC, "task.translator.blocks=2"],
    "deblur": [*DEGRADED, "task.translator.blocks=2", "task.critics.0.layers=1", "task.critics.0.scales=1"],
    "deblur-small": [*DEGRADED, "task.translator.blocks=2", "task.critics.0.layers=1"],
    "colorize": [*DEGRADED, "signal.degrade=gray+blur", "task.translator.max_channels=8", "task.critics.0.layers=1"],
    "old-photo": [*DEGRADED, "task.translator.blocks=2", "task.critics.0.layers=1", "task.critics.0.scales=1"],
    "biggan-128": [*NARROW, "signal.size=8", "task.generator.attention=4", "task.discriminator.attention=4"],
    "cgan-pd": NARROW,
    "sngan-small": NARROW,
    "conditions-small": SPRITES,
    "ccgan-small": SPRITES,
    "infogan": DCGAN,
    "sgan": ["task.generator.widths=[16,16]", "task.discriminator.widths=[24,16]"],
    "sgan-conv": ["signal.size=16", *NARROW[:2]],
    "dp-gan": [*PRIVATE, "task.generator.channels=4", "task.discriminator.widths=[24,12]", "task.d_steps=1"],
    "dp-series": [
        *PRIVATE,
        f"data={{kind: entities, path: {HERE / 'meters.csv'}}}",
        "batch=4",
        f"signal.public={json.dumps(METERS)}",
        "signal.window=12",
        "task.generator.channels=4",
        "task.discriminator.widths=[16]",
        "task.d_steps=1",
    ],
    "dp-ctgan": [*PRIVATE, *TABLE, f"signal.public={json.dumps(PEOPLE)}", *THIN],
    "ctgan-fast": [*TABLE, "target=owner"],
    "lapgan": [*THIN, "task.refiner.channels=4", "task.judge.channels=4", "signal.size=16"],
    "msg-gan": STYLES,
    "progan": GROWING,
    "r3gan-256": [*R3GAN, *PARTS],
    "r3gan-64": [*R3GAN, *PARTS],
    "r3gan-stacked-mnist": [*R3GAN, *PARTS],
    "stylegan2-ada": STYLES,
    "stylegan2-cifar": STYLES,
    "toy": [*POINTS, *THIN],
    "toy-pacgan": [*POINTS, *THIN],
    "toy-unrolled": [*POINTS, *THIN],
    "toy-vanilla": [*POINTS, *THIN],
    "toy-wgan-gp": [*POINTS, *THIN, "task.d_steps=2"],
    "pix2pix-small": PAIR,
    "line2color-small": PAIR,
    "colorize-small": [*PHOTO, "batch=2", *UNET, *CRITIC],
    "cyclegan-small": [*TWO, "task.critic.channels=4", "task.pool=4", "task.critic.layers=1"],
    "cut-small": [*ONE_WAY, "task.critic.layers=1"],
    "restyle-small": [*ONE_WAY, "task.critic.layers=1", "task.lens.filters=4"],
    "srresnet-small": [*PHOTO, "task.translator.blocks=2"],
    "srgan-small": [*PHOTO, "task.translator.blocks=2", *CRITIC],
    "esrgan-small": [*PHOTO, "task.translator.blocks=1", "task.translator.growth=4", *CRITIC],
    "real-esrgan-small": [*LARGER, "task.translator.blocks=1", "task.translator.growth=4"],
    "denoise-small": [*PHOTO, "task.translator.blocks=2"],
    "dejpeg-small": [*PHOTO, "task.translator.blocks=2"],
    "old-photo-small": [*PHOTO, "task.translator.blocks=2", *CRITIC],
    "series-small": SERIES,
    "forecast": [
        f"data={HERE / 'hours.csv'}",
        "signal.window=40",
        "task.future=8",
        "task.channels=8",
        "task.discriminator.channels=8",
    ],
    "impute": [
        f"data={HERE / 'hours.csv'}",
        "signal.window=24",
        "task.longest=8",
        "task.channels=8",
        "task.discriminator.channels=8",
    ],
    "rcgan": [*SERIES, "task.d_steps=1"],
    "timegan": [f"data={HERE / 'hours.csv'}", "task.units=8", "task.stage=32"],  # two steps each
    "doppelganger": [f"data={HERE / 'hours.csv'}", "task.width=8", "task.units=8", "task.critic_width=8"],
    "timevae": [f"data={HERE / 'hours.csv'}", "task.encoder.widths=[8,8]", "task.generator.widths=[8,8]"],
    "series-latent": [
        f"data={HERE / 'hours.csv'}",
        "task.encoder.channels=8",
        "task.decoder.channels=8",
        "task.autoencoder=32",
        "task.measured=32",
    ],
    "quantgan": RETURNS,
    "quant": RETURNS,
    "sigcwgan": [*RETURNS[:3], "task.draws=4"],
    "text-latent-small": [
        f"data={HERE / 'lines.txt'}",
        "task.encoder.units=8",
        "task.encoder.embed=8",
        "task.latent=8",
        "task.likelihood.units=8",
        "task.likelihood.embed=8",
        "task.generator.widths=[8,8]",
        "task.discriminator.widths=[8,8]",
        "task.autoencoder=32",
        "task.measured=32",
    ],
    "lm": [f"data={HERE / 'lines.txt'}", "task.units=8", "task.embed=8"],
    "molecule-small": [
        *MOLECULES,
        "task.generator.width=8",
        "task.generator.latent=8",
        "task.discriminator.width=8",
        "task.discriminator.layers=2",
        "task.discriminator.hidden=8",
    ],
    "molgan": [
        *MOLECULES,
        "task.generator.widths=[8,16]",
        "task.discriminator.widths=[8,8]",
        "task.discriminator.pooled=8",
        "task.discriminator.hidden=8",
        "task.d_steps=1",
        "task.after=0",
    ],
    "selfies-small": [
        *MOLECULES,
        "task.encoder.units=8",
        "task.encoder.embed=8",
        "task.latent=8",
        "task.likelihood.units=8",
        "task.likelihood.embed=8",
        "task.generator.widths=[8,8]",
        "task.discriminator.widths=[8,8]",
        "task.autoencoder=32",
        "task.measured=32",
    ],
    "graphs-small": [
        f"data={HERE / 'graphs.zip'}",
        "data.holdout=0",
        "batch=8",
        "task.generator.width=8",
        "task.generator.latent=8",
        "task.discriminator.channels=8",
        "task.discriminator.layers=1",
    ],
    "spectre": [
        f"data={HERE / 'graphs.zip'}",
        "data.holdout=0",
        "batch=4",
        "task.latent=8",
        "task.width=4",
        "task.layers=2",
        "task.bank=3",
        "task.forcing=0.5",
    ],
    "network": [f"data={HERE / 'friends.txt'}", "task.rank=3", "task.check_every=2"],
    "netgan": [
        f"data={HERE / 'friends.txt'}",
        "task.units=6",
        "task.units_d=5",
        "task.narrow=4",
        "task.steps=4",
        "task.d_steps=1",
        "task.walks=50",
    ],
    "text-st-small": [
        *LINES,
        "task.embed=8",
        "task.units=8",
        "task.channels=8",
        "task.critic_channels=8",
        "task.latent=8",
        "task.blocks=2",
        "task.pretrain=32",
    ],
    "seqgan": [
        *LINES,
        "task.embed=8",
        "task.units=8",
        "task.critic_embed=8",
        "task.filters=[[1,8],[2,8]]",
        "task.rollouts=2",
        "task.pretrain=32",
        "task.critic_pretrain=16",
        "task.g_every=1",
    ],
    "relgan": [
        *LINES,
        "task.embed=8",
        "task.head=4",
        "task.views=4",
        "task.filters=8",
        "task.d_steps=1",
        "task.pretrain=32",
        "task.cooling=64",
    ],
    "scratchgan": [*LINES, "task.embed=8", "task.units=8", "task.critic_units=8"],
    "text-style-small": [
        f"data={HERE / 'styles.jsonl'}",
        "task.encoder.units=8",
        "task.encoder.embed=8",
        "task.latent=8",
        "task.units=8",
        "task.embed=8",
        "task.widths=[8]",
    ],
    "text2text-small": [
        f"data={json.dumps(ARTICLES)}",
        "batch=16",
        "task.embed=8",
        "task.units=8",
        "task.filters=8",
        "task.pretrain=32",
    ],
    "arae": [*LINES, "task.embed=8", "task.code=8", "task.latent=8", "task.widths=[8,8]", "task.d_steps=1"],
    "sound-small": SOUND,
    "wavegan": WAVE_NETS,
    "specgan": [*WAVE_NETS, "signal.form.window=32", "signal.form.hop=16"],
    "gansynth": [*WAVE_NETS, f"data={HERE / 'notes.zip'}", "signal.form.window=64", "task.generator.latent=16"],
    "hifigan-v1": [*VOCODER, "batch=2"],
    "hifigan-v2": [*VOCODER, "batch=2"],
    "hifigan-v3": [*VOCODER, "batch=2"],
    "vocos": FRAMES,
    "vocoder-small": FRAMES,
    "denoise-sound": FRAMES,
    "denoise-sound-small": FRAMES,
    "r3gan-video-small": FILM,
    "voxels-small": SOLIDS,
    "voxels-latent-small": [
        *SHAPES,
        "signal.size=16",
        "task.encoder.channels=4",
        "task.decoder.channels=4",
        "task.decoder.latent=8",
        "task.generator.widths=[8,8]",
        "task.generator.latent=8",
        "task.discriminator.widths=[8,8]",
        "task.autoencoder=4",
        "task.measured=4",
    ],
    "3dgan": SOLIDS,
    "3d-vae-gan": [*SOLIDS, "signal.image=32", "task.encoder.channels=2"],
    "complete-shapes": [*SHAPES, "signal.size=16", "task.channels=4", NARROW[1]],
    "3d-iwgan": [*SOLIDS, "task.d_steps=1"],
    "cloud-small": [*LATENT, "task.measured=32"],
    "cloud-sphere": [*CLOUDS, "task.generator.channels=8", "task.discriminator.widths=[8,16]"],
    "l-gan": [*LATENT, "task.d_steps=1"],
    "tree-gan": [
        *CLOUDS,
        "task.generator.features=[8,8,8,8,8,8]",
        "task.discriminator.widths=[8,16]",
        "task.d_steps=1",
    ],
    "vgan": [*FILM, "signal.size=16"],
    "tgan": [*FILM, "signal.size=16"],
    "mocogan": [*FILM, "signal.size=16", "signal.frames=16", "signal.stride=1"],
    "stylegan-v": [
        *FILM,
        "signal.size=16",
        "task.generator.motion=8",
        "task.generator.max_channels=8",
        "task.discriminator.max_channels=8",
    ],
    "predict-video": [
        *FILM[:1],
        "signal.frames=12",
        "task.channels=8",
        "task.latent=8",
        "task.discriminator.channels=4",
        "batch=4",
    ],
}
