"""Speed of sounds: `python benchmarks/sounds.py generator RUN`, `vocoder RUN DATA`, `loading DATA`.

generator   seconds for 1,000 clips
vocoder     MCD in dB and times as fast as sound plays, next to 32 rounds of Griffin-Lim from the same mels
loading     clips a second from files, and the memory that a recording of two hours takes while it is read
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

import ganforge as gf
from ganforge.data.path import PathData
from ganforge.modalities.audio.metrics.pairwise import mcd
from ganforge.modalities.audio.signal import Audio
from ganforge.modalities.audio.stft import griffin_lim

ROUNDS, SHOWN = 32, 100


def generator(run: str) -> None:
    model = gf.load(run, device="cpu")
    model.sample(64)
    begun = time.perf_counter()
    made = model.sample(1_000)
    print(f"1,000 clips of {made.shape[1] / model.spec.state['rate']:.2f} s in {time.perf_counter() - begun:.1f} s")


def vocoder(run: str, data: str) -> None:
    model = gf.load(run, device="cpu")
    task: Any = model.recipe.task
    mel, rate, gain = task.mel, model.spec.state["rate"], model.spec.state["gain"]
    signal: Any = model.recipe.signal.at(model.spec)
    clips: Any = signal.items(PathData(path=data, split="test").open())
    real = np.stack([clips.read(k)[0, : clips.length] for k in range(min(SHOWN, len(clips)))])
    use: Any = model.translator()
    made = np.stack([use.translated(x) for x in real])
    begun = time.perf_counter()
    with torch.inference_mode():
        spectra = mel.inverse(mel(torch.from_numpy(real)[:, None] * gain, rate), rate)
        plain = griffin_lim(spectra, mel.window, mel.hop, ROUNDS).numpy() / gain
    spent = time.perf_counter() - begun
    seconds = real.shape[0] * real.shape[1] / rate
    for name, x, speed in (("model", made, use.made / use.seconds), ("Griffin-Lim", plain, seconds / spent)):
        off = mcd(x.astype(np.float32), real, rate).mean()
        print(f"{name:12} MCD {off:5.2f} dB   {speed:6.0f} times as fast as it plays")


def loading(data: str) -> None:
    signal = Audio()
    clips = signal.items(PathData(path=data, holdout=0).open())
    begun = time.perf_counter()
    for k in range(min(1_000, len(clips))):
        clips.read(k)
    print(f"{min(1_000, len(clips)) / (time.perf_counter() - begun):,.0f} clips a second from {data}")
    with tempfile.TemporaryDirectory() as folder:
        rate, hours = 16_000, 2
        with soundfile.SoundFile(f"{folder}/long.flac", "w", rate, 1, "PCM_16") as file:
            for _ in range(hours * 60):
                file.write(0.1 * np.random.default_rng(0).standard_normal(60 * rate))
        clips = signal.items(PathData(path=str(Path(folder) / "long.flac"), holdout=0).open())
        tracemalloc.start()
        begun = time.perf_counter()
        for k in np.linspace(0, len(clips) - 1, 200).round().astype(int):
            clips.read(int(k))
        spent = time.perf_counter() - begun
        peak = tracemalloc.get_traced_memory()[1] / 1e6
        print(f"two hours of flac: {200 / spent:,.0f} clips a second, {peak:.1f} MB at most")


if __name__ == "__main__":
    {"generator": generator, "vocoder": vocoder, "loading": loading}[sys.argv[1]](*sys.argv[2:])
