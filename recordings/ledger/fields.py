"""The FileField of stored files: bytes never come in through it, and its storage is the row's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.files.storage import storages
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields.files import FieldFile

from recordings.ledger.exceptions import LedgerError

if TYPE_CHECKING:
    from recordings.ledger.models import StoredFile


class LedgerFieldFile(FieldFile):
    """Read through the storage named in the row.

    It is asked for when needed, so a name can be shown though its storage is configured no more.
    """

    instance: StoredFile

    @property
    def storage(self) -> Any:
        return storages[self.instance.storage]

    @storage.setter
    def storage(self, value: Any) -> None:
        """FieldFile sets the field's, which says nothing about this row."""


class StoredFileField(models.FileField):
    """Hold the name of bytes that `publish` put in place.

    Raises LedgerError on an uncommitted file: a form or serializer that saved one would write past
    the ledger. Compares by bytes on PostgreSQL, as a sorted storage listing does.
    """

    attr_class = LedgerFieldFile

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["editable"] = False
        kwargs.setdefault("max_length", 255)
        super().__init__(*args, **kwargs)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        file = getattr(model_instance, self.attname)
        if file and not file._committed:
            raise LedgerError("Files enter through recordings.ledger.publish, not through a field.")
        return file

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters
