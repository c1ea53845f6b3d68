"""The only place that talks to MongoDB: a file for each collection, and state changes over them."""
