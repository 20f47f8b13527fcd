"""What is for sale, what it costs, and how much of it is left."""
