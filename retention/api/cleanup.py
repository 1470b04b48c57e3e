"""The upkeep over the API: how things stand, health, runs by hand, the switch."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recordings.api.fields import OnlyKnown
from recordings.api.permissions import IsAdministrator
from recordings.api.recordings import REFUSED, checked
from recordings.ledger.permissions import ADMINISTER
from retention import cleanup, once, status, words
from retention.api.serializers import RunSerializer
from retention.choices import Mode
from retention.exceptions import RetentionError
from retention.health import CRITICAL, GRADES, health
from retention.models import RetentionPolicy, RetentionRun

LONGEST_DAYS = 36_500
MOST_POLICIES = 200


class StatsSerializer(serializers.Serializer[Any]):
    total_files = serializers.IntegerField(help_text="Stored files.")
    total_size_mb = serializers.FloatField()
    old_files = serializers.IntegerField(help_text="What enabled policies would remove now.")
    old_size_mb = serializers.FloatField()
    old_is_complete = serializers.BooleanField(
        help_text="False where looking at all would have taken too long: then it is at least this."
    )
    active_files = serializers.IntegerField(help_text="Being written or worked on.")


class SchedulerSerializer(serializers.Serializer[Any]):
    is_running = serializers.BooleanField(help_text="Not paused, and the scheduler is alive.")
    next_run = serializers.DateTimeField(allow_null=True, help_text="Null while paused.")
    total_jobs = serializers.IntegerField(help_text="Enabled policies.")


class CheckSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=GRADES)
    value = serializers.IntegerField(allow_null=True)
    threshold = serializers.IntegerField(allow_null=True)
    sentence = serializers.CharField()


class ManualRequest(OnlyKnown):
    dry_run = serializers.BooleanField(default=False)
    policies = serializers.ListField(
        child=serializers.SlugField(max_length=80),
        max_length=MOST_POLICIES,
        allow_empty=False,
        required=False,
        help_text="Slugs; without them, the policies of the command cleanup.",
    )


class FilesRequest(OnlyKnown):
    upload_folder = serializers.CharField(
        max_length=500,
        default=once.UPLOADS,
        help_text="`uploads`, with scratch, sessions, final videos and jobs, or a managed folder.",
    )
    task_days = serializers.IntegerField(min_value=0, max_value=LONGEST_DAYS, default=7)
    file_hours = serializers.IntegerField(min_value=0, max_value=LONGEST_DAYS * 24, default=24)
    dry_run = serializers.BooleanField(default=False)


Done = {"success": serializers.BooleanField()}
StatusAnswer = inline_serializer(
    "CleanupStatus",
    {
        **Done,
        "stats": StatsSerializer(),
        "scheduler_status": SchedulerSerializer(),
        "last_run": RunSerializer(allow_null=True),
    },
)
HealthAnswer = inline_serializer(
    "Health",
    {"status": serializers.ChoiceField(choices=GRADES), "checks": CheckSerializer(many=True)},
)
ManualAnswer = inline_serializer(
    "CleanupStarted",
    {
        **Done,
        "message": serializers.CharField(),
        "runs": serializers.ListField(child=serializers.IntegerField()),
    },
)
FilesAnswer = inline_serializer(
    "CleanupOfFiles",
    {
        **Done,
        "dry_run": serializers.BooleanField(),
        "counters": inline_serializer(
            "Counters", {name: serializers.IntegerField() for name in once.COUNTED}
        ),
        "bytes_freed": serializers.IntegerField(help_text="Or would be, after a dry run."),
        "notes": serializers.ListField(child=serializers.CharField()),
    },
)
SwitchAnswer = inline_serializer("Switched", {**Done, "scheduler_status": SchedulerSerializer()})


class StatusView(APIView):
    @extend_schema(operation_id="get_cleanup_status", responses=StatusAnswer)
    def get(self, request: Request) -> Response:
        """Say how storage and scheduler stand: the caller's own files, administrators all."""
        everyone = request.user.has_perm(ADMINISTER)
        run = status.last_run(request.user, everyone=everyone)
        return Response(
            {
                "success": True,
                "stats": status.stats(request.user, everyone=everyone),
                "scheduler_status": status.scheduler(),
                "last_run": RunSerializer(run).data if run else None,
            }
        )


class HealthView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="get_health",
        responses={HTTPStatus.OK: HealthAnswer, HTTPStatus.SERVICE_UNAVAILABLE: HealthAnswer},
    )
    def get(self, request: Request) -> Response:
        """Say how the site is; 503 when that is critical."""
        found = health()
        critical = found.status == CRITICAL
        return Response(
            {"status": found.status, "checks": [asdict(check) for check in found.checks]},
            status=HTTPStatus.SERVICE_UNAVAILABLE if critical else HTTPStatus.OK,
        )


class ManualView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="start_cleanup",
        request=ManualRequest,
        responses={202: ManualAnswer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Run policies now, paused or not; those of the command cleanup unless some are named."""
        asked = checked(ManualRequest, request.data)
        mode = Mode.PLAN if asked["dry_run"] else Mode.EXECUTE
        started, refused = start(wanted(asked.get("policies")), mode, request.user.get_username())
        if refused and not started:
            raise next(iter(refused.values()))
        message = f"Started: {words.counted(len(started), 'run')}."
        left = [f"{slug}: {error}" for slug, error in refused.items()]
        answer = {"success": True, "message": " ".join([message, *left])}
        return Response({**answer, "runs": [run.pk for run in started]}, status=202)


def wanted(slugs: list[str] | None) -> list[RetentionPolicy]:
    """Return the policies named, or those of the upkeep. Raises ValidationError."""
    if slugs is None:
        return [policy for part in cleanup.BARE for policy in cleanup.policies(part)]
    known = {policy.slug: policy for policy in RetentionPolicy.objects.filter(slug__in=slugs)}
    if unknown := [slug for slug in slugs if slug not in known]:
        raise ValidationError({"policies": [f"There is no policy {slug}." for slug in unknown]})
    return [known[slug] for slug in dict.fromkeys(slugs)]


def start(
    policies: list[RetentionPolicy], mode: Mode, by: str
) -> tuple[list[RetentionRun], dict[str, RetentionError]]:
    """Ask for a run of each; return the runs, and what was refused by slug."""
    started, refused = [], {}
    for policy in policies:
        try:
            started.append(cleanup.ask(policy, mode=mode, by=by, ring_worker=True))
        except RetentionError as error:
            refused[policy.slug] = error
    return started, refused


class FilesView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(
        operation_id="clean_files",
        request=FilesRequest,
        responses={200: FilesAnswer, "4XX": REFUSED},
    )
    def post(self, request: Request) -> Response:
        """Clean by these ages for this once; 0 is everything that nobody is using."""
        asked = checked(FilesRequest, request.data)
        try:
            found = once.clean(
                asked["upload_folder"],
                jobs=timedelta(days=asked["task_days"]),
                files=timedelta(hours=asked["file_hours"]),
                dry_run=asked["dry_run"],
                by=request.user.get_username(),
            )
        except once.UnknownFolder as error:
            sentence = f"“{error}” is no managed folder: give uploads, or the name of one."
            raise ValidationError({"upload_folder": [sentence]}) from error
        return Response(
            {
                "success": found.errors == 0,
                "dry_run": asked["dry_run"],
                "counters": found.counts,
                "bytes_freed": found.bytes_freed,
                "notes": found.notes,
            }
        )


class StartView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="resume_policies", request=None, responses=SwitchAnswer)
    def post(self, request: Request) -> Response:
        """Let all scheduled policies run by themselves again."""
        return turned(request, on=True)


class StopView(APIView):
    permission_classes = [IsAdministrator]

    @extend_schema(operation_id="pause_policies", request=None, responses=SwitchAnswer)
    def post(self, request: Request) -> Response:
        """Pause all scheduled policies; what was released before is still removed."""
        return turned(request, on=False)


def turned(request: Request, *, on: bool) -> Response:
    state = status.turn(on=on, by=request.user.get_username())
    return Response({"success": True, "scheduler_status": state})
