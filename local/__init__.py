"""The whole system on one machine, without Docker: `python -m local start`.

Python is all that has to be there. What is on the PATH and new enough is used; what is not is
downloaded or built once into a cache folder. Three servers come from elsewhere and only ever run
as processes of their own, never linked or imported:

- MinIO, AGPL-3.0, built from its source (`local/minio.py`)
- Apache Kafka, Apache-2.0, from its published jars (`local/kafka.py`)
- MongoDB's protocol: `mongod` from the PATH, or SecantusDB, GPL-2.0 (`local/mongo.py`)

Tests and the demo use `local.stack`.
"""
