"""Reading the diffusion model while the host samples."""
