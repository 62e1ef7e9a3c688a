"""Bodies always have a place: the partitions made ahead reach as far as a body can be kept."""

from datetime import date, timedelta
from pathlib import Path

from sendigopro.foundation.partitions import expiry_bucket, read_words, span_of, wanted
from sendigopro.messages.accept import SCHEDULE_MAX, TTL_MAX_SECONDS

RETENTION_MAX_DAYS = 400
MIGRATION = Path(__file__).parents[2] / "migrations" / "main" / "0001_messages.sql"


def test_the_longest_kept_body_has_a_partition_on_every_day_of_the_year() -> None:
    (line,) = [line for line in MIGRATION.read_text().splitlines() if "main.message_bodies ( -- @partitions" in line]
    plan = read_words(line.partition("@partitions ")[2])
    farthest = SCHEDULE_MAX + timedelta(seconds=TTL_MAX_SECONDS, days=RETENTION_MAX_DAYS)

    for today in (date(2027, 1, 1) + timedelta(days=n) for n in range(366)):
        made = {span.name for span in wanted(plan, today, "bodies")}
        assert span_of(plan, expiry_bucket(today + farthest, today), "bodies").name in made
