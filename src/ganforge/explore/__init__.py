"""What a trained generator has learned: directions in its latent space, latents of given samples, what its units draw."""
