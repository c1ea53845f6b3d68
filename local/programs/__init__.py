"""How the programs are had that run the servers: found, downloaded or built, and pinned."""
