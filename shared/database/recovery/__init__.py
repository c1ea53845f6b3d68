"""Records written anew from what else tells of them, after the database was lost or went back."""
