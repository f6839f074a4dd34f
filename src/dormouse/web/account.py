"""The one account of a platform: whoever holds its key. Nobody signs up, so all of it is constant.

Every field that a client of Neon insists on is here: neon-api 0.3.0 needs `billing_account`, and refuses the newer
values of `subscription_type`.
"""

from datetime import UTC, datetime
from typing import Final

from dormouse.api.records import Auth, AuthAccount, BillingAccount, CurrentUser, Organization, PaymentSource

__all__ = ["AUTH", "NEVER", "ORGANIZATION", "SUBSCRIPTION", "USER"]

NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)
"""How Neon writes a consumption period that has not begun."""

SUBSCRIPTION: Final = "free_v2"

_SINCE: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Neon's other way of saying that there is no such moment; a year 1 is more than some clients can read."""

_EMAIL: Final = "owner@dormouse.localhost"

USER: Final = CurrentUser(
    # A version 4 UUID with nothing random in it.
    id="00000000-0000-4000-8000-000000000000",
    login="owner",
    email=_EMAIL,
    name="Owner",
    last_name="",
    image="",
    plan=SUBSCRIPTION,
    # No limit but the disk's; a number, because the field must hold one.
    projects_limit=1_000_000,
    branches_limit=1_000_000,
    max_autoscaling_limit=0,
    active_seconds_limit=0,
    compute_seconds_limit=0,
    auth_accounts=(AuthAccount(email=_EMAIL, image="", login="owner", name="Owner", provider="keycloak"),),
    billing_account=BillingAccount(
        state="active",
        payment_source=PaymentSource(type=""),
        subscription_type=SUBSCRIPTION,
        payment_method="none",
        quota_reset_at_last=_SINCE,
        name="Owner",
        email=_EMAIL,
        address_city="",
        address_country="",
        address_line1="",
        address_line2="",
        address_postal_code="",
        address_state="",
    ),
)

ORGANIZATION: Final = Organization(
    id="org-dormouse-local-00000000",
    name="Local",
    handle="local",
    plan=SUBSCRIPTION,
    created_at=_SINCE,
    managed_by="console",
    updated_at=_SINCE,
)
"""neonctl picks an organization by itself where there is exactly one."""

AUTH: Final = Auth(account_id=USER.id, auth_method="api_key_user")
