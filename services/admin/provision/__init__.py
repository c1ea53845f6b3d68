"""What only an administrator of the servers may do: buckets, users and their rights."""
