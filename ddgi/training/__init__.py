"""Training of bridges: stages that resume exactly, losses, sources of samples, and the trainer of M and T."""
