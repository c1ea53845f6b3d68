"""What two services need: settings, schemas, storage, database, messaging."""
