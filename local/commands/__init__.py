"""What a person calls: `python -m local`, in containers or as local processes."""
