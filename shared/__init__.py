"""What two services need: the domain, MongoDB, storage, HTTP habits, and a process's runtime."""
