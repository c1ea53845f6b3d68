"""The whole system on one machine, without Docker: `python -m local start`.

Python is all that has to be there. What is on the PATH and new enough is used; what is not is
downloaded or built once into a cache folder. Three servers come from elsewhere and only ever run
as processes of their own, never linked or imported:

- MinIO, AGPL-3.0, built from its source (`programs/minio.py`)
- Apache Kafka, Apache-2.0, from its published jars (`programs/kafka.py`)
- MongoDB's protocol: `mongod` from the PATH, or SecantusDB, GPL-2.0
  (`programs/mongo.py`)

The rooms, each of which imports only those after it:

- `commands/`: what a person calls, in containers or without
- `stack.py`: servers and services below one root folder; tests and benchmarks use it too
- `servers/`: how each server and each service is run
- `processes/`: processes that outlive the command that started them, their ports and records
- `programs/`: how the programs are had; its `locks/` pin what is downloaded
"""
