"""What tests of several folders share: servers, isolation, small readers of MinIO and Kafka."""
