"""Words of other tools, and what they are called here."""

from __future__ import annotations

from ganforge.core.commands import command
from ganforge.core.errors import UserError

SAMPLES = (
    "samples=N, which counts real samples over all passes: epochs × the size of the data, or steps × batch "
    "(max_passes=N sets a limit of epochs besides)"
)
RATES = "optimizers.G.lr={0} optimizers.D.lr={0} (`ganforge recipes show NAME` lists the players)"

WORDS = {
    "data=PATH": "dataset dataroot data_root data_dir data_path datadir train_data train_dir input",
    SAMPLES: "epochs epoch n_epochs num_epochs max_epochs niter steps max_steps num_steps train_steps num_train_steps "
    "iters iterations n_iter total_iter max_iter kimg",
    RATES: "lr learning_rate",
    "optimizers.G.lr={0}": "lr_g g_lr glr",
    "optimizers.D.lr={0}": "lr_d d_lr dlr ttur",
    "optimizers.G.betas=[0.5,0.999] (and the same of D)": "beta1 beta2 betas b1 b2",
    "batch={0}": "batch_size batchsize bs train_batch_size",
    "signal.size={0}": "size image_size img_size imsize resolution load_size crop_size",
    "signal.flip={0}": "mirror hflip",
    "task.generator.latent={0}": "z_dim latent_dim nz noise_dim zdim",
    "data.workers={0}": "workers num_workers n_workers nthreads",
    "precision=bf16": "amp fp16 bf16 mixed_precision",
    "--run-dir FOLDER": "out outdir output output_dir results_dir save_dir logdir exp_name",
    "--device cuda": "gpu gpus gpu_ids cuda use_cuda",
    "init=RUN, to start from its weights; or --resume RUN, to go on with it": "pretrained checkpoint ckpt ckpt_path",
    "patience={0} with metrics=[fd5k]": "early_stopping early_stop",
    "callbacks=[previews,curves,wandb]": "wandb use_wandb",
    "callbacks=[previews,curves,tensorboard]": "tensorboard tb",
    "log_every=N, in samples": "log_freq log_interval print_freq",
    "checkpoint_every=N, in samples": "save_freq save_interval snap save_every save_epoch_freq",
}
"""What is written here, and the words for it elsewhere; {0} stands for the value."""

OTHER_WORDS = {word: ours for ours, words in WORDS.items() for word in words.split()}
FIELDS = ("data", "samples", "batch", "seed", "metrics", "every", "patience", "precision", "target", "degrade", "keep",
          "accumulate", "log_every", "checkpoint_every", "callbacks", "health", "privacy", "init")  # fmt: skip
"""Fields that are typed as options elsewhere: `--batch 64` is batch=64 here."""


def refuse_other_word(word: str, value: str = "") -> None:
    """
    Raises:
        UserError: `word` is what other tools call a field; says what it is called here.
    """
    name = word.lower().lstrip("-").replace("-", "_")
    ours = OTHER_WORDS.get(name)
    if ours is None and word.startswith("--") and name in FIELDS:
        ours = f"{name}={{0}}"
    if ours is None:
        return
    ours = ours.replace("PATH", value or "PATH").replace("{0}", value or "VALUE")
    raise UserError(
        f"{word}: here this is written as {ours}. All fields: {command('recipes', 'show', 'dcgan')}",
        code="config.other_word",
    )
