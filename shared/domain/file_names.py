"""What the names of files say of them."""


def extension_of(file_name: str) -> str:
    """Give what follows the last dot of the last path segment, a leading dot included.

    So of ".safetensors" the whole name, unlike the suffix of a path in Python.
    """
    _, dot, extension = file_name.rpartition("/")[2].rpartition(".")
    return (dot + extension).lower() if dot else ""
