"""What a team needs to run Django microservices in production."""
