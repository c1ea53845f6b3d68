"""What the site of documents has beside the pages of docs/."""
