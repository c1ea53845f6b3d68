"""What maintainers run on a checkout: documents made from the code, and a release."""
