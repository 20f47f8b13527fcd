"""What `quintet openapi client` makes of the contracts of other services."""
