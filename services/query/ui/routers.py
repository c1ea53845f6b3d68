"""All pages, and the forms on them."""

from fastapi import APIRouter

from services.query.ui.account import router as account
from services.query.ui.acts.aliases import router as alias_forms
from services.query.ui.acts.edits import router as edit_forms
from services.query.ui.acts.lives import router as life_forms
from services.query.ui.acts.proposals import router as proposal_forms
from services.query.ui.comparing_routes import router as comparing
from services.query.ui.completing_routes import router as completing
from services.query.ui.live import router as live
from services.query.ui.operators.audit import router as audit_pages
from services.query.ui.operators.dead_letters import router as dead_letter_pages
from services.query.ui.operators.storage import router as storage_pages
from services.query.ui.operators.tokens import router as token_pages
from services.query.ui.operators.webhooks import router as webhook_pages
from services.query.ui.routes import router as reading
from services.query.ui.signing_in import router as signing_in
from services.query.ui.signing_in_at_issuer import router as signing_in_at_issuer
from services.query.ui.uploading import router as uploading
from services.query.ui.version_routes import router as version_pages

PAGE_ROUTERS: tuple[APIRouter, ...] = (
    *(signing_in, signing_in_at_issuer, account),
    *(reading, version_pages, comparing, live, completing),
    *(alias_forms, proposal_forms, life_forms, edit_forms, uploading),
    *(audit_pages, token_pages, webhook_pages, storage_pages, dead_letter_pages),
)
