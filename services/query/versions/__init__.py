"""Models and versions: found, listed, waited for, downloaded."""
