"""Who may: signed in is the default, this is for more."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from recordings.ledger.permissions import ADMINISTER


class IsAdministrator(IsAuthenticated):
    """For users with `retention.administer`."""

    message = "This is for administrators."

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and request.user.has_perm(ADMINISTER)
