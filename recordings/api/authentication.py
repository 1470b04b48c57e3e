"""Who calls: by a token of his own in a header, or by the browser's session."""

from __future__ import annotations

from copy import copy
from http import HTTPStatus
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from rest_framework import authentication
from rest_framework.authentication import CSRFCheck
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from recordings.models import ApiToken

SCHEME = "Token"


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Token KEY`. First in line, so that the anonymous get 401, not 403."""

    def authenticate(self, request: Request | HttpRequest) -> tuple[Any, ApiToken] | None:
        scheme, _space, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        digest = ApiToken.hash(key.strip())
        token = ApiToken.objects.select_related("user").filter(digest=digest).first()
        if token is None or token.revoked_at is not None:
            raise AuthenticationFailed("This token is not known here, or was revoked.")
        if not token.user.is_active:
            raise AuthenticationFailed("This account is not active.")
        note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return SCHEME


def note_use(token: ApiToken) -> None:
    """Remember that the token was used, to within `USE_NOTED_EVERY`."""
    if token.last_used_at and timezone.now() - token.last_used_at < ApiToken.USE_NOTED_EVERY:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - ApiToken.USE_NOTED_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=Now())


def who(request: HttpRequest) -> Any:
    """Say who asks a view that is no part of the API, by token or session.

    Raises AuthenticationFailed for a token that opens nothing, and for nobody.
    """
    by_token = TokenAuthentication().authenticate(request)
    user = by_token[0] if by_token else request.user
    if not user.is_authenticated:
        raise AuthenticationFailed("Sign in, or send a token: Authorization: Token KEY.")
    return user


def sign_in(request: HttpRequest, sentence: str) -> HttpResponseBase:
    """Send a person to the sign-in page; tell a program."""
    if "text/html" in request.headers.get("Accept", ""):
        return redirect_to_login(request.get_full_path())
    body = {"detail": sentence, "code": "not_authenticated"}
    headers = {"WWW-Authenticate": SCHEME}
    return JsonResponse(body, status=HTTPStatus.UNAUTHORIZED, headers=headers)


class SessionAuthentication(authentication.SessionAuthentication):
    """The browser's session, with the CSRF token in the header `X-CSRFToken` alone.

    Looking for it in the form would read the body, and with it a whole upload, beforehand.
    """

    def enforce_csrf(self, request: Request) -> None:
        unread = copy(request._request)
        if unread.method == "POST":
            unread.method = "PUT"  # Django looks into the form of a POST only
        check = CSRFCheck(lambda request: None)  # type: ignore[arg-type]
        check.process_request(unread)
        reason = check.process_view(unread, None, (), {})  # type: ignore[arg-type]
        if reason:
            raise PermissionDenied(f"CSRF failed: {reason} Send the token in X-CSRFToken.")
