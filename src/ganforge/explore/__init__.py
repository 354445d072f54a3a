"""What a trained generator has learned: directions in latent space, latents of given samples, what its units draw."""
