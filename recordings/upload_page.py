"""The upload page: a plain form that works by itself, made livelier by static/js/upload.js."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from recordings.forms import UploadForm
from recordings.ledger.models import Account
from recordings.views import SignedIn


@login_required
@require_safe
def upload(request: SignedIn) -> HttpResponse:
    context = {
        "form": UploadForm(),
        "account": Account.objects.of(request.user.pk),
        "api_url": "/api/recordings",
        "place": "upload",
    }
    return render(request, "recordings/upload.html", context)
