"""Every benchmark of docs/benchmarks.md but benchmarks.kills and benchmarks.faults, which take most of an hour."""

from benchmarks import board, csv_intake, ga4_page, night, stages

ga4_page.main()
csv_intake.main()
night.main()
stages.main()
board.main()
