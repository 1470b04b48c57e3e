"""The account page: room used and left, and the keys of the API."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from recordings.forms import TokenForm
from recordings.ledger.models import Account
from recordings.models import ApiToken
from recordings.views import SignedIn

MOST_TOKENS = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedIn) -> HttpResponse:
    """Show the quota and the API keys; make a key, which is shown in this answer alone."""
    form, key = TokenForm(request.POST if request.method == "POST" else None), ""
    if request.method == "POST" and form.is_valid():
        if _active(request).count() >= MOST_TOKENS:
            form.add_error("name", _("You have %d keys: revoke one first.") % MOST_TOKENS)
        else:
            key = ApiToken.make(request.user, name=form.cleaned_data["name"])[1]
            form = TokenForm()
    context = {
        "account": Account.objects.of(request.user.pk),
        "tokens": _active(request).order_by("-created_at", "-id"),
        "form": form,
        "key": key,
        "place": "account",
    }
    return render(request, "recordings/account.html", context, status=400 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """Sign out; who only follows a link is shown the button, since a link must change nothing."""
    if request.method == "POST":
        return LogoutView.as_view()(request)
    if not request.user.is_authenticated:
        return redirect("login")
    return render(request, "registration/sign_out.html")


@login_required
@require_POST
def revoke(request: SignedIn, pk: int) -> HttpResponse:
    """Make a key worthless at once."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    token.revoke()
    messages.success(request, _("The key “%s” opens nothing any more.") % token.name)
    return redirect("account")


def _active(request: SignedIn) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=request.user, revoked_at=None)
