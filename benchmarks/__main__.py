"""Every benchmark of docs/benchmarks.md but the hundred kills, which take most of an hour: benchmarks.kills."""

from benchmarks import csv_intake, ga4_page, night, stages

ga4_page.main()
csv_intake.main()
night.main()
stages.main()
