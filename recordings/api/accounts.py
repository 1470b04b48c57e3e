"""Tokens and quotas."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, get_user_model
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.authentication import SCHEME
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED, checked
from recordings.api.requests import Credentials, QuotaEdit
from recordings.api.serializers import QuotaSerializer
from recordings.ledger.models import Account
from recordings.models import ApiToken

TokenAnswer = inline_serializer("Token", {"token": serializers.CharField()})


class TokenView(APIView):
    """Sign in from a program. Failures count against the user name, as on the page."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="make_token", request=Credentials, responses={200: TokenAnswer, "4XX": REFUSED}
    )
    def post(self, request: Request) -> Response:
        """Make a token, which is shown this once."""
        asked = checked(Credentials, request.data)
        user = authenticate(
            request._request, username=asked["username"], password=asked["password"]
        )
        if user is None:
            detail = "This user name and password do not belong together."
            refusal = {"detail": detail, "code": "wrong_credentials"}
            return Response(refusal, status=401, headers={"WWW-Authenticate": SCHEME})
        _token, key = ApiToken.make(user, name=asked["name"])
        return Response({"token": key})


class QuotaView(APIView):
    @extend_schema(operation_id="get_quota", responses=QuotaSerializer)
    def get(self, request: Request) -> Response:
        """Return what the caller stores and may store, in bytes."""
        return Response(QuotaSerializer(Account.objects.of(int(request.user.pk or 0))).data)


class UserQuotaView(APIView):
    """Another user's quota, for administrators."""

    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="get_user_quota", responses=QuotaSerializer)
    def get(self, request: Request, username: str) -> Response:
        """Return what a user stores and may store, in bytes."""
        return Response(QuotaSerializer(Account.objects.of(_user_id(username))).data)

    @extend_schema(
        operation_id="set_user_quota",
        request=QuotaEdit,
        responses={200: QuotaSerializer, "4XX": REFUSED},
    )
    def patch(self, request: Request, username: str) -> Response:
        """Set a limit of the user's own; one below what he stores only stops growth."""
        owner_id = _user_id(username)
        limit = checked(QuotaEdit, request.data)["limit"]
        account = Account.objects.of(owner_id)
        Account.objects.filter(pk=account.pk).update(own_limit=limit, uses_default_limit=False)
        return Response(QuotaSerializer(Account.objects.get(pk=account.pk)).data)


def _user_id(username: str) -> int:
    if "\0" in username:  # nobody's name, and no question for a database
        raise Http404
    return int(get_object_or_404(get_user_model(), username=username).pk)
