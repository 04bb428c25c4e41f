"""What capturing and training cost in the host, with random weights of full size."""
