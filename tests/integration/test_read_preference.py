"""Truth is read from the primary, whatever the connection string says."""

from uuid import uuid4

from pydantic import SecretStr

from shared.database.client import open_database
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.database.versions import Versions
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, sequences, verified

CARELESS = "readPreference=secondaryPreferred&readConcernLevel=available&w=1"


async def test_a_url_that_prefers_secondaries_changes_nothing(settings: Settings) -> None:
    url = f"{settings.mongodb_url.get_secret_value()}&{CARELESS}"
    model = f"model-{uuid4().hex}"
    async with open_database(
        settings.model_copy(update={"mongodb_url": SecretStr(url)})
    ) as database:
        options = database.versions.driver
        assert options.read_preference.name == "Primary"
        assert options.read_concern.level == "majority"
        assert options.write_concern.document == {"w": "majority", "j": True}
        record = await open_version(database, draft(model))
        assert len(await settle(database, [verified(record)])) == 1
        found = await Versions(database).get(record.id)
        assert found is not None
        assert found.state == "ready"
        assert await sequences(database, model) == [1, 2]
