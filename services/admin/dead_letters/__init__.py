"""Dead letters: listed, shown, and sent again to where their messages came from."""
