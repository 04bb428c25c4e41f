"""What things cost: views of a head, and training; with random weights of full size, on which cost does not depend."""
