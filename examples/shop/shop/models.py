"""Orders, the reports about them, and the chunks that stored files are made of."""

# Field types are for the Django plugin of mypy, which these checks do without.
# mypy: disable-error-code="var-annotated"

from django.db import models
from django.utils import timezone


class Order(models.Model):
    number = models.CharField(max_length=20, unique=True)
    customer = models.CharField(max_length=200)
    email = models.EmailField()
    country = models.CharField(max_length=2)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    placed_at = models.DateTimeField(default=timezone.now)
    receipt_sent_at = models.DateTimeField(null=True)
    # Why its receipt was not sent: see receivers.py.
    receipt_error = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.number}"


class Report(models.Model):
    """Revenue per country and month, made from an export of orders in CSV."""

    source = models.FileField(upload_to="orders")
    created_at = models.DateTimeField(default=timezone.now)
    summary = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"Report on {self.source.name}"


class FileChunk(models.Model):
    """A piece of a stored file: see storage.py."""

    name = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["name", "number"], name="one_chunk_per_number"),)

    def __str__(self) -> str:
        return f"{self.name} {self.number}"
